"""Secure Boot and SELinux."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import security
from tests.facts.answers import Content, known, why

UEFI = ("/sys/firmware/efi",)
ENFORCE = "/sys/fs/selinux/enforce"
REFUSED = Failure(FailureKind.REFUSED, "Permission denied")


@pytest.mark.parametrize(
    ("variable", "folders", "answer"),
    [
        (b"\x06\x00\x00\x00\x01", UEFI, True),
        (b"\x06\x00\x00\x00\x00", UEFI, False),
        ("absent", UEFI, None),
        (REFUSED, UEFI, None),
        (b"\x06\x00", UEFI, None),
        ("absent", (), False),
    ],
    ids=["on", "off", "variables not mounted", "refused", "cut", "no UEFI"],
)
def test_secure_boot_is_what_the_firmware_says_and_never_guessed(
    variable: Content, folders: tuple[str, ...], answer: bool | None
) -> None:
    files: dict[str, Content] = {} if variable == "absent" else {security.SECURE_BOOT: variable}
    assert known(security.PROBE, files, folders=folders).secure_boot is answer


@pytest.mark.parametrize(("content", "mode"), [("1", "enforcing"), ("0", "permissive")])
def test_selinux_is_in_the_mode_that_its_file_says(content: str, mode: str) -> None:
    assert known(security.PROBE, {ENFORCE: content}).selinux == mode


def test_a_host_with_neither_has_both_off() -> None:
    assert known(security.PROBE) == security.Security(secure_boot=False, selinux="disabled")


@pytest.mark.parametrize("content", ["maybe", REFUSED], ids=["nonsense", "refused"])
def test_a_mode_that_is_there_and_cannot_be_read_makes_it_unknown(content: Content) -> None:
    assert ENFORCE in why(security.PROBE, {ENFORCE: content})
