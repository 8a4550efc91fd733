"""Passthrough on a real kernel: a card of two functions to vfio-pci through a reboot, at every later boot, and back.

The card's graphics are the bench's double and nouveau is a stand-in (README.md); the companion is a virtio device with
its own driver, which the initramfs loads. Binding, overrides, udev, modprobe.d, the initramfs, IOMMU groups are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.app.worlds import open_world
from gpucarve.engine.converge import Result
from gpucarve.facts.observed import Observed
from gpucarve.plan.making import Draft
from gpucarve.plan.plans import Purpose
from tests.kernel.bench import find_bench
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab, footprint
from tests.kernel.machine import CARD, COMPANION, DISPLAY_CARD
from tests.kernel.missing import missing
from tests.story.passing import Passing

CARDED = "carded"
PASSING = Passing.of(HOST, (CARD, COMPANION), "intel_iommu=on", "iommu=pt")
GIVEN = {CARD: "vfio-pci", COMPANION: "vfio-pci"}
NATIVE = {CARD: "nouveau", COMPANION: "virtio-pci"}
IMAGE = "/boot/initrd.img-$(uname -r)"
# The image takes nouveau in as a display manager's hook does: by udev's own choice at boot, not by name.
HOOK = """\
cat > /etc/initramfs-tools/hooks/graphics <<'END'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules nouveau
END
chmod 755 /etc/initramfs-tools/hooks/graphics
update-initramfs -u >/dev/null 2>&1
sync
"""


@pytest.fixture(scope="module")
def carded() -> Iterator[Guest]:
    """A guest with the card, nouveau in its image and bound to it."""
    absent, bench = missing(), find_bench()
    if absent or bench is None:
        pytest.skip("; ".join(absent))
    with Guest(bench, topology=DISPLAY_CARD) as running:
        running.start(None)
        running.shell(HOOK, timeout=600)
        running.reboot()
        running.snapshot(CARDED)
        yield running


@dataclass
class Card:
    """The guest, and the card in it as a controller treats it."""

    guest: Guest
    lab: GuestLab

    def drivers(self) -> dict[str, str]:
        """What its functions are bound to; unbound ones are left out."""
        script = f"for each in {CARD} {COMPANION}; do echo $each $(readlink /sys/bus/pci/devices/$each/driver); done"
        lines = [line.split() for line in self.guest.shell(script).splitlines()]
        return {words[0]: words[1].rpartition("/")[2] for words in lines if len(words) > 1}

    def override(self, function: str) -> str:
        """The override of one."""
        return self.guest.shell(f"cat /sys/bus/pci/devices/{function}/driver_override").strip()

    def everything(self) -> list[str]:
        """What a rollback has to bring back."""
        bound = [f"{function} {driver}" for function, driver in self.drivers().items()]
        inside = self.guest.shell(f"lsinitramfs {IMAGE} | grep -E 'modprobe.d|nouveau'; grep -c ^nouveau /proc/modules")
        return [*footprint(self.guest), *bound, self.override(CARD), self.override(COMPANION), *inside.splitlines()]

    def draft(self, purpose: Purpose = Purpose.APPLY) -> Draft:
        """What would be done now."""

        async def look() -> Draft:
            world = open_world(self.lab.fleet, None)
            try:
                found = (await app.observe(world, (HOST,)))[HOST]
                assert isinstance(found, Observed), found
                return PASSING.draft(found, purpose)
            finally:
                await world.close()

        return asyncio.run(look())

    def run(self, purpose: Purpose = Purpose.APPLY) -> Result:
        """Plan and carry out."""
        draft = self.draft(purpose)
        assert not draft.blocked, [each.sentence() for each in draft.blocked]
        return self.lab.apply(draft.plan)


@pytest.fixture
def card(carded: Guest, tmp_path: Path) -> Card:
    """The guest as it was, and a controller."""
    carded.restore(CARDED)
    return Card(carded, GuestLab(carded, tmp_path))


def test_both_functions_are_given_through_a_reboot_stay_so_at_the_next_and_come_back(card: Card) -> None:
    assert card.drivers() == NATIVE, "nouveau is in the image"
    start = card.everything()
    result = card.run()
    assert result.done, result.endings
    assert card.drivers() == GIVEN
    assert "nouveau" not in card.guest.shell("cat /proc/modules")
    assert not card.draft().plan.stages, "a second apply has nothing to do"
    card.guest.reboot()
    card.guest.shell("systemctl is-active --wait gpucarve-boot.service || systemctl start gpucarve-boot.service")
    assert card.drivers() == GIVEN
    assert not card.draft().plan.stages
    result = card.run(Purpose.ROLLBACK)
    assert result.done, result.endings
    assert card.everything() == start


def test_a_blacklist_that_came_after_the_image_does_not_reach_it_and_ours_does(card: Card) -> None:
    card.guest.shell("echo 'blacklist nouveau' > /etc/modprobe.d/late.conf; sync")
    card.guest.reboot()
    assert card.drivers()[CARD] == "nouveau", "the trap is there"
    step = next(
        each for stage in card.draft().plan.stages for each in stage.steps if each.key.kind == "driver-blacklist"
    )
    assert step.after == "nouveau kept out, also in the initramfs"


def test_our_rule_alone_is_late_for_a_driver_in_the_image_until_the_image_has_it_too(card: Card) -> None:
    """Without the boot unit: nouveau comes from the disk here, virtio's driver from the image."""
    card.guest.shell("rm /etc/initramfs-tools/hooks/graphics; update-initramfs -u >/dev/null 2>&1; sync", timeout=600)
    assert card.run().done
    card.guest.shell(
        "systemctl disable gpucarve-boot.service 2>/dev/null; mv /etc/modprobe.d/gpucarve.conf /root/; sync"
    )
    card.guest.reboot()
    assert "nouveau" in card.guest.shell("cat /proc/modules")
    assert card.drivers() == {CARD: "vfio-pci", COMPANION: "virtio-pci"}
    assert card.override(COMPANION) == "vfio-pci"
    card.guest.shell("update-initramfs -u >/dev/null 2>&1; sync", timeout=600)
    card.guest.reboot()
    assert card.drivers() == GIVEN
    card.guest.shell("mv /root/gpucarve.conf /etc/modprobe.d/; sync")
    result = card.run(Purpose.ROLLBACK)
    assert result.done, result.endings
    assert "gpucarve" not in card.guest.shell(f"lsinitramfs {IMAGE}")
    card.guest.reboot()
    assert card.drivers() == NATIVE
