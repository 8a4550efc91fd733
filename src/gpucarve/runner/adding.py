"""`vectoradd`: two vectors of floats are added; the sums are checked, then the rate is taken, beside the driver's copy.

Boundary: one workload.
"""

from __future__ import annotations

import struct
from typing import Any

from gpucarve.runner import patterns
from gpucarve.runner.copying import drivers_copy
from gpucarve.runner.device import U32, U64, Buffer, Device, Shape
from gpucarve.runner.outcome import Outcome, check, differing
from gpucarve.runner.sizes import Sizes, grid
from gpucarve.runner.timing import series

_SEED_A, _SEED_B = 0xA, 0xB
_ON_HOST = 50_000


def run(device: Device, sizes: Sizes) -> Outcome:
    """Add, check, measure."""
    count = sizes.words(device, buffers=3)
    wide, narrow = grid(device, count // 4), grid(device, count)
    a, b, total, wrong = (device.allocate(size) for size in (4 * count, 4 * count, 4 * count, 4))
    fill = device.kernel("memory", "fill_floats")
    fill.launch(narrow, a, U64(count), U32(_SEED_A))
    fill.launch(narrow, b, U64(count), U32(_SEED_B))
    add = device.kernel("memory", "add_vectors")

    def launch() -> None:
        add.launch(wide, a, b, total, U64(count // 4))

    launch()
    checks = [_on_host(device, total, count), _on_device(device, narrow, total, wrong, count)]
    taken = [
        drivers_copy(device, a, total, 4 * count, sizes),
        series(device, "vector addition", 12 * count, "B", launch, sizes),
    ]
    for buffer in (a, b, total, wrong):
        device.release(buffer)
    return Outcome(checks, taken, {"floats": count})


def _on_host(device: Device, total: Buffer, count: int) -> dict[str, Any]:
    """The beginning and the end of the vector, where an index would go wrong first."""
    part = min(_ON_HOST // 2, count)
    wrong = sum(
        differing(device.read(total, 4 * first, 4 * part), patterns.sums(first, part, _SEED_A, _SEED_B))
        for first in (0, count - part)
    )
    return check("sums", "host", wrong, 2 * part)


def _on_device(device: Device, shape: Shape, total: Buffer, wrong: Buffer, count: int) -> dict[str, Any]:
    device.write(wrong, bytes(4))
    seeds = (U32(_SEED_A), U32(_SEED_B))
    device.kernel("memory", "check_sums").launch(shape, total, U64(count), *seeds, wrong)
    return check("sums", "device", struct.unpack("<I", device.read(wrong, 0, 4))[0], count)
