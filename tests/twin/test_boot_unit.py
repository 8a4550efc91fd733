"""gpucarve's boot unit on a simulated machine: when it runs, what it brings back, what is seen of it meanwhile."""

from __future__ import annotations

import json

import pytest

from gpucarve.calls import state
from gpucarve.calls.primitives import Claim, HostRead, MakeLink, WriteFile
from gpucarve.calls.programs import Acquire, Program, Refusal, RefusalKind
from gpucarve.calls.replies import Done
from gpucarve.facts import units
from gpucarve.facts.observed import Unknown, observe
from gpucarve.resources.host import boot_unit
from gpucarve.twin.boot_unit import SECONDS
from gpucarve.twin.faults import PowerLoss, SriovRefusals
from gpucarve.twin.sight import view
from gpucarve.twin.worlds import SEED_004_HOST
from tests.twin.bench import GPU, NEXT_UUID, SRIOV_MANAGE, UUID, VF, Bench

pytestmark = pytest.mark.anyio

ENABLE = ("systemctl", "enable", units.NAME)


async def installed(bench: Bench, *lines: str, script: bytes | None = None, enable: bool = True) -> None:
    """The IOMMU is on, the unit is there, and these lines are claimed."""
    bench.set_kernel_arguments("quiet intel_iommu=on")
    await bench.reboot()
    await bench.program(*(Claim(f"x@{number}", json.dumps({"boot": line})) for number, line in enumerate(lines)))
    bench.host.by_hand(WriteFile(units.SCRIPT, boot_unit.script() if script is None else script, 0o700))
    bench.host.by_hand(WriteFile(units.UNIT, boot_unit.unit()))
    if enable:
        assert bench.hand(*ENABLE).status == 0


async def seen(bench: Bench) -> units.BootUnit:
    """The fact, as a controller gathers it."""
    reads = [read for read in units.PROBE.reads if isinstance(read, HostRead)]
    found = observe(SEED_004_HOST, (units.PROBE,), await bench.read(*reads)).get(units.PROBE)
    assert not isinstance(found, Unknown), found
    return found


def record(bench: Bench) -> state.Record:
    """What the program that ran last left."""
    found = state.parse_record(view(bench.machine).file(state.RECORD).content.decode())
    assert found is not None
    return found


async def test_what_is_claimed_stands_again_after_a_boot(bench: Bench) -> None:
    await installed(bench, f"vgpu {UUID} {VF}", f"virtual-functions {GPU}")
    assert bench.hand(SRIOV_MANAGE, "-e", GPU).status == 0
    assert bench.hand("mdevctl", "define", "-u", UUID, "-p", VF, "-t", "nvidia-697").status == 0
    assert bench.hand("mdevctl", "start", "-u", UUID).status == 0
    before = bench.machine.up.devices.mdevs
    await bench.reboot()
    assert bench.machine.up.devices.mdevs == before
    assert (await seen(bench)).state == "active"
    assert record(bench).states == {0: "done", 1: "done"}
    assert (record(bench).run, record(bench).ended) == ("boot", True)
    assert record(bench).boot == bench.machine.up.boot.boot_id


async def test_a_claimed_geometry_stands_again_after_a_boot(bench: Bench) -> None:
    instance = f"gpu-instance {GPU} 9 4 compute"
    await installed(bench, instance, f"mig-mode {GPU} on", f"virtual-functions {GPU}")
    for _ in range(2):
        await bench.reboot()
        (made,) = bench.machine.up.devices.instances
        assert (made.gpu, made.start, len(made.compute)) == (GPU, 4, 1)
        assert record(bench).states == {0: "done", 1: "done", 2: "done"}


async def test_a_unit_that_is_not_enabled_does_nothing(bench: Bench) -> None:
    await installed(bench, f"virtual-functions {GPU}", enable=False)
    await bench.reboot()
    assert bench.machine.up.devices.vfs == {}
    assert await seen(bench) == units.BootUnit(boot_unit.unit(), boot_unit.script(), state="inactive")


async def test_it_is_enabled_disabled_and_read_again_as_systemd_does(bench: Bench) -> None:
    await installed(bench)
    assert (await seen(bench)).enabled
    bench.host.by_hand(WriteFile(units.UNIT, boot_unit.unit() + b"# edited\n"))
    assert (await seen(bench)).stale
    assert bench.hand("systemctl", "daemon-reload").status == 0
    assert not (await seen(bench)).stale
    await bench.reboot()
    assert (await seen(bench)).state == "active"
    assert bench.hand("systemctl", "disable", "--now", units.NAME).status == 0
    found = await seen(bench)
    assert (found.enabled, found.state) == (False, "inactive")


async def test_while_it_runs_it_is_due_and_a_controller_waits_for_its_lock(bench: Bench) -> None:
    await installed(bench, f"virtual-functions {GPU}")
    assert bench.hand("systemctl", "reboot").status == 0
    await bench.world.clock.sleep(bench.machine.hardware.stop_seconds + bench.machine.hardware.boot_seconds + 0.1)
    found = await seen(bench)
    assert (found.state, found.due) == ("activating", True)
    assert (record(bench).run, record(bench).writes, record(bench).ended) == ("boot", 1, False)
    reply = await bench.transport.run(Program("laptop", "r2", Acquire(30), lock_patience=0.5))
    assert isinstance(reply, Refusal)
    assert reply.kind is RefusalKind.LOCKED
    assert await bench.transport.wait_idle(SECONDS) is None
    assert not (await seen(bench)).due
    assert bench.machine.up.devices.vfs == {GPU: 16}


async def test_a_line_that_fails_makes_it_a_failed_unit_and_keeps_no_other_back(bench: Bench) -> None:
    await installed(bench, f"vgpu {NEXT_UUID} 0000:99:00.4", f"virtual-functions {GPU}")
    await bench.reboot()
    assert (await seen(bench)).state == "failed"
    assert record(bench).states == {0: "done", 1: "failed"}
    assert bench.machine.up.devices.vfs == {GPU: 16}


async def test_it_tries_again_where_the_tool_s_lock_is_refused(bench: Bench) -> None:
    await installed(bench, f"virtual-functions {GPU}")
    bench.host.strike(SriovRefusals(4))
    await bench.reboot()
    assert (await seen(bench)).state == "active"
    bench.host.strike(SriovRefusals(5))
    await bench.reboot()
    assert (await seen(bench)).state == "failed"


async def test_a_power_cut_while_it_runs_is_made_good_at_the_next_boot(bench: Bench) -> None:
    await installed(bench, f"virtual-functions {GPU}")
    assert bench.hand("systemctl", "reboot").status == 0
    await bench.world.clock.sleep(bench.machine.hardware.stop_seconds + bench.machine.hardware.boot_seconds + 0.1)
    bench.host.strike(PowerLoss(20.0))
    assert not record(bench).ended
    await bench.world.clock.sleep(20.0 + SECONDS + 0.1)
    assert record(bench).ended
    assert bench.machine.up.devices.vfs == {GPU: 16}


async def test_a_script_that_is_not_this_version_s_is_not_run_here(bench: Bench) -> None:
    await installed(bench, f"virtual-functions {GPU}", script=b"#!/bin/sh\nexit 0\n")
    await bench.reboot()
    assert (await seen(bench)).state == "failed"
    assert bench.machine.up.devices.vfs == {}


async def test_a_masked_unit_is_no_unit_and_keeps_systemd_from_nothing(bench: Bench) -> None:
    """Masking is a link to /dev/null in the place of the unit's file."""
    await installed(bench)
    masked = "/etc/systemd/system/e2scrub_all.timer"
    assert bench.host.by_hand(MakeLink(masked, "/dev/null")) == Done()
    wanted = masked.replace("system/", "system/multi-user.target.wants/")
    assert bench.host.by_hand(MakeLink(wanted, masked)) == Done()
    assert bench.hand("systemctl", "daemon-reload").status == 0
    assert b"LoadState=masked" in bench.hand("systemctl", "show", "--property=LoadState", "e2scrub_all.timer").stdout
