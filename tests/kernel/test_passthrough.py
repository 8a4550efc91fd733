"""Passthrough on a real kernel: a card of several functions to vfio-pci through a reboot, for good, and back.

The card's functions are the bench's double, and nouveau is a stand-in that binds the graphics (README.md). The sound is
kept by the kernel's own pci-stub, which the initramfs loads for its id, as people do who give cards away by hand.
Binding, overrides, udev, modprobe.d, the initramfs, GRUB, IOMMU groups are real.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpucarve.plan.plans import Purpose
from tests.kernel.booting import second_apply_writes_nothing, unit_ended
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.machine import QUADRO, RTX6000
from tests.kernel.missing import needed

CARDED = "carded"
CARD, SOUND, *_ = QUADRO
GIVEN = dict.fromkeys(QUADRO, "vfio-pci")
NATIVE = {CARD: "nouveau", SOUND: "pci-stub"}  # nothing here drives the others
IMAGE = "/boot/initrd.img-$(uname -r)"
# The image takes nouveau in as a display manager's hook does: by udev's own choice at boot, not by name.
IMAGES = """\
cat > /etc/initramfs-tools/hooks/graphics <<'END'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules {drivers}
END
chmod 755 /etc/initramfs-tools/hooks/graphics
grep -q pci_stub /etc/initramfs-tools/modules || echo pci_stub ids=10de:10f7 >>/etc/initramfs-tools/modules
update-initramfs -u >/dev/null 2>&1
sync
"""


@pytest.fixture(scope="module")
def carded() -> Iterator[Guest]:
    """A guest with the card, and two of its functions' drivers in the image, which a late blacklist does not reach."""
    with Guest(needed(), topology=RTX6000) as running:
        running.start(None)
        running.shell(IMAGES.format(drivers="nouveau"), timeout=600)
        running.shell("echo 'blacklist nouveau' > /etc/modprobe.d/late.conf; sync")
        running.reboot()
        running.shell("grep -q ^nouveau /proc/modules; rm /etc/modprobe.d/late.conf; sync")
        running.snapshot(CARDED)
        yield running


@dataclass
class Card:
    """The guest, and the card in it as a controller treats it."""

    guest: Guest
    lab: GuestLab

    def drivers(self) -> dict[str, str]:
        """What its functions are bound to; unbound ones are left out."""
        script = f"for each in {' '.join(QUADRO)}; do echo $each $(readlink /sys/bus/pci/devices/$each/driver); done"
        lines = [line.split() for line in self.guest.shell(script).splitlines()]
        return {words[0]: words[1].rpartition("/")[2] for words in lines if len(words) > 1}

    def has_nouveau(self) -> bool:
        """Whether nouveau is loaded."""
        return self.guest.shell("grep -c ^nouveau /proc/modules || true").strip() == "1"

    def override(self, function: str) -> str:
        """The override of one."""
        return self.guest.shell(f"cat /sys/bus/pci/devices/{function}/driver_override").strip()

    def everything(self) -> list[str]:
        """What a rollback has to bring back; of the image, which was made anew, what could be ours."""
        inside = self.guest.shell(f"lsinitramfs {IMAGE} | grep -E 'gpucarve|nouveau|pci-stub'")
        return [*footprint(self.guest), *sorted(inside.splitlines())]


@pytest.fixture
def card(carded: Guest, tmp_path: Path) -> Card:
    """The guest as it was, and a controller."""
    carded.restore(CARDED)
    return Card(carded, GuestLab(carded, tmp_path, cut="passthrough: true", gpu=CARD))


def test_a_card_is_given_through_a_reboot_stays_so_at_the_next_and_comes_back(card: Card) -> None:
    """Our blacklist reaches the image. What keeps the sound is there for good and comes before any rule: our boot unit
    takes the function from it."""
    assert card.drivers() == NATIVE
    start = card.everything()
    plan = card.lab.becomes("passthrough: true")
    kept_out = next(each for each in plan.steps if each.key.kind == "driver-blacklist")
    assert kept_out.after == "nouveau kept out, also in the initramfs"
    assert card.drivers() == GIVEN
    assert not card.has_nouveau()
    card.guest.reboot()
    assert unit_ended(card.guest) == "active"
    assert card.drivers() == GIVEN
    assert "pci_stub" in card.guest.shell("cat /proc/modules")
    second_apply_writes_nothing(card.lab)
    result = card.lab.run(Purpose.ROLLBACK)
    assert result.done, result.endings
    assert card.everything() == start


@pytest.mark.skipif(os.environ.get("GPUCARVE_EVERY_POINT") != "1", reason="make kernel-every-point asks for it")
def test_our_rule_alone_is_late_for_a_driver_in_the_image_until_the_image_has_it_too(card: Card) -> None:
    """Without the boot unit: nouveau comes from the disk here, pci-stub from the image."""
    card.guest.shell(IMAGES.format(drivers=""), timeout=600)
    assert card.lab.run().done
    card.guest.shell(
        "systemctl disable gpucarve-boot.service 2>/dev/null; mv /etc/modprobe.d/gpucarve.conf /srv/; sync"
    )
    card.guest.reboot()
    assert card.has_nouveau()
    assert card.drivers() == {**GIVEN, SOUND: "pci-stub"}
    assert card.override(SOUND) == "vfio-pci"
    card.guest.shell("update-initramfs -u >/dev/null 2>&1; sync", timeout=600)
    card.guest.reboot()
    assert card.drivers() == GIVEN
    card.guest.shell("mv /srv/gpucarve.conf /etc/modprobe.d/; sync")
    result = card.lab.run(Purpose.ROLLBACK)
    assert result.done, result.endings
    assert "gpucarve" not in card.guest.shell(f"lsinitramfs {IMAGE}")
    card.guest.reboot()
    assert card.drivers() == NATIVE
