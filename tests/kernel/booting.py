"""What stories ask of a guest that has booted, and of a controller that has nothing left to do.

Boundary: looks in through the guest's own ssh; the one who applies is the lab.
"""

from __future__ import annotations

from gpucarve.calls import state
from gpucarve.facts import units
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, traces


def unit_ended(guest: Guest) -> str:
    """How the boot unit ended in this boot, once it has: `active`, or another word with what it said."""
    word = guest.shell(
        f"for n in $(seq 100); do s=$(systemctl is-active {units.NAME} || true); "
        'case $s in activating | inactive) sleep 1 ;; *) break ;; esac; done; echo "$s"'
    ).strip()
    return word if word == "active" else f"{word}: {guest.shell(f'journalctl -b -u {units.NAME}; cat {state.RECORD}')}"


def second_apply_writes_nothing(lab: GuestLab) -> None:
    """Nothing is planned, and applying that leaves no trace."""
    plan, was = lab.survey().draft.plan, traces(lab.guest)
    assert plan.stages == ()
    assert lab.apply(plan).done
    assert traces(lab.guest) == was
