"""Boot loader entries and where new kernels get their arguments from."""

from __future__ import annotations

import pytest

from gpucarve.calls import state
from gpucarve.facts import entries, grub
from tests.facts.answers import Content, known, why

ROCKY = f"{entries.FOLDER}/1f-5.14.0-427.13.1.el9_4.x86_64.conf"
RESCUE = f"{entries.FOLDER}/1f-0-rescue.conf"
BLOCK = "# GRUB Environment Block\nsaved_entry=1f-4.18.0\nkernelopts=root=/dev/mapper/rl-root ro quiet\n" + "#" * 900
KEPT = f"{state.CLAIMS}/{grub.CLAIM}/kept"


def _entry(options: str) -> str:
    return f"title Rocky Linux\nversion 5.14.0\nlinux /vmlinuz-5.14.0\ninitrd /initramfs.img $tuned_initrd\n{options}\n"


def test_an_entry_s_arguments_are_those_of_its_options() -> None:
    found = known(entries.PROBE, {ROCKY: _entry("options root=/dev/sda2 ro  quiet")})
    assert found.arguments(found.entries[ROCKY]) == ("root=/dev/sda2", "ro", "quiet")


def test_variables_of_the_environment_block_are_filled_in_and_others_stay() -> None:
    found = known(
        entries.PROBE, {ROCKY: _entry("options $kernelopts $tuned_params ${kernelopts}"), entries.ENVIRONMENT: BLOCK}
    )
    of_block = ("root=/dev/mapper/rl-root", "ro", "quiet")
    assert found.arguments(found.entries[ROCKY]) == (*of_block, "$tuned_params", *of_block)
    assert found.environment["saved_entry"] == "1f-4.18.0"


@pytest.mark.parametrize(
    ("options", "lines"),
    [("", 0), ("options a", 1), ("options a\noptions b", 2), ("options\ta", 1), ("optionsa b", 0), ("# options a", 0)],
)
def test_lines_of_options_are_counted_as_the_boot_loader_reads_them(options: str, lines: int) -> None:
    assert len(entries.options(_entry(options).encode())) == lines


def test_what_new_kernels_are_given_and_what_is_not_there_is_told() -> None:
    found = known(entries.PROBE, {RESCUE: _entry("options ro"), entries.NEW_KERNELS: "ro quiet\n"})
    assert found.new_kernels == b"ro quiet\n"
    assert found.environment_block is None
    nothing = known(entries.PROBE, {})
    assert (nothing.entries, nothing.new_kernels, nothing.newest_deployment) == ({}, None, "")


def test_the_claim_s_copies_are_told_by_path_and_what_was_not_there_too() -> None:
    files: dict[str, Content] = {
        f"{KEPT}/0/path": ROCKY,
        f"{KEPT}/0/content": _entry("options ro"),
        f"{KEPT}/1/path": entries.NEW_KERNELS,
    }
    assert known(entries.PROBE, files).kept == {ROCKY: _entry("options ro").encode(), entries.NEW_KERNELS: None}


def test_of_an_ostree_host_s_deployments_the_one_with_the_highest_number_is_next() -> None:
    files: dict[str, Content] = {
        f"{entries.FOLDER}/ostree-{place}.conf": f"title Fedora CoreOS\nversion {number}\noptions root=UUID=1\n"
        for place, number in ((1, 2), (2, 10), (3, 9))
    }
    assert known(entries.PROBE, files).newest_deployment == f"{entries.FOLDER}/ostree-2.conf"


def test_an_entry_that_cannot_be_read_whole_makes_all_of_them_unknown() -> None:
    assert ROCKY in why(entries.PROBE, {ROCKY: None})
