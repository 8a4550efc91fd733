"""`transpose`: a matrix is moved in nine ways, each beside the driver's copy of the same run.

Two of them copy, two do one half of a transpose each, the others are transposes from the plainest to ours. The
eight ways and their names are those of the sample `transpose` in NVIDIA's CUDA samples.

Boundary: one workload. A small matrix is compared word by word on the host, the large one by the device.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any, NamedTuple

from gpucarve.runner import patterns
from gpucarve.runner.copying import drivers_copy
from gpucarve.runner.device import U32, U64, Buffer, Device, Shape
from gpucarve.runner.outcome import Outcome, check, differing
from gpucarve.runner.sizes import Sizes, grid, matrix
from gpucarve.runner.timing import series

_SEED = 0x7A
_SMALL = (192, 128)  # neither a square nor a power of two


class Way(NamedTuple):
    """A kernel, what it is called, and the order its words come out in (`patterns.rearranged`)."""

    name: str
    kernel: str
    order: str
    tile: int = 32
    threads: tuple[int, int] = (32, 8)


WAYS = (
    Way("simple copy", "matrix_copy", "same"),
    Way("shared memory copy", "matrix_copy_shared", "same"),
    Way("naive", "matrix_naive", "transposed"),
    Way("coalesced", "matrix_coalesced", "transposed"),
    Way("optimized", "matrix_optimized", "transposed"),
    Way("coarse-grained", "matrix_coarse", "tiles"),
    Way("fine-grained", "matrix_fine", "within"),
    Way("diagonal", "matrix_diagonal", "transposed"),
    Way("wide (ours)", "matrix_wide", "transposed", 64, (256, 1)),
)
_ORDERS = ("same", "transposed", "tiles", "within")


class Matrix(NamedTuple):
    """A filled matrix and the place for it moved, `width` words by `height` rows."""

    source: Buffer
    target: Buffer
    width: int
    height: int


def run(device: Device, sizes: Sizes) -> Outcome:
    """Move, check, measure."""
    wrong = device.allocate(4)
    small = _filled(device, *_SMALL)
    checks = [_on_host(device, way, small) for way in WAYS]
    _released(device, small)
    large = _filled(device, *matrix(sizes.words(device, buffers=2)))
    size = 4 * large.width * large.height
    taken = [drivers_copy(device, large.source, large.target, size, sizes)]
    for way in WAYS:
        _moved(device, way, large)
        checks.append(_on_device(device, way, large, wrong))
        taken.append(series(device, way.name, 2 * size, "B", partial(_moved, device, way, large), sizes))
    _released(device, large)
    device.release(wrong)
    return Outcome(checks, taken, {"bytes": size, "width": large.width, "height": large.height})


def _filled(device: Device, width: int, height: int) -> Matrix:
    count = width * height
    made = Matrix(device.allocate(4 * count), device.allocate(4 * count), width, height)
    device.kernel("memory", "fill_words").launch(grid(device, count), made.source, U64(count), U32(_SEED))
    return made


def _released(device: Device, used: Matrix) -> None:
    device.release(used.source)
    device.release(used.target)


def _moved(device: Device, way: Way, matrix: Matrix) -> None:
    threads_x, threads_y = way.threads
    shape = Shape(matrix.width // way.tile, threads_x, matrix.height // way.tile, threads_y)
    sides = (U32(matrix.width), U32(matrix.height))
    device.kernel("memory", way.kernel).launch(shape, matrix.source, matrix.target, *sides)


def _overwritten(device: Device, matrix: Matrix) -> None:
    count = matrix.width * matrix.height
    device.kernel("memory", "fill_words").launch(grid(device, count), matrix.target, U64(count), U32(0))


def _on_host(device: Device, way: Way, matrix: Matrix) -> dict[str, Any]:
    count = matrix.width * matrix.height
    _overwritten(device, matrix)
    _moved(device, way, matrix)
    whole = patterns.words(0, count, _SEED)
    expected = patterns.rearranged(whole, matrix.width, matrix.height, way.order).tobytes()
    return check(way.name, "host", differing(device.read(matrix.target, 0, 4 * count), expected), count)


def _on_device(device: Device, way: Way, matrix: Matrix, wrong: Buffer) -> dict[str, Any]:
    count = matrix.width * matrix.height
    _overwritten(device, matrix)
    _moved(device, way, matrix)
    device.write(wrong, bytes(4))
    sides = (U32(matrix.width), U32(matrix.height))
    order = (U32(_ORDERS.index(way.order)), U32(_SEED))
    device.kernel("memory", "check_matrix").launch(grid(device, count), matrix.target, *sides, *order, wrong)
    return check(way.name, "device", struct.unpack("<I", device.read(wrong, 0, 4))[0], count)
