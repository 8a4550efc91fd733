"""Moments of a run: the guest as a snapshot, the controller's journal as a copy, both to be brought back together.

Boundary: makes the two moments that several stories begin with; the fixtures are in `conftest`.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.engine import SINCE
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, footprint

REBOOT_SEEN = f"{SINCE}: before journal: done reboot"
REBOOT_AHEAD = f"{SINCE}: before program: WriteFile+Run systemctl reboot"


@dataclass(frozen=True)
class Moment:
    """A snapshot's name, the controller that worked then, and what the guest's footprint was before it began."""

    snapshot: str
    lab: GuestLab
    start: list[str]

    def again(self, folder: Path) -> GuestLab:
        """Bring it back; the controller goes on in `folder`."""
        self.lab.guest.restore(self.snapshot)
        return self.lab.copy(folder)


def bare(guest: Guest, folder: Path) -> Moment:
    """The bare host with shims in front of its tools, and a controller that has done nothing yet."""
    guest.restore()
    shims.install(guest)
    guest.snapshot("bare-with-shims")
    return Moment("bare-with-shims", GuestLab(guest, folder), footprint(guest))


def crossed(before: Moment, folder: Path) -> Moment:
    """A run that was killed twice: with its program, between /etc/default/grub and update-grub; and after its reboot.

    The second time, the engine had seen the new boot and not yet noted it.
    """
    lab = before.again(folder)
    kill_within(lab, shims.UPDATE_GRUB)
    shims.kill_program(lab.guest)
    assert "iommu=pt" in lab.guest.shell("cat /etc/default/grub")
    assert "iommu=pt" not in lab.guest.shell("cat /boot/grub/grub.cfg")
    assert lab.engine(at=(REBOOT_SEEN, 1)).wait() == -signal.SIGKILL
    lab.guest.snapshot("crossed")
    return Moment("crossed", lab, before.start)


def kill_within(lab: GuestLab, command: str, purpose: Purpose = Purpose.APPLY) -> None:
    """Kill the engine while its program is within the command, which stays held."""
    shims.hold(lab.guest, command)
    engine = lab.engine(purpose)
    shims.wait_until_held(lab.guest)
    engine.kill()
