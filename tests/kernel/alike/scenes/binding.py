"""Functions that change hands: bind, unbind, driver_override, drivers_probe, uevent, and a driver that waits.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import ReadFiles, ReadLinks, Run, Stat, WriteValue
from gpucarve.twin.hosts import SimulatedHost
from tests.kernel.alike.scenes.devices import FACTS, HOLDERS, SYSFS, sriov
from tests.kernel.alike.steps import Act, Reads, Scene, do, look
from tests.kernel.machine import GPU_ADDRESS as GPU

_BOUND: Reads = look(
    ReadLinks((f"{SYSFS}/driver", "/sys/bus/pci/drivers/nvidia/0*", "/sys/bus/pci/drivers/vfio-pci/0*")),
    ReadFiles((f"{SYSFS}/driver_override", f"{SYSFS}/modalias", "/sys/module/vfio_pci/initstate")),
    Stat(("/sys/bus/pci/drivers_probe", "/sys/bus/pci/drivers/vfio-pci/*bind", "/sys/bus/pci/drivers/nvidia/*bind")),
)


def to_driver(driver: str, what: str, value: str = GPU, deadline: float = 30.0) -> WriteValue:
    return WriteValue(f"/sys/bus/pci/drivers/{driver}/{what}", value, deadline)


def probe(value: str = GPU) -> WriteValue:
    return WriteValue("/sys/bus/pci/drivers_probe", value)


def override(value: str) -> WriteValue:
    return WriteValue(f"{SYSFS}/driver_override", value)


HANDS = Scene(
    "a function changes hands",
    (
        do(sriov("-d", GPU), to_driver("vfio-pci", "unbind"), then=_BOUND),
        do(Run(("modprobe", "no-such-module"))),
        do(
            Run(("modprobe", "vfio-pci"), deadline=120),
            Run(("modprobe", "vfio-pci"), deadline=120),
            to_driver("vfio-pci", "unbind"),
            then=_BOUND,
        ),
        do(to_driver("vfio-pci", "bind")),
        do(to_driver("nvidia", "bind")),
        do(to_driver("nvidia", "unbind", "0000:77:00.0")),
        do(to_driver("nvidia", "unbind", "nonsense")),
        do(probe("0000:77:00.0")),
        do(probe("nonsense")),
        do(override("vfio-pci"), probe(), then=_BOUND),
        do(to_driver("nvidia", "unbind"), to_driver("nvidia", "unbind"), then=_BOUND),
        do(to_driver("nvidia", "bind")),
        do(probe(), to_driver("vfio-pci", "bind"), then=(*_BOUND, *FACTS)),
        do(probe(), to_driver("nvidia", "unbind")),
        do(override("\n"), then=_BOUND),
        do(to_driver("vfio-pci", "unbind"), to_driver("vfio-pci", "bind"), then=_BOUND),
        do(probe(), then=_BOUND),
        do(WriteValue(f"{SYSFS}/uevent", "add"), WriteValue(f"{SYSFS}/uevent", "nonsense")),
        do(Run(("udevadm", "settle", "--timeout=30")), then=_BOUND),
        do(override("no-such-driver"), to_driver("nvidia", "unbind"), probe(), then=_BOUND),
        do(override("\n"), to_driver("nvidia", "bind"), then=_BOUND),
    ),
)


def _opens(twin: SimulatedHost) -> None:
    twin.add_process(("sleep", "1000"), opened=("/dev/nvidia0",))


def _ends(twin: SimulatedHost) -> None:
    for process in twin.machine.up.processes.entries:
        if "/dev/nvidia0" in process.open:
            twin.end(process.pid)


_OPEN = """
setsid sh -c 'exec 3</dev/nvidia0; exec sleep 1000' >/dev/null 2>&1 </dev/null &
until pgrep -x sleep >/dev/null; do sleep 0.1; done
"""

WAITS = Scene(
    "an unbinding that waits for a process",
    (
        Act("a process opens the GPU", _OPEN, _opens),
        HOLDERS,
        do(to_driver("nvidia", "unbind", deadline=2.0)),
        Act("the process ends", "pkill -x sleep", _ends),
        HOLDERS,
    ),
)
