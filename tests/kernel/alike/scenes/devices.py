"""sysfs, NVIDIA's sriov-manage and mdevctl: virtual functions and vGPUs come, go, and are refused.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import FindHolders, HostRead, ReadFiles, ReadLinks, Run, Stat, WriteValue
from gpucarve.facts import driver, host, mediated, pci
from gpucarve.facts.observed import reads_of
from gpucarve.model.pci import PciAddress
from gpucarve.twin.faults import SriovRefusals
from gpucarve.twin.hosts import SimulatedHost
from tests.kernel.alike.steps import Act, Reads, Scene, do, look
from tests.kernel.machine import GPU_ADDRESS as GPU

UUIDS = tuple(f"7a0c6a3e-52f4-4b0b-8a35-00000000000{number}" for number in range(4))
FIRST, SECOND, THIRD, FAR = "0000:05:00.4", "0000:05:00.5", "0000:05:00.6", "0000:05:02.7"
FORTY, TWENTY, UNKNOWN = "nvidia-697", "nvidia-696", "nvidia-999"
SYSFS = pci.sysfs(PciAddress.parse(GPU))

_IDENTITY = ("vendor", "device", "class", "subsystem_vendor", "subsystem_device")
_SETTINGS = ("driver_override", "sriov_offset", "sriov_stride", "numa_node")

FACTS: Reads = tuple(read for read in reads_of(host.PROBES) if isinstance(read, HostRead))
LOOK: Reads = look(
    *(read for read in reads_of((driver.PROBE, pci.PROBE, mediated.PROBE)) if isinstance(read, HostRead)),
    ReadFiles(tuple(f"{SYSFS}/{name}" for name in _IDENTITY)),
    ReadFiles(tuple(f"{SYSFS}/{name}" for name in _SETTINGS)),
    ReadLinks((f"{SYSFS}/driver", f"{SYSFS}/subsystem", f"{SYSFS}/virtfn*", "/sys/bus/pci/drivers/nvidia/0*")),
    Stat((SYSFS, f"{SYSFS}/sriov_numvfs", f"{SYSFS}/vendor", "/sys/class/mdev_bus", "/sys/bus/mdev/devices")),
)


def mdevctl(*words: str) -> Run:
    return Run(("mdevctl", *words))


def sriov(*words: str) -> Run:
    return Run((driver.SRIOV_MANAGE, *words), deadline=120)


def create(parent: str, type_id: str, uuid: str) -> WriteValue:
    return WriteValue(f"/sys/class/mdev_bus/{parent}/mdev_supported_types/{type_id}/create", uuid)


def remove(uuid: str, value: str = "1") -> WriteValue:
    return WriteValue(f"{mediated.device_path(uuid)}/remove", value)


BARE = Scene(
    "a bare host",
    (
        (*FACTS, *LOOK),
        do(WriteValue(f"{SYSFS}/sriov_numvfs", "4")),
        do(WriteValue(f"{SYSFS}/sriov_totalvfs", "4")),
        do(WriteValue(f"{SYSFS}/vendor", "0x10de")),
        do(WriteValue(f"{SYSFS}/no_such_attribute", "1")),
        do(WriteValue(SYSFS, "1")),
        do(
            WriteValue(f"{SYSFS}/driver_override", "vfio-pci"),
            then=look(ReadFiles((f"{SYSFS}/driver_override",))),
        ),
        do(
            WriteValue(f"{SYSFS}/driver_override", "\n"),
            create(FIRST, FORTY, UUIDS[0]),
            then=look(ReadFiles((f"{SYSFS}/driver_override",))),
        ),
        do(remove(UUIDS[0])),
        do(
            mdevctl("list"),
            mdevctl("list", "--defined"),
            mdevctl("types"),
            mdevctl("define", "--uuid", UUIDS[0], "--parent", FIRST, "--type", FORTY),
            mdevctl("define", "--uuid", UUIDS[0], "--parent", FIRST, "--type", FORTY),
        ),
        do(mdevctl("define", "--uuid", UUIDS[0])),
        do(mdevctl("define", "--uuid", UUIDS[1], "--parent", FIRST)),
        do(mdevctl("define", "--uuid", "nonsense", "--parent", FIRST, "--type", FORTY)),
        do(
            mdevctl("list", "--defined"),
            mdevctl("list", "--defined", "--dumpjson"),
            mdevctl("start", "--uuid", UUIDS[0]),
            then=look(
                ReadFiles((f"{mediated.DEFINITIONS}/*/*",)),
                Stat((f"{mediated.DEFINITIONS}/*", f"{mediated.DEFINITIONS}/0*/*")),
            ),
        ),
        do(mdevctl("start", "--uuid", UUIDS[1])),
        do(mdevctl("stop", "--uuid", UUIDS[0])),
        do(mdevctl("undefine", "--uuid", UUIDS[0]), mdevctl("undefine", "--uuid", UUIDS[0])),
        look(Stat((f"{mediated.DEFINITIONS}/*",))),
        do(sriov()),
        do(sriov("-e", "0000:77:00.0")),
        do(sriov("-e", GPU), create(FIRST, FORTY, UUIDS[0]), then=LOOK),
        do(sriov("-e", GPU), sriov("-d", GPU), sriov("-d", GPU), then=LOOK),
    ),
)

VGPUS = Scene(
    "vGPUs come and go",
    (
        LOOK,
        do(sriov("-d", GPU), sriov("-e", "ALL"), mdevctl("types", "--parent", FIRST), then=LOOK),
        do(create(FIRST, FORTY, "nonsense")),
        do(create(FIRST, UNKNOWN, UUIDS[0])),
        do(create(GPU, FORTY, UUIDS[0])),
        do(create(FIRST, FORTY, UUIDS[0]), create(FIRST, FORTY, UUIDS[0])),
        do(create(SECOND, FORTY, UUIDS[0])),
        do(create(FIRST, FORTY, UUIDS[1])),
        do(create(SECOND, TWENTY, UUIDS[1]), then=(*FACTS, *LOOK)),
        do(
            mdevctl("list"),
            mdevctl("define", "--uuid", UUIDS[0]),
            mdevctl("list"),
            mdevctl("start", "--uuid", UUIDS[0]),
        ),
        do(mdevctl("start", "--uuid", UUIDS[1], "--parent", FIRST, "--type", FORTY)),
        do(mdevctl("start", "--uuid", UUIDS[1], "--parent", SECOND, "--type", UNKNOWN)),
        do(mdevctl("start", "--uuid", UUIDS[1], "--parent", "0000:99:00.0", "--type", FORTY)),
        do(
            mdevctl("start", "--uuid", UUIDS[1], "--parent", SECOND, "--type", FORTY),
            create(THIRD, FORTY, UUIDS[2]),
        ),
        do(mdevctl("start", "--uuid", UUIDS[2], "--parent", THIRD, "--type", FORTY), then=LOOK),
        do(remove(UUIDS[1], "0"), remove(UUIDS[1], "x")),
        do(mdevctl("stop", "--uuid", UUIDS[1]), mdevctl("stop", "--uuid", UUIDS[1])),
        do(remove(UUIDS[1])),
        do(
            remove(UUIDS[0], "0x0"),
            mdevctl("undefine", "--uuid", UUIDS[0]),
            mdevctl("list", "--dumpjson"),
            sriov("-e", GPU),
            remove(UUIDS[0]),
            create(FAR, TWENTY, UUIDS[3]),
            mdevctl("list"),
            sriov("-d", GPU),
            then=LOOK,
        ),
    ),
)


def _with_words(guest: str, twin: SimulatedHost) -> None:
    group = twin.machine.up.devices.groups[UUIDS[0]]
    twin.add_process((guest, "-name", "guest=instance-0000002a,debug-threads=on"), opened=(f"/dev/vfio/{group}",))


def _ended(twin: SimulatedHost) -> None:
    for process in twin.machine.up.processes.entries:
        if process.argv[0] == "qemu-system-x86_64":
            twin.end(process.pid)


# A process with QEMU's name and words; `echo` waits at a pipe that is full.
_OPENED = f"""
group=$(basename "$(readlink /sys/bus/mdev/devices/{UUIDS[0]}/iommu_group)")
cat >/run/bench-use <<'END'
mkfifo /run/bench-full
exec 4<>/run/bench-full
head -c 65536 /dev/zero >&4
exec 3<>"/dev/vfio/$1"
exec -a qemu-system-x86_64 /bin/echo -name 'guest=instance-0000002a,debug-threads=on' >&4 2>/run/bench-qemu </dev/null
END
setsid bash /run/bench-use "$group" >/run/bench-said 2>&1 </dev/null &
until pgrep -f ^qemu-system >/run/bench-pid; do sleep 0.1; done
"""
HOLDERS = look(FindHolders(("/dev/nvidia", "/dev/vfio/")))

IN_USE = Scene(
    "devices that others use",
    (
        do(sriov("-d", GPU)),
        Act(
            "the driver will refuse its lock once",
            "echo 1 >/sys/module/nvidia/parameters/refuse_unbind_locks",
            lambda twin: twin.strike(SriovRefusals(1)),
        ),
        do(sriov("-e", GPU)),
        do(sriov("-e", GPU), create(FIRST, FORTY, UUIDS[0]), then=HOLDERS),
        Act("a guest opens the vGPU's group", _OPENED, lambda twin: _with_words("qemu-system-x86_64", twin)),
        HOLDERS,
        Act("the guest ends", "pkill -f ^qemu-system; sleep 0.2", _ended),
        do(remove(UUIDS[0]), then=HOLDERS),
    ),
)
