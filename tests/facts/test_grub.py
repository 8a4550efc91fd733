"""What the boot loader would start next."""

from __future__ import annotations

import pytest

from gpucarve.calls import state
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import grub
from tests.facts.answers import Content, known, why

MENU = """\
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian GNU/Linux' {
\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro quiet iommu=pt
\tinitrd\t/boot/initrd.img-6.1
}
\tmenuentry 'Debian GNU/Linux (recovery mode)' {
\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro single
\t}
\tmenuentry 'Ubuntu (recovery mode)' {
\t\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro recovery nomodeset
\t}
### END /etc/grub.d/10_linux ###
"""
MEMTEST = """\
### BEGIN /etc/grub.d/20_memtest86+ ###
menuentry 'Memory test (memtest86+)' {
\tlinux16\t/boot/memtest86+.bin
}
menuentry 'Memory test (serial)' {
\tlinux\t/boot/memtest86+x64.bin console=ttyS0,115200
}
### END /etc/grub.d/20_memtest86+ ###
"""
ENTRY = ("root=UUID=1", "ro", "quiet", "iommu=pt")
DEFAULTS = 'GRUB_CMDLINE_LINUX="iommu=pt"\n'
KEPT = f"{state.CLAIMS}/kernel-arguments/kept"


def _host(menu: Content = MENU, **more: Content) -> dict[str, Content]:
    return {grub.DEFAULTS: DEFAULTS, grub.CONFIG: menu} | more


def test_the_normal_entries_are_read_and_those_for_recovery_left_out() -> None:
    assert known(grub.PROBE, _host()) == grub.Grub(DEFAULTS.encode(), (ENTRY,))


@pytest.mark.parametrize("menu", [MENU + MEMTEST, MEMTEST + MENU])
def test_entries_that_are_not_made_from_the_defaults_do_not_count(menu: str) -> None:
    found = known(grub.PROBE, _host(menu))
    assert found is not None
    assert found.entries == (ENTRY,)


def test_a_menu_that_somebody_wrote_is_read_whole() -> None:
    menu = "menuentry 'a' {\n linux /vmlinuz a=1\n}\nmenuentry 'b' {\n linuxefi /vmlinuz\n}\n"
    found = known(grub.PROBE, _host(menu))
    assert found is not None
    assert found.entries == (("a=1",), ())


def test_a_host_without_the_defaults_has_no_grub() -> None:
    assert known(grub.PROBE, {grub.CONFIG: MENU}) is None


def test_a_host_without_a_menu_has_no_entries() -> None:
    assert known(grub.PROBE, {grub.DEFAULTS: DEFAULTS}) == grub.Grub(DEFAULTS.encode(), ())


def test_the_defaults_that_a_claim_kept_are_found_by_their_path() -> None:
    kept: dict[str, Content] = {
        f"{KEPT}/0/path": "/etc/other",
        f"{KEPT}/0/content": "other",
        f"{KEPT}/1/path": grub.DEFAULTS,
        f"{KEPT}/1/content": "GRUB_TIMEOUT=5\n",
    }
    found = known(grub.PROBE, _host() | kept)
    assert found is not None
    assert found.kept == b"GRUB_TIMEOUT=5\n"


def test_a_claim_without_the_content_it_should_have_kept_kept_nothing() -> None:
    found = known(grub.PROBE, _host() | {f"{KEPT}/0/path": grub.DEFAULTS})
    assert found is not None
    assert found.kept is None


def test_defaults_that_are_a_link_are_known_to_be_one() -> None:
    found = known(grub.PROBE, _host(), {grub.DEFAULTS: "/srv/dotfiles/grub"})
    assert found is not None
    assert found.link == "/srv/dotfiles/grub"


@pytest.mark.parametrize("path", [grub.DEFAULTS, grub.CONFIG, f"{KEPT}/0/content"])
@pytest.mark.parametrize("content", [None, Failure(FailureKind.REFUSED, "Permission denied")], ids=["cut", "refused"])
def test_what_is_there_and_cannot_be_read_whole_makes_it_unknown(path: str, content: Content) -> None:
    kept: dict[str, Content] = {f"{KEPT}/0/path": grub.DEFAULTS}
    assert path in why(grub.PROBE, _host() | kept | {path: content})
