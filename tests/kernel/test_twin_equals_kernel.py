"""The twin answers as the real kernel and the real mdevctl do: the same calls in the same order, the same replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from gpucarve.app.worlds import open_world
from gpucarve.calls.primitives import (
    FindHolders,
    HostRead,
    HostWrite,
    ReadFiles,
    ReadLinks,
    Remove,
    Run,
    Stat,
    WriteFile,
    WriteValue,
)
from gpucarve.facts import driver, mediated, pci, units
from gpucarve.facts.observed import reads_of
from gpucarve.model.pci import PciAddress
from gpucarve.resources.host import boot_unit
from gpucarve.twin.faults import SriovRefusals
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.kernel.pairs import Pair, twin_of_the_guest
from tests.kernel.test_foreign import used_by_a_guest

Record = Callable[[str, object], None]
Calls = tuple[HostRead | HostWrite, ...]

UUIDS = tuple(f"7a0c6a3e-52f4-4b0b-8a35-00000000000{number}" for number in range(4))
FIRST, SECOND, THIRD, FAR = "0000:05:00.4", "0000:05:00.5", "0000:05:00.6", "0000:05:02.7"
FORTY, TWENTY, UNKNOWN = "nvidia-697", "nvidia-696", "nvidia-999"
_SYSFS = pci.sysfs(PciAddress.parse(GPU))

_IDENTITY = ("vendor", "device", "class", "subsystem_vendor", "subsystem_device")
_SETTINGS = ("driver_override", "sriov_offset", "sriov_stride", "numa_node")

LOOK: Calls = (
    *(read for read in reads_of((driver.PROBE, pci.PROBE, mediated.PROBE)) if isinstance(read, HostRead)),
    ReadFiles(tuple(f"{_SYSFS}/{name}" for name in _IDENTITY)),
    ReadFiles(tuple(f"{_SYSFS}/{name}" for name in _SETTINGS)),
    ReadLinks((f"{_SYSFS}/driver", f"{_SYSFS}/subsystem", f"{_SYSFS}/virtfn*", "/sys/bus/pci/drivers/nvidia/0*")),
    Stat((_SYSFS, f"{_SYSFS}/sriov_numvfs", f"{_SYSFS}/vendor", "/sys/class/mdev_bus", "/sys/bus/mdev/devices")),
)


def mdevctl(*words: str) -> Run:
    return Run(("mdevctl", *words))


def sriov(*words: str) -> Run:
    return Run((driver.SRIOV_MANAGE, *words), deadline=120)


def create(parent: str, type_id: str, uuid: str) -> WriteValue:
    return WriteValue(f"/sys/class/mdev_bus/{parent}/mdev_supported_types/{type_id}/create", uuid)


def remove(uuid: str, value: str = "1") -> WriteValue:
    return WriteValue(f"{mediated.device_path(uuid)}/remove", value)


BARE: Calls = (
    *LOOK,
    WriteValue(f"{_SYSFS}/sriov_numvfs", "4"),
    WriteValue(f"{_SYSFS}/sriov_totalvfs", "4"),
    WriteValue(f"{_SYSFS}/vendor", "0x10de"),
    WriteValue(f"{_SYSFS}/no_such_attribute", "1"),
    WriteValue(_SYSFS, "1"),
    WriteValue(f"{_SYSFS}/driver_override", "vfio-pci"),
    ReadFiles((f"{_SYSFS}/driver_override",)),
    WriteValue(f"{_SYSFS}/driver_override", "\n"),
    ReadFiles((f"{_SYSFS}/driver_override",)),
    create(FIRST, FORTY, UUIDS[0]),
    remove(UUIDS[0]),
    mdevctl("list"),
    mdevctl("list", "--defined"),
    mdevctl("types"),
    mdevctl("define", "--uuid", UUIDS[0], "--parent", FIRST, "--type", FORTY),
    mdevctl("define", "--uuid", UUIDS[0], "--parent", FIRST, "--type", FORTY),
    mdevctl("define", "--uuid", UUIDS[0]),
    mdevctl("define", "--uuid", UUIDS[1], "--parent", FIRST),
    mdevctl("define", "--uuid", "nonsense", "--parent", FIRST, "--type", FORTY),
    ReadFiles((f"{mediated.DEFINITIONS}/*/*",)),
    Stat((f"{mediated.DEFINITIONS}/*", f"{mediated.DEFINITIONS}/0*/*")),
    mdevctl("list", "--defined"),
    mdevctl("list", "--defined", "--dumpjson"),
    mdevctl("start", "--uuid", UUIDS[0]),
    mdevctl("start", "--uuid", UUIDS[1]),
    mdevctl("stop", "--uuid", UUIDS[0]),
    mdevctl("undefine", "--uuid", UUIDS[0]),
    mdevctl("undefine", "--uuid", UUIDS[0]),
    Stat((f"{mediated.DEFINITIONS}/*",)),
    Run(("no-such-command",)),
    Run(("/etc/hostname",)),
    sriov(),
    sriov("-e", "0000:77:00.0"),
    sriov("-e", GPU),
    *LOOK,
    create(FIRST, FORTY, UUIDS[0]),
    sriov("-e", GPU),
    sriov("-d", GPU),
    sriov("-d", GPU),
    *LOOK,
)

WITH_IOMMU: Calls = (
    sriov("-e", "ALL"),
    *LOOK,
    mdevctl("types", "--parent", FIRST),
    create(FIRST, FORTY, "nonsense"),
    create(FIRST, UNKNOWN, UUIDS[0]),
    create(GPU, FORTY, UUIDS[0]),
    create(FIRST, FORTY, UUIDS[0]),
    create(FIRST, FORTY, UUIDS[0]),
    create(SECOND, FORTY, UUIDS[0]),
    create(FIRST, FORTY, UUIDS[1]),
    create(SECOND, TWENTY, UUIDS[1]),
    *LOOK,
    mdevctl("list"),
    mdevctl("define", "--uuid", UUIDS[0]),
    mdevctl("list"),
    mdevctl("start", "--uuid", UUIDS[0]),
    mdevctl("start", "--uuid", UUIDS[1], "--parent", FIRST, "--type", FORTY),
    mdevctl("start", "--uuid", UUIDS[1], "--parent", SECOND, "--type", UNKNOWN),
    mdevctl("start", "--uuid", UUIDS[1], "--parent", "0000:99:00.0", "--type", FORTY),
    mdevctl("start", "--uuid", UUIDS[1], "--parent", SECOND, "--type", FORTY),
    create(THIRD, FORTY, UUIDS[2]),
    mdevctl("start", "--uuid", UUIDS[2], "--parent", THIRD, "--type", FORTY),
    *LOOK,
    remove(UUIDS[1], "0"),
    remove(UUIDS[1], "x"),
    mdevctl("stop", "--uuid", UUIDS[1]),
    mdevctl("stop", "--uuid", UUIDS[1]),
    remove(UUIDS[1]),
    remove(UUIDS[0], "0x0"),
    mdevctl("undefine", "--uuid", UUIDS[0]),
    mdevctl("list", "--dumpjson"),
    sriov("-e", GPU),
    remove(UUIDS[0]),
    create(FAR, TWENTY, UUIDS[3]),
    mdevctl("list"),
    sriov("-d", GPU),
    *LOOK,
)

UNIT = tuple(read for read in units.PROBE.reads if isinstance(read, HostRead))


def systemctl(*words: str) -> Run:
    return Run(("systemctl", *words), deadline=120)


BOOT_UNIT: Calls = (
    *UNIT,
    systemctl("disable", "--now", units.NAME),
    WriteFile(units.SCRIPT, boot_unit.script(), 0o700),
    WriteFile(units.UNIT, boot_unit.unit()),
    *UNIT,
    systemctl("daemon-reload"),
    systemctl("enable", units.NAME),
    *UNIT,
    systemctl("enable", units.NAME),
    WriteFile(units.UNIT, boot_unit.unit() + b"# another version\n"),
    *UNIT,
    systemctl("daemon-reload"),
    *UNIT,
    systemctl("disable", "--now", units.NAME),
    *UNIT,
    Remove(units.UNIT),
    systemctl("daemon-reload"),
    *UNIT,
)

_BOUND: Calls = (
    ReadLinks((f"{_SYSFS}/driver", "/sys/bus/pci/drivers/nvidia/0*", "/sys/bus/pci/drivers/vfio-pci/0*")),
    ReadFiles((f"{_SYSFS}/driver_override", f"{_SYSFS}/modalias", "/sys/module/vfio_pci/initstate")),
    Stat(("/sys/bus/pci/drivers_probe", "/sys/bus/pci/drivers/vfio-pci/*bind", "/sys/bus/pci/drivers/nvidia/*bind")),
)


def _to_driver(driver: str, what: str, value: str = GPU) -> WriteValue:
    return WriteValue(f"/sys/bus/pci/drivers/{driver}/{what}", value)


def _probe(value: str = GPU) -> WriteValue:
    return WriteValue("/sys/bus/pci/drivers_probe", value)


BINDING: Calls = (
    *_BOUND,
    _to_driver("vfio-pci", "unbind"),
    Run(("modprobe", "no-such-module")),
    Run(("modprobe", "vfio-pci"), deadline=120),
    Run(("modprobe", "vfio-pci"), deadline=120),
    *_BOUND,
    _to_driver("vfio-pci", "unbind"),
    _to_driver("vfio-pci", "bind"),
    _to_driver("nvidia", "bind"),
    _to_driver("nvidia", "unbind", "0000:77:00.0"),
    _to_driver("nvidia", "unbind", "nonsense"),
    _probe("0000:77:00.0"),
    _probe("nonsense"),
    WriteValue(f"{_SYSFS}/driver_override", "vfio-pci"),
    _probe(),
    *_BOUND,
    _to_driver("nvidia", "unbind"),
    *_BOUND,
    _to_driver("nvidia", "unbind"),
    _to_driver("nvidia", "bind"),
    _probe(),
    *_BOUND,
    _to_driver("vfio-pci", "bind"),
    _probe(),
    _to_driver("nvidia", "unbind"),
    WriteValue(f"{_SYSFS}/driver_override", "\n"),
    *_BOUND,
    _to_driver("vfio-pci", "unbind"),
    _to_driver("vfio-pci", "bind"),
    *_BOUND,
    _probe(),
    *_BOUND,
    WriteValue(f"{_SYSFS}/uevent", "add"),
    WriteValue(f"{_SYSFS}/uevent", "nonsense"),
    Run(("udevadm", "settle", "--timeout=30")),
    *_BOUND,
    WriteValue(f"{_SYSFS}/driver_override", "no-such-driver"),
    _to_driver("nvidia", "unbind"),
    _probe(),
    *_BOUND,
    WriteValue(f"{_SYSFS}/driver_override", "\n"),
    _to_driver("nvidia", "bind"),
    *_BOUND,
)


def _compare(guest: Guest, folder: Path, arguments: str, calls: Calls) -> Pair:
    """Ask both everything."""

    async def ask() -> Pair:
        world = open_world(GuestLab(guest, folder).fleet, None)
        try:
            pair = Pair(twin_of_the_guest(arguments), world.host(HOST))
            for call in calls:
                await pair.ask(call)
            return pair
        finally:
            await world.close()

    return asyncio.run(ask())


def test_a_bare_host_answers_alike(bare_host: Guest, tmp_path: Path, record_property: Record) -> None:
    pair = _compare(bare_host, tmp_path, "quiet intel_iommu=off", BARE)
    assert not pair.different, "\n".join(pair.different)
    record_property("exchanges alike", len(set(pair.asked)))


def test_the_boot_unit_is_enabled_read_again_and_disabled_alike(
    bare_host: Guest, tmp_path: Path, record_property: Record
) -> None:
    pair = _compare(bare_host, tmp_path, "quiet intel_iommu=off", BOOT_UNIT)
    assert not pair.different, "\n".join(pair.different)
    record_property("exchanges alike", len(set(pair.asked)))


def test_virtual_functions_and_vgpus_come_and_go_alike(
    vgpu_host: Guest, tmp_path: Path, record_property: Record
) -> None:
    vgpu_host.shell(f"{driver.SRIOV_MANAGE} -d {GPU}")
    pair = _compare(vgpu_host, tmp_path, "quiet intel_iommu=on iommu=pt", WITH_IOMMU)
    assert not pair.different, "\n".join(pair.different)
    record_property("exchanges alike", len(set(pair.asked)))


def test_a_function_changes_hands_alike(vgpu_host: Guest, tmp_path: Path, record_property: Record) -> None:
    vgpu_host.shell(f"{driver.SRIOV_MANAGE} -d {GPU}")
    pair = _compare(vgpu_host, tmp_path, "quiet intel_iommu=on iommu=pt", BINDING)
    assert not pair.different, "\n".join(pair.different)
    record_property("exchanges alike", len(set(pair.asked)))


def test_what_is_held_by_others_is_busy_alike(vgpu_host: Guest, tmp_path: Path, record_property: Record) -> None:
    """A lock that is refused, and a vGPU whose VFIO group a guest has open.

    That removing it is BUSY stands on the twin alone: the guest has no program for the ioctls that open the device
    itself, and the kernel removes one whose group alone is open.
    """
    vgpu_host.shell(f"{driver.SRIOV_MANAGE} -d {GPU}\necho 1 >/sys/module/nvidia/parameters/refuse_unbind_locks")
    argv = ("qemu-system-x86_64", "-name", "guest=instance-0000002a,debug-threads=on")

    async def ask() -> Pair:
        world = open_world(GuestLab(vgpu_host, tmp_path).fleet, None)
        try:
            pair = Pair(twin_of_the_guest("quiet intel_iommu=on iommu=pt"), world.host(HOST))
            pair.twin.strike(SriovRefusals(1))
            for call in (
                sriov("-e", GPU),
                sriov("-e", GPU),
                create(FIRST, FORTY, UUIDS[0]),
                FindHolders(("/dev/vfio/",)),
            ):
                await pair.ask(call)
            group = pair.twin.machine.up.devices.groups[UUIDS[0]]
            pair.twin.add_process(argv, opened=(f"/dev/vfio/{group}",))
            with used_by_a_guest(vgpu_host, UUIDS[0]):
                await pair.ask(FindHolders(("/dev/vfio/",)))
            return pair
        finally:
            await world.close()

    pair = asyncio.run(ask())
    assert not pair.different, "\n".join(pair.different)
    record_property("exchanges alike", len(set(pair.asked)))
