"""What must come out of the memory kernels, worked out on the host.

Boundary: numbers. Written from the meaning of each kernel, by other means than the kernels: slices of rows and columns.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable

_MASK = 0xFFFFFFFF
TILE = 32


def word(index: int, seed: int) -> int:
    """The word that `fill_words` puts at an index."""
    x = (index & _MASK) ^ ((index >> 32) * 0x9E3779B9 & _MASK) ^ seed
    x = (x ^ x >> 16) * 0x7FEB352D & _MASK
    x = (x ^ x >> 15) * 0x846CA68B & _MASK
    return x ^ x >> 16


def number(index: int, seed: int) -> float:
    """The float that `fill_floats` puts at an index."""
    return float(struct.unpack("<f", struct.pack("<I", 0x3F800000 | word(index, seed) >> 9))[0])


def sums(first: int, count: int, seed_a: int, seed_b: int) -> bytes:
    """What a range of `add_vectors` must hold: each sum rounded once to 32 bits."""
    return array(
        "f", [number(i, seed_a) + number(i, seed_b) for i in range(first, first + count)]
    ).tobytes()  # a double holds such a sum exactly


def numbers(indices: Iterable[int], seed: int, bits: int) -> list[float]:
    """The numbers that `fill_numbers` and `fill_halves` put at these indices."""
    unit, found = 1.0 / (1 << bits), []
    for index in indices:
        x = word(index, seed)
        size = 1.0 + ((x & 0x7FFFFFFF) >> (31 - bits)) * unit
        found.append(-size if x >> 31 else size)
    return found


def product(rows: int, inner: int, columns: int, left: tuple[int, int], right: tuple[int, int]) -> bytes:
    """The product of two such matrices, each with its seed and bits, as 32-bit floats. It must need no rounding."""
    a, b = numbers(range(rows * inner), *left), numbers(range(inner * columns), *right)
    out = array("f")
    for row in range(rows):
        line = a[row * inner : (row + 1) * inner]
        out.extend(sum(x * y for x, y in zip(line, b[column::columns])) for column in range(columns))
    return out.tobytes()


def words(first: int, count: int, seed: int) -> array[int]:
    """A range of what `fill_words` puts down."""
    return array("I", [word(i, seed) for i in range(first, first + count)])


def rearranged(matrix: array[int], width: int, height: int, order: str) -> array[int]:
    """A matrix in another order: `same`, `transposed`, `tiles` (they change places), `within` (words within tiles)."""
    if order == "same":
        return matrix
    if order == "transposed":
        return _transposed(matrix, width)
    if order == "within":
        return _within_tiles(matrix, width, height)
    # Transposed altogether and then within each tile: what is left is that whole tiles changed places.
    return _within_tiles(_transposed(matrix, width), height, width)


def _transposed(matrix: array[int], width: int) -> array[int]:
    out = array("I")
    for column in range(width):
        out += matrix[column::width]
    return out


def _within_tiles(matrix: array[int], width: int, height: int) -> array[int]:
    out = array("I", bytes(len(matrix) * 4))
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            for row in range(TILE):
                begin = (top + row) * width + left
                column = top * width + left + row
                out[begin : begin + TILE] = matrix[column : column + TILE * width : width][:TILE]
    return out
