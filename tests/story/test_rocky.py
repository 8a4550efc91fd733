"""The same documents on hosts of the other family: Rocky Linux 9 with boot loader entries, grubby and dracut.

grubby's traps are part of the twin: it moves what it changes to the end, rewrites GRUB_CMDLINE_LINUX_DEFAULT, and makes
/etc/kernel/cmdline where there is none.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from gpucarve.calls.primitives import Remove, Run, WriteFile
from gpucarve.calls.replies import Done
from gpucarve.facts import boot, initramfs, loader, modules, ours, security
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose
from gpucarve.twin import entries, rocky_9
from gpucarve.twin.faults import CommandFails, Fault, Point, PowerLoss
from gpucarve.twin.rocky_9 import ARGUMENTS, KERNEL, RESCUE, RUNNING, entry
from gpucarve.twin.worlds import ROCKY_PASSTHROUGH, ROCKY_VGPUS, rocky_9_scene
from tests.story.lab import GPU, TYPE, Lab, footprint
from tests.twin.second import FUNCTIONS, NATIVE, QUADRO, T4

pytestmark = pytest.mark.anyio

OURS = "intel_iommu=on iommu=pt"
CMDLINE, DEFAULTS = "/etc/kernel/cmdline", "/etc/default/grub"


def _document(target: Target, workload: str, cut: str) -> bytes:
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: lab}}
sites:
  - name: {target.site}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: pool
        nodes: {{names: [{target.name}]}}
        workload: {workload}
        cut: [{cut}]
""".encode()


def _lab(folder: Path) -> Lab:
    """The host with two A100, of which one is to carry two vGPUs."""
    text = _document(ROCKY_VGPUS, "vm-vgpu", f'{{gpu: "{GPU}", vgpu: {{{TYPE}: 2}}}}')
    return Lab(folder, text, scene=rocky_9_scene(), target=ROCKY_VGPUS)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return _lab(tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Lab:
    """The host with the Quadro, which is to go to guests."""
    text = _document(ROCKY_PASSTHROUGH, "vm-passthrough", f'{{gpu: "{QUADRO}", passthrough: true}}')
    return Lab(tmp_path, text, scene=rocky_9_scene(), target=ROCKY_PASSTHROUGH)


def _write(lab: Lab, path: str, text: bytes) -> None:
    assert lab.host.by_hand(WriteFile(path, text)) == Done()


def _text(lab: Lab, path: str) -> str:
    return entries.text(lab.host.machine, path)


async def _reboot(lab: Lab) -> None:
    lab.host.by_hand(Run(("systemctl", "reboot")))
    await lab.world.clock.sleep(300.0)


def _install_kernel(lab: Lab, version: str) -> str:
    """What kernel-install does there: an entry from /etc/kernel/cmdline, or else from what runs."""
    given = _text(lab, CMDLINE) or lab.host.machine.up.boot.cmdline.partition(" ")[2]
    path = rocky_9.entry_of(version)
    _write(lab, path, entry(version, given.strip()))
    return path


async def test_the_host_says_that_it_is_of_the_other_family(lab: Lab) -> None:
    found = await lab.observed()
    assert found.require(loader.PROBE).kind == "bls"
    assert found.require(security.PROBE).selinux == "enforcing"
    assert found.require(initramfs.PROBE).tool == "dracut"


async def test_apply_goes_through_the_reboot_to_two_vgpus_and_a_second_one_writes_nothing(lab: Lab) -> None:
    assert (await lab.run()).done
    assert await lab.stands()
    assert len(lab.host.machine.up.devices.mdevs) == 2
    assert {"intel_iommu=on", "iommu=pt"} <= set((await lab.observed()).require(boot.PROBE).command_line)
    files, writes = lab.host.machine.files, lab.host.counts[Point.AFTER_WRITE]
    assert (await lab.run()).done
    assert lab.host.machine.files is files
    assert lab.host.counts[Point.AFTER_WRITE] == writes


async def test_every_place_has_them_then_and_what_stood_there_stays(lab: Lab) -> None:
    assert (await lab.run()).done
    for path in (RUNNING, RESCUE, CMDLINE, DEFAULTS):
        assert OURS in _text(lab, path), path
    assert f"options {ARGUMENTS} $tuned_params {OURS}" in _text(lab, RUNNING)
    did = [each.text for each in lab.host.deeds]
    assert f"grubby --update-kernel=ALL '--args={OURS}' --no-etc-grub-update" in did
    assert "update-grub" not in did


async def test_rollback_restores_the_exact_start(lab: Lab) -> None:
    start = footprint(lab.host)
    assert (await lab.run()).done
    assert footprint(lab.host) != start
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start
    assert (await lab.observed()).require(ours.PROBE).claims == {}


async def test_values_that_stood_elsewhere_in_one_entry_come_back_to_their_place(lab: Lab) -> None:
    """And what grubby made is gone again."""
    _write(lab, RUNNING, entry(KERNEL, ARGUMENTS.replace(" rd.lvm", " intel_iommu=off iommu=soft rd.lvm")))
    lab.host.by_hand(Remove(CMDLINE))
    await _reboot(lab)
    start = footprint(lab.host)
    assert "intel_iommu=off" in start["command line"]
    assert (await lab.run()).done
    assert OURS in _text(lab, CMDLINE)
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_a_line_of_the_defaults_that_grubby_would_overwrite_survives(lab: Lab) -> None:
    line = 'GRUB_CMDLINE_LINUX_DEFAULT="splash"\n'
    _write(lab, DEFAULTS, (_text(lab, DEFAULTS) + line).encode())
    start = footprint(lab.host)
    assert (await lab.run()).done
    assert line in _text(lab, DEFAULTS)
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_entries_that_refer_to_the_environment_block_as_on_rhel_8(lab: Lab) -> None:
    for path, kernel in ((RUNNING, KERNEL), (RESCUE, "0-rescue")):
        _write(lab, path, entry(kernel, "$kernelopts"))
    values = entries.variables(lab.host.machine) | {"kernelopts": f"{ARGUMENTS} intel_iommu=off quiet"}
    _write(lab, entries.BLOCK, entries.block(values))
    await _reboot(lab)
    start = footprint(lab.host)
    assert (await lab.run()).done
    assert await lab.stands()
    assert entries.variables(lab.host.machine)["kernelopts"] == f"{ARGUMENTS} quiet {OURS}"
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert footprint(lab.host) == start


async def test_a_kernel_that_comes_later_has_them_and_loses_them_at_rollback(lab: Lab) -> None:
    assert (await lab.run()).done
    newer = _install_kernel(lab, "5.14.0-503.el9.x86_64")
    assert OURS in _text(lab, newer)
    assert not (await lab.survey()).draft.plan.stages
    assert (await lab.run(Purpose.ROLLBACK)).done
    assert _text(lab, newer) == entry("5.14.0-503.el9.x86_64", f"{ARGUMENTS} rhgb quiet").decode()


async def test_what_others_change_meanwhile_survives_the_rollback(lab: Lab) -> None:
    assert (await lab.run()).done
    lab.host.by_hand(Run(("grubby", "--update-kernel=ALL", "--args=mitigations=off")))
    assert (await lab.run(Purpose.ROLLBACK)).done
    for path in (RUNNING, RESCUE, CMDLINE, DEFAULTS):
        assert "mitigations=off" in _text(lab, path), path
        assert "iommu" not in _text(lab, path), path


async def test_a_failing_grubby_ends_the_run_and_the_next_one_goes_on(lab: Lab) -> None:
    lab.host.strike(CommandFails("grubby"))
    ending = (await lab.run()).endings[ROCKY_VGPUS]
    assert "kernel-arguments" in ending.reasons[0]
    assert (await lab.run()).done
    assert await lab.stands()


@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK])
async def test_a_power_cut_at_any_write_about_the_arguments_is_mended_by_running_again(
    tmp_path: Path, purpose: Purpose
) -> None:
    for number in range(1, 12):
        folder = tmp_path / str(number)
        folder.mkdir()
        lab = _lab(folder)
        lab.host.by_hand(Remove(CMDLINE))
        start = footprint(lab.host)
        if purpose is Purpose.ROLLBACK:
            assert (await lab.run()).done
        lab.host.place(Fault(Point.AFTER_WRITE, number, PowerLoss(30.0)))
        for _ in range(4):
            with suppress(AssertionError):
                if (await lab.run(purpose)).done:
                    break
            await lab.world.clock.sleep(300.0)
        if purpose is Purpose.APPLY:
            assert await lab.stands(), number
        else:
            assert footprint(lab.host) == start, number


# --- passthrough, with dracut


async def test_the_quadro_goes_to_guests_although_dracut_s_image_holds_nouveau(shop: Lab) -> None:
    plan = (await shop.survey()).draft.plan
    kept_out = next(step for step in plan.steps if step.key.kind == "driver-blacklist")
    assert kept_out.after == "nouveau kept out, also in the initramfs"
    assert (await shop.run()).done
    assert await shop.stands()
    drivers = shop.host.machine.up.devices.drivers
    assert {drivers[each] for each in FUNCTIONS} == {"vfio-pci"}
    assert T4 not in drivers
    did = [each.text for each in shop.host.deeds]
    assert "dracut --regenerate-all --force" in did
    assert any(each.startswith("grubby") for each in did)


async def test_a_generic_image_that_dracut_made_for_any_host_takes_the_blacklist_in_too_and_gives_it_back(
    shop: Lab,
) -> None:
    _write(shop, "/etc/dracut.conf.d/generic.conf", b'hostonly="no"\n')
    shop.host.by_hand(Run(("dracut", "--regenerate-all", "--force"), deadline=900))
    start = footprint(shop.host)
    assert (await shop.run()).done
    drivers = shop.host.machine.up.devices.drivers
    assert {drivers[each] for each in FUNCTIONS} == {"vfio-pci"}
    assert (await shop.run(Purpose.ROLLBACK)).done
    assert footprint(shop.host) == start


async def test_without_the_new_image_the_blacklist_would_not_have_held(shop: Lab) -> None:
    _write(shop, modules.BLACKLIST, b"blacklist nouveau\n")
    await _reboot(shop)
    assert shop.host.machine.up.devices.drivers[QUADRO] == "nouveau"


async def test_passthrough_rolled_back_the_host_is_as_it_was(shop: Lab) -> None:
    start = footprint(shop.host)
    assert (await shop.run()).done
    assert (await shop.run(Purpose.ROLLBACK)).done
    assert footprint(shop.host) == start
    assert {each: shop.host.machine.up.devices.drivers[each] for each in FUNCTIONS} == NATIVE
