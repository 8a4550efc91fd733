"""`matmul`: matrices are multiplied by NVIDIA's cuBLAS in three precisions; the products are checked, then timed.

The checks need no tolerance. Their numbers are 1 and three bits behind the point, with either sign: all three
precisions hold such numbers. Each product of two is a multiple of 1/64 below 4, so up to a side of 65,536 every sum of
them, in whatever order and of whatever part, stays below 2^24 sixty-fourths, which 32-bit floats hold (IEEE 754: 24
bits for a significand). A right product is exact.

- The host works out a small product whole, and places of the large one. For float32 the small product has factors of
  twelve bits behind the point, which TF32 would round to ten.
- The device checks the whole large one as R. Freivalds did (1977): A (B x) must be C x, here in integers that wrap at
  2^32 and for an x of random words. A wrong row passes once in 2^32 / d times, where d is the largest power of two that
  divides all that is wrong in it.

Timed are matrices with every bit of their significands random, for a GPU needs less power for numbers with few bits.

Boundary: one workload; the library is spoken to by `cublas`.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from gpucarve.runner import patterns
from gpucarve.runner.cublas import FLOAT16, FLOAT32, TF32, Library, Precision, Sides
from gpucarve.runner.device import U32, U64, Buffer, Device, Shape
from gpucarve.runner.outcome import Outcome, check, differing
from gpucarve.runner.sizes import Sizes, grid, side
from gpucarve.runner.timing import series

_SMALL = Sides(40, 56, 64)
SEED_A, SEED_B, _SEED_X, _SEED_REST = 0xA1, 0xB1, 0x51, 0xC1
BITS, _MANY_BITS = 3, 12
_PLACES = 4  # rows and columns whose crossings the host works out
_TF32_FROM = 8  # the first major compute capability whose tensor cores know TF32 (Ampere)


class Matrices(NamedTuple):
    """Two factors and their product, each with room for `side` x `side` 32-bit floats."""

    a: Buffer
    b: Buffer
    product: Buffer
    side: int


def run(device: Device, sizes: Sizes) -> Outcome:
    """Multiply, check, measure, in each precision."""
    length = side(device, sizes)
    library = Library(device)
    made = squares(device, length)
    checks, taken = [], []
    for precision in _precisions(device):
        checks += [
            _small(device, library, precision, made),
            _large(device, library, precision, made),
            whole(device, precision.name, made),
        ]
        _fill(device, precision, made.a, length * length, SEED_A, _all_bits(precision))
        _fill(device, precision, made.b, length * length, SEED_B, _all_bits(precision))
        taken.append(_timed(device, library, precision, made, sizes))
    version = library.version
    library.close()
    for buffer in (made.a, made.b, made.product):
        device.release(buffer)
    return Outcome(checks, taken, {"side": length, "cublas": version})


def squares(device: Device, side: int) -> Matrices:
    """Room for them."""
    a, b, product = (device.allocate(4 * side * side) for _ in range(3))
    return Matrices(a, b, product, side)


def _precisions(device: Device) -> tuple[Precision, ...]:
    knows = int(device.facts()["capability_major"]) >= _TF32_FROM
    return (FLOAT32, TF32, FLOAT16) if knows else (FLOAT32, FLOAT16)


def _all_bits(precision: Precision) -> int:
    return 10 if precision is FLOAT16 else 23


def _fill(device: Device, precision: Precision, buffer: Buffer, count: int, seed: int, bits: int) -> None:
    name = "fill_halves" if precision is FLOAT16 else "fill_numbers"
    device.kernel("matrix", name).launch(grid(device, count), buffer, U64(count), U32(seed), U32(bits))


def _multiplied(
    device: Device, library: Library, precision: Precision, made: Matrices, sides: Sides, bits: int = BITS
) -> None:
    """Put a product of exact numbers where other words stood, so that nothing of them can be taken for it."""
    _fill(device, precision, made.a, sides.rows * sides.inner, SEED_A, bits)
    _fill(device, precision, made.b, sides.inner * sides.columns, SEED_B, BITS)
    count = sides.rows * sides.columns
    device.kernel("memory", "fill_words").launch(grid(device, count), made.product, U64(count), U32(_SEED_REST))
    library.multiply(precision, sides, made.a, made.b, made.product)


def _small(device: Device, library: Library, precision: Precision, made: Matrices) -> dict[str, Any]:
    """Every number of a product of two oblongs, by the host."""
    bits = _MANY_BITS if precision is FLOAT32 else BITS
    _multiplied(device, library, precision, made, _SMALL, bits)
    count = _SMALL.rows * _SMALL.columns
    expected = patterns.product(_SMALL.rows, _SMALL.inner, _SMALL.columns, (SEED_A, bits), (SEED_B, BITS))
    return check(
        f"{precision.name}, small", "host", differing(device.read(made.product, 0, 4 * count), expected), count
    )


def _large(device: Device, library: Library, precision: Precision, made: Matrices) -> dict[str, Any]:
    """The crossings of a few rows and columns of a large square, by the host."""
    length = made.side
    _multiplied(device, library, precision, made, Sides(length, length, length))
    chosen = [place * (length - 1) // (_PLACES - 1) for place in range(_PLACES)]
    rows = [patterns.numbers(range(row * length, row * length + length), SEED_A, BITS) for row in chosen]
    columns = [patterns.numbers(range(column, length * length, length), SEED_B, BITS) for column in chosen]
    wrong = 0
    for row, left in zip(chosen, rows):
        for column, right in zip(chosen, columns):
            (found,) = struct.unpack("<f", device.read(made.product, 4 * (row * length + column), 4))
            wrong += found != sum(x * y for x, y in zip(left, right))
    return check(precision.name, "host", wrong, _PLACES**2)


def whole(device: Device, what: str, made: Matrices) -> dict[str, Any]:
    """Every row of the product of two squares of exact numbers, by the device."""
    length = made.side
    x, bx, abx, cx, counts = (device.allocate(size) for size in (*[4 * length] * 4, 8))
    device.kernel("memory", "fill_words").launch(grid(device, length), x, U64(length), U32(_SEED_X))
    for zeroed in (bx, abx, cx, counts):
        device.write(zeroed, bytes(zeroed.size))
    shape = Shape(min(length, device.processors * 32), 256)
    square, bits = (U32(length), U32(length)), U32(BITS)
    times = device.kernel("matrix", "numbers_times")
    times.launch(shape, x, bx, *square, U32(SEED_B), bits)
    times.launch(shape, bx, abx, *square, U32(SEED_A), bits)
    device.kernel("matrix", "product_times").launch(shape, made.product, x, cx, *square, bits, counts)
    uneven = struct.unpack("<I", device.read(counts, 0, 4))[0]
    device.write(counts, bytes(4))
    device.kernel("matrix", "check_equal").launch(grid(device, length), abx, cx, U64(length), counts)
    rows = struct.unpack("<I", device.read(counts, 0, 4))[0]
    for buffer in (x, bx, abx, cx, counts):
        device.release(buffer)
    return check(what, "device", max(rows, min(uneven, length)), length)


def _timed(device: Device, library: Library, precision: Precision, made: Matrices, sizes: Sizes) -> dict[str, Any]:
    square = Sides(made.side, made.side, made.side)

    def launch() -> None:
        library.multiply(precision, square, made.a, made.b, made.product)

    return series(device, precision.name, 2 * made.side**3, "FLOP", launch, sizes)
