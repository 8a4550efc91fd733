"""A guest that boots by itself after an apply: a real systemd runs the boot unit on a real kernel.

NVIDIA's driver and tools are stand-ins (README.md); the script, the lock, sysfs and mdevctl are real.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gpucarve import app
from gpucarve.app.worlds import open_world
from gpucarve.calls import state
from gpucarve.facts import units
from gpucarve.facts.observed import Observed
from gpucarve.plan.making import Aim, make
from gpucarve.plan.plans import Plan
from gpucarve.resources.host import boot_unit
from gpucarve.resources.host.boot_unit import BootUnit
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab, traces
from tests.kernel.machine import GPU_ADDRESS as GPU

KEY = boot_unit.key(HOST)


def with_unit(lab: GuestLab) -> Plan:
    """The document's plan, with the boot unit in it."""

    async def look() -> Observed:
        world = open_world(lab.fleet, None)
        try:
            found = (await app.observe(world, (HOST,)))[HOST]
            assert isinstance(found, Observed), found
            return found
        finally:
            await world.close()

    plan = lab.survey().draft.plan
    resources = (BootUnit(KEY), *(each for each in plan.resources if each.key != KEY))
    return make(Aim(plan.fleet, plan.document, plan.purpose, resources), {HOST: asyncio.run(look())}).plan


def stand(guest: Guest) -> tuple[str, str]:
    """What is carved: the number of virtual functions, the vGPUs as mdevctl lists them."""
    return guest.shell(f"cat /sys/bus/pci/devices/{GPU}/sriov_numvfs"), guest.shell("mdevctl list | sort")


def ended(guest: Guest) -> str:
    """How the unit ended in this boot, once it has."""
    return guest.shell(
        f"for n in $(seq 100); do s=$(systemctl is-active {units.NAME}); "
        'case $s in activating | inactive) sleep 1 ;; *) break ;; esac; done; echo "$s"'
    ).strip()


def test_after_a_boot_by_itself_everything_stands_again_and_a_second_apply_writes_nothing(
    bare_host: Guest, tmp_path: Path
) -> None:
    lab = GuestLab(bare_host, tmp_path)
    assert lab.apply(with_unit(lab)).done
    before = stand(bare_host)
    assert before[0] == "20\n"
    assert before[1].count("nvidia-697 manual (defined)") == 2
    boot = bare_host.boot_id()
    bare_host.reboot()
    assert bare_host.boot_id() != boot
    assert ended(bare_host) == "active", bare_host.shell(f"journalctl -b -u {units.NAME}; cat {state.RECORD}")
    assert stand(bare_host) == before
    record = state.parse_record(bare_host.shell(f"cat {state.RECORD}"))
    assert record is not None
    assert (record.run, record.boot, record.ended) == ("boot", bare_host.boot_id(), True)
    assert record.states == {0: "done", 1: "done", 2: "done"}
    plan, was = with_unit(lab), traces(bare_host)
    assert plan.stages == ()
    assert lab.apply(plan).done
    assert traces(bare_host) == was


def test_an_apply_right_after_a_boot_waits_for_the_unit_and_builds_nothing(bare_host: Guest, tmp_path: Path) -> None:
    lab = GuestLab(bare_host, tmp_path)
    assert lab.apply(with_unit(lab)).done
    before = stand(bare_host)
    shim = '#!/bin/sh\nsleep 15\nexec /usr/lib/nvidia/sriov-manage.real "$@"\n'
    tool = "/usr/lib/nvidia/sriov-manage"
    bare_host.shell(f"mv {tool} {tool}.real && printf '%s' '{shim}' >{tool} && chmod 755 {tool}")
    bare_host.reboot()
    plan = with_unit(lab)
    lab.events.clear()
    assert lab.apply(plan).done
    assert stand(bare_host) == before
    assert ended(bare_host) == "active"
    waits = [event for event in lab.events if units.NAME in getattr(event, "reason", "")]
    steps = [event for event in lab.events if type(event).__name__ == "StepBegun"]
    assert (len(waits), steps) == (1, [])
