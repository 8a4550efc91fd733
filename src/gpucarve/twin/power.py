"""Going down, coming up: a reconciler that brings a machine's power state to what its schedule says.

Level-triggered and pure in (machine, now, randomness): it may be asked at any time, however late, and knows nothing of
who asks.

Boundary: boot and shutdown; what systemd then starts of ours is `boot_unit`'s. Faults and the reboot command only write
the schedule.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from random import Random

from gpucarve.twin import boot_unit, booting, entries, grub, mig, services
from gpucarve.twin.functions import iommu_on, physical_groups
from gpucarve.twin.machine import Boot, Devices, Files, Hardware, Machine, Running
from gpucarve.twin.nodes import File


def reconcile(machine: Machine, now: float, randomness: Random) -> Machine:
    """The machine as it is at `now`."""
    schedule = machine.schedule
    if machine.running is not None and schedule.stops_at is not None and now >= schedule.stops_at:
        machine = go_down(machine, schedule.stops_at, machine.hardware.boot_seconds)
    schedule = machine.schedule
    if machine.running is None and schedule.wakes_at is not None and now >= schedule.wakes_at:
        woken = come_up(machine, randomness)
        machine = woken if woken.running is None else _systemd(woken, schedule.wakes_at)
    schedule = machine.schedule
    over = replace(
        schedule,
        hangs_until=None if schedule.hangs_until is None or now >= schedule.hangs_until else schedule.hangs_until,
        cut_off_until=None
        if schedule.cut_off_until is None or now >= schedule.cut_off_until
        else schedule.cut_off_until,
    )
    machine = machine if over == schedule else replace(machine, schedule=over)
    if over.hangs_until is None and over.boot_unit_ends_at is not None and now >= over.boot_unit_ends_at:
        machine = services.start_enabled(boot_unit.finish(machine, over.boot_unit_ends_at))
    return machine


def _systemd(machine: Machine, now: float) -> Machine:
    """Our unit first, where it is enabled; NVIDIA's daemons are ordered after it."""
    begun = boot_unit.begin(machine, now)
    return services.start_enabled(begun) if begun.schedule.boot_unit_ends_at is None else begun


def next_event(machine: Machine) -> float | None:
    """When the schedule changes something next."""
    schedule = machine.schedule
    ends = (schedule.hangs_until, schedule.cut_off_until, schedule.boot_unit_ends_at)
    times = (schedule.stops_at, schedule.wakes_at, *ends)
    return min((time for time in times if time is not None), default=None)


def go_down(machine: Machine, now: float, seconds: float) -> Machine:
    """Off at once, with all that runs and /run lost, and back after `seconds`."""
    kept = {path: node for path, node in machine.files.nodes.items() if not path.startswith("/run/")}
    return replace(
        machine,
        running=None,
        files=machine.files if len(kept) == len(machine.files.nodes) else Files(kept),
        schedule=replace(
            machine.schedule, stops_at=None, hangs_until=None, boot_unit_ends_at=None, wakes_at=now + seconds
        ),
    )


def come_up(machine: Machine, randomness: Random) -> Machine:
    """Boot the first entry of the GRUB menu, or where there is no menu the default one of the boot loader's entries;
    without one the machine stays off."""
    schedule = replace(machine.schedule, wakes_at=None)
    menu = machine.files.nodes.get(grub.MENU)
    of_menu = grub.command_line(menu.content.decode("utf-8", "replace")) if isinstance(menu, File) else None
    cmdline = of_menu if isinstance(menu, File) else entries.command_line(machine)
    if cmdline is None:
        return replace(machine, schedule=schedule)
    boot = Boot(str(uuid.UUID(int=randomness.getrandbits(128), version=4)), cmdline)
    devices = replace(_first_devices(machine.hardware, cmdline), mig=mig.at_boot(machine))
    return booting.bind_all(replace(machine, running=Running(boot, devices), schedule=schedule))


def _first_devices(hardware: Hardware, cmdline: str) -> Devices:
    """The device tree as the kernel finds it: nothing bound, no VFs, groups if the IOMMU is on."""
    return Devices(
        groups=physical_groups(hardware) if iommu_on(hardware, cmdline) else {},
        domain="identity" if "iommu=pt" in cmdline.split() else "DMA-FQ",
    )
