"""Boot a new disk for the first time, let the guest's own update-grub write its boot menu, and keep it as `clean`.

After this the guest's grub.cfg is what update-grub makes of the guest's own settings, byte for byte: a change that is
taken back and applied with update-grub gives this very file again. Beside it the disk alone, in another state, saves
each topology that needs an IOMMU a reboot.
"""

import json
import shutil
from pathlib import Path

from tests.kernel.bench import CLEAN, IOMMU_ON, Bench
from tests.kernel.guest import Guest
from tests.kernel.image.progress import StepFailed, step

_GRUB_CFG = "/boot/grub/grub.cfg"
_MANIFEST = "manifest.json"
_OFF, _ON = "intel_iommu=off", "intel_iommu=on iommu=pt"


def first_boot(bench: Bench) -> None:
    """Work on the bench's disk in place; its key files and device must lie beside it."""
    with Guest(bench) as guest:
        with step("first boot"):
            guest.start(snapshot=None)
        with step("update-grub, twice"):
            digests = {guest.shell(f"update-grub 2>/dev/null; sha256sum {_GRUB_CFG}") for _ in range(2)}
            if len(digests) != 1:
                raise StepFailed("update-grub does not reproduce its own output; the bench cannot prove an undo")
        with step("reboot through the new menu"):
            guest.reboot()
            arguments = guest.shell("cat /proc/cmdline")
            if _OFF not in arguments:
                raise StepFailed(f"the new menu does not boot a bare host: {arguments}")
        with step("wait until the guest is idle, snapshot"):
            state = guest.ssh(("systemctl", "is-system-running", "--wait"), check=False).stdout.strip()
            if state != "running":
                failed = guest.ssh(("systemctl", "--failed", "--plain"), check=False).stdout
                raise StepFailed(f"the guest is {state}, not running:\n{failed}")
            guest.shell("sync")
            guest.snapshot(CLEAN)
        with step("disk of a host with the IOMMU on"):
            guest.shell(f"sed -i 's/{_OFF}/{_ON}/' /etc/default/grub; update-grub 2>/dev/null; sync")
            guest.qmp.ask("blockdev-snapshot-internal-sync", device="disk0", name=IOMMU_ON)
            guest.restore(CLEAN)
        guest.quit()
        shutil.move(guest.disk, bench.disk)


def write_manifest(folder: Path, packages: dict[str, str], qemu: str) -> None:
    """Record what the bench was built from, for a person who asks."""
    content = {"qemu": qemu, "guest packages": packages}
    (folder / _MANIFEST).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
