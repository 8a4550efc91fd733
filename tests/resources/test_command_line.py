"""Kernel arguments are merged into /etc/default/grub, never replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucarve.resources.host import command_line

WANTED = ("intel_iommu=on", "iommu=pt")


def test_missing_arguments_are_appended_and_all_others_stay_in_place() -> None:
    before = 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX="console=ttyS0 nokaslr"\n'
    after = command_line.merge(before, WANTED)
    assert after == before.replace("nokaslr", "nokaslr intel_iommu=on iommu=pt")


def test_an_argument_of_the_same_key_is_changed_where_it_stands() -> None:
    before = "GRUB_CMDLINE_LINUX_DEFAULT='quiet intel_iommu=off'\nGRUB_CMDLINE_LINUX=nokaslr\n"
    after = command_line.merge(before, WANTED)
    assert after == 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"\nGRUB_CMDLINE_LINUX="nokaslr iommu=pt"\n'


def test_a_missing_variable_is_added_at_the_end() -> None:
    assert (
        command_line.merge("GRUB_TIMEOUT=5\n", WANTED)
        == 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'
    )


def test_what_is_there_already_is_left_alone_to_the_byte() -> None:
    text = "GRUB_CMDLINE_LINUX=  # none\nGRUB_CMDLINE_LINUX_DEFAULT='iommu=pt  intel_iommu=on,sm_on'  # kept\n"
    assert command_line.merge(text, WANTED) == text


def test_the_assignment_in_force_is_the_last_one() -> None:
    text = 'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b"\n'
    assert command_line.merge(text, ("iommu=pt",)) == 'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b iommu=pt"\n'


@pytest.mark.parametrize(
    "line",
    [
        'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX more"',
        "GRUB_CMDLINE_LINUX=`cat /etc/arguments`",
        'GRUB_CMDLINE_LINUX+=" more"',
        'GRUB_CMDLINE_LINUX="two \\',
        'GRUB_CMDLINE_LINUX_DEFAULT="a" GRUB_TIMEOUT=3',
    ],
)
def test_an_assignment_that_the_shell_would_expand_is_refused_and_named(line: str) -> None:
    with pytest.raises(command_line.NotLiteral, match="line 2"):
        command_line.merge(f"GRUB_TIMEOUT=1\n{line}\n", WANTED)


def test_a_commented_assignment_is_not_an_assignment() -> None:
    text = '#GRUB_CMDLINE_LINUX="$OLD"\nGRUB_CMDLINE_LINUX="a"\n'
    assert command_line.merge(text, ("iommu=pt",)).endswith('GRUB_CMDLINE_LINUX="a iommu=pt"\n')


@pytest.mark.parametrize(
    ("tokens", "argument", "answer"),
    [
        (("quiet", "iommu=pt"), "iommu=pt", True),
        (("iommu=pt", "iommu=off"), "iommu=pt", False),
        (("intel_iommu=on,sm_on",), "intel_iommu=on", True),
        (("intel_iommu=online",), "intel_iommu=on", False),
        (("quiet",), "quiet", True),
        ((), "quiet", False),
        (("quiet=1",), "quiet", False),
    ],
)
def test_the_last_token_of_a_key_decides(tokens: tuple[str, ...], argument: str, answer: bool) -> None:
    assert command_line.satisfied(tokens, argument) is answer


def test_unmerging_keeps_what_others_have_changed_since() -> None:
    earlier = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"\nGRUB_CMDLINE_LINUX="nokaslr"\n'
    ours = command_line.merge(earlier, WANTED)
    others = ours.replace("nokaslr", "nokaslr hugepages=4") + "GRUB_TIMEOUT=9\n"
    assert (
        command_line.unmerge(others, earlier, WANTED)
        == earlier.replace("nokaslr", "nokaslr hugepages=4") + "GRUB_TIMEOUT=9\n"
    )


_WORD = st.from_regex(r"[a-z][a-z_.]{0,8}(=[A-Za-z0-9,:/.-]{0,8})?", fullmatch=True)


@given(st.lists(_WORD, max_size=6), st.lists(_WORD, max_size=6))
def test_merging_twice_is_merging_once_and_unmerging_brings_the_tokens_back(
    first: list[str], second: list[str]
) -> None:
    text = f'GRUB_CMDLINE_LINUX_DEFAULT="{" ".join(first)}"\nGRUB_CMDLINE_LINUX="{" ".join(second)}"\n'
    once = command_line.merge(text, WANTED)
    assert command_line.merge(once, WANTED) == once
    keys = {command_line.key_of(each) for each in WANTED}
    restored = command_line.unmerge(once, text, WANTED)
    for line, original in zip(restored.split("\n"), text.split("\n"), strict=True):
        values = [line.partition('"')[2].rstrip('"').split() for line in (line, original)]
        assert [token for token in values[0] if command_line.key_of(token) not in keys] == [
            token for token in values[1] if command_line.key_of(token) not in keys
        ]
        assert sorted(values[0]) == sorted(values[1])
