"""What the host enforces: Secure Boot and SELinux.

Boundary: two switches as they stand; what they mean for a driver or a file is a check's.
Source: the UEFI specification's variable SecureBoot (four bytes of attributes stand before its value, see Linux'
Documentation/filesystems/efivarfs.rst); selinuxfs' `enforce`, absent where SELinux is off.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.calls.primitives import KIB, ReadFiles, Stat
from gpucarve.calls.replies import Files, PathStatuses, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect, whole

SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_EFI = "/sys/firmware/efi"
_ENFORCE = "/sys/fs/selinux/enforce"
_SELINUX = {"1": "enforcing", "0": "permissive"}
_LENGTH = 5  # attributes and one byte


@dataclass(frozen=True, slots=True)
class Security:
    """`secure_boot` is None where an UEFI host does not show the variable; without UEFI there is none. `selinux` is
    `enforcing`, `permissive` or `disabled`."""

    secure_boot: bool | None
    selinux: str


def _parse(replies: tuple[Reply, ...]) -> Security:
    variable = expect(replies[0], Files).by_path().get(SECURE_BOOT)
    enforce = whole(replies[1]).get(_ENFORCE)
    uefi = _EFI in expect(replies[2], PathStatuses).by_path()
    if variable is not None and len(variable.content) == _LENGTH:
        secure_boot: bool | None = variable.content[-1] == 1
    else:
        secure_boot = None if uefi else False
    if enforce is None:
        return Security(secure_boot, "disabled")
    if enforce.text() not in _SELINUX:
        raise Unreadable(f"{_ENFORCE} says {enforce.text()[:20]!r}, neither 0 nor 1")
    return Security(secure_boot, _SELINUX[enforce.text()])


PROBE = Probe(
    "security",
    (ReadFiles((SECURE_BOOT,), limit=KIB), ReadFiles((_ENFORCE,), limit=KIB), Stat((_EFI,))),
    _parse,
)
