"""The initramfs made by dracut instead of initramfs-tools: a blacklist reaches it, and goes out of it again.

The guest of `test_passthrough` with Debian's dracut in the place of initramfs-tools. It takes minutes, so it runs only
with GPUCARVE_DRACUT=1 (`make kernel-dracut`).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpucarve.plan.plans import Purpose
from tests.kernel.booting import second_apply_writes_nothing
from tests.kernel.guest import Guest
from tests.kernel.image.dracut import find_packages
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.machine import RTX6000
from tests.kernel.missing import needed
from tests.kernel.test_passthrough import CARD, GIVEN, Card
from tests.parts import leave_out

pytestmark = pytest.mark.skipif(
    os.environ.get("GPUCARVE_DRACUT") != "1", reason="GPUCARVE_DRACUT=1 asks for it (make kernel-dracut)"
)

DRACUT = "dracut"
NATIVE = {CARD: "nouveau"}
# The image takes nouveau in, as it does on a host whose display it drives.
_SETTINGS = r"""
printf 'hostonly="%s"\nadd_drivers+=" nouveau "\ncompress="zstd -1"\n' {hostonly} >/etc/dracut.conf.d/bench.conf
dracut --force --quiet
update-grub 2>/dev/null
sync
"""
_INSTALL = r"""
mkdir -p /etc/dracut.conf.d
printf 'hostonly="yes"\ncompress="zstd -1"\n' >/etc/dracut.conf.d/bench.conf
dpkg --purge --force-depends initramfs-tools initramfs-tools-core >/dev/null 2>&1
dpkg --install --force-confold /srv/*.deb >/dev/null
rm /srv/*.deb
"""


def _make_image(guest: Guest, hostonly: str) -> None:
    """What the host's owner told dracut; then the image, and a boot with it."""
    guest.shell(_SETTINGS.format(hostonly=hostonly), timeout=900)
    guest.reboot()


@pytest.fixture(scope="module")
def dracut_guest() -> Iterator[Guest]:
    """A guest with the card, and nouveau in an image for this host that dracut has made."""
    bench, packages = needed(), find_packages()
    if not packages:
        leave_out("dracut's packages are not in the cache: python -m tests.kernel.image.dracut")
    with Guest(bench, topology=RTX6000) as running:
        running.start(None)
        for package in packages:
            content = base64.b64encode(package.read_bytes()).decode()
            running.ssh(("sh", "-c", f"base64 -d >/srv/{package.name}"), stdin=content)
        running.shell(_INSTALL, timeout=900)
        _make_image(running, "yes")
        running.snapshot(DRACUT)
        yield running


def _everything(card: Card) -> list[str]:
    """What a rollback has to bring back; of the image, which was made anew, what could be ours."""
    inside = card.guest.shell("lsinitrd | grep -E 'gpucarve|nouveau' | sed 's/.* //'")
    return [*footprint(card.guest), *map(str, card.drivers().items()), *sorted(inside.splitlines())]


@pytest.mark.parametrize("hostonly", ["yes", "no"], ids=["for this host", "generic"])
def test_a_card_is_given_through_a_reboot_although_the_image_holds_its_driver_and_comes_back(
    dracut_guest: Guest, tmp_path: Path, hostonly: str
) -> None:
    """A generic image takes /etc/modprobe.d in only where dracut is told to."""
    dracut_guest.restore(DRACUT)
    card = Card(dracut_guest, GuestLab(dracut_guest, tmp_path, cut="passthrough: true", gpu=CARD))
    if hostonly == "no":
        _make_image(dracut_guest, "no")
    assert card.drivers() == NATIVE, "nouveau came from the image"
    start = _everything(card)
    plan = card.lab.becomes("passthrough: true")
    kept_out = next(each for each in plan.steps if each.key.kind == "driver-blacklist")
    assert kept_out.after == "nouveau kept out, also in the initramfs"
    assert card.drivers() == GIVEN
    assert not card.has_nouveau()
    assert "etc/modprobe.d/gpucarve.conf" in card.guest.shell("lsinitrd")
    second_apply_writes_nothing(card.lab)
    result = card.lab.run(Purpose.ROLLBACK)
    assert result.done, result.endings
    assert _everything(card) == start
