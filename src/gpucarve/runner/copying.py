"""`copy`: how fast this device copies its own memory, by its driver and by a kernel of ours.

Boundary: one workload; the driver's copy is also the yardstick of other workloads' runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpucarve.runner import patterns
from gpucarve.runner.device import U32, U64, Buffer, Device
from gpucarve.runner.outcome import Outcome, check, differing
from gpucarve.runner.sizes import Sizes, grid
from gpucarve.runner.timing import series

_SEED = 0xC0
_ON_HOST = 4096
DRIVERS_COPY = "driver's copy"


def run(device: Device, sizes: Sizes) -> Outcome:
    """Copy, check, measure."""
    count = sizes.words(device, buffers=2)
    source, target = device.allocate(4 * count), device.allocate(4 * count)
    device.kernel("memory", "fill_words").launch(grid(device, count), source, U64(count), U32(_SEED))
    kernel, shape = device.kernel("memory", "copy_words"), grid(device, count // 4)

    def launch() -> None:
        kernel.launch(shape, source, target, U64(count // 4))

    ways: tuple[tuple[str, Callable[[], None]], ...] = (
        (DRIVERS_COPY, lambda: device.copy(source, target, 4 * count)),
        ("kernel's copy", launch),
    )
    checks, taken = [], []
    for name, work in ways:
        _overwrite(device, target, count)
        work()
        checks.append(_checked(device, name, target, count))
        taken.append(series(device, name, 8 * count, "B", work, sizes))
    device.release(source)
    device.release(target)
    return Outcome(checks, taken, {"bytes": 4 * count})


def drivers_copy(device: Device, source: Buffer, target: Buffer, size: int, sizes: Sizes) -> dict[str, Any]:
    """The driver's copy of this run; both its reading and its writing count."""
    return series(device, DRIVERS_COPY, 2 * size, "B", lambda: device.copy(source, target, size), sizes)


def _overwrite(device: Device, target: Buffer, count: int) -> None:
    """What was copied before must not be taken for what is copied now."""
    device.kernel("memory", "fill_words").launch(grid(device, count), target, U64(count), U32(0))


def _checked(device: Device, name: str, target: Buffer, count: int) -> dict[str, Any]:
    part = min(_ON_HOST, count)
    wrong = sum(
        differing(device.read(target, 4 * first, 4 * part), patterns.words(first, part, _SEED).tobytes())
        for first in (0, (count - part) // 2, count - part)
    )
    return check(name, "host", wrong, 3 * part)
