"""How large a workload is on this device, how often it is run, and how many threads go through it.

Boundary: numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gpucarve.runner.device import Device, Shape
from gpucarve.runner.refusals import Refused

_GIB = 1 << 30
_LARGEST_GPU = 8 * _GIB
_LARGEST_CPU = _GIB // 16
SMALLEST = 64 * 64 * 4  # one tile of the widest kernel
LARGEST_SIDE = 1 << 16  # of a matrix whose product can be checked exactly
_THREADS = 256


class Sizes(NamedTuple):
    """`bytes` is what one buffer should have, 0 lets the device decide; `samples` how many make a figure.

    With `together`, each figure begins when the host's clock shows a multiple of so many seconds: so runs on several
    slices, which know nothing of each other, are busy at one time.
    """

    bytes: int = 0
    samples: int = 11
    together: int = 0

    def words(self, device: Device, buffers: int) -> int:
        """Words of one buffer: a power of two, so that every kernel's blocks fit. Raises Refused without the room."""
        room = device.room()
        wanted = self.bytes or min(_LARGEST_GPU if device.is_gpu else _LARGEST_CPU, int(room * 0.9) // buffers)
        if wanted < SMALLEST or (device.interface == "cuda" and wanted * buffers > room):
            raise Refused(
                f"{buffers} buffers of {wanted} bytes, and {room} bytes are free on {device.name}",
                f"a buffer has at least {SMALLEST} bytes, and all of them must fit",
                "stop what uses the GPU's memory, or ask for less with --size",
            )
        words: int = 1 << (wanted // 4).bit_length() - 1
        return words


def side(device: Device, sizes: Sizes) -> int:
    """Side of the square matrices to multiply, three of which must fit: a power of two.

    By itself it is large enough for 64 tiles of 128 x 128 on each processor, so that a last round that is not full
    costs little, and no larger, for the time grows with its third power.
    """
    most: int = min(LARGEST_SIDE, 1 << (sizes.words(device, buffers=3).bit_length() - 1) // 2)
    if sizes.bytes:
        return most
    wanted = 128 * math.isqrt(64 * device.processors)
    return min(most, 1 << (wanted - 1).bit_length())


def matrix(words: int) -> tuple[int, int]:
    """Width and height of a matrix of so many words: a square, or twice as wide as high."""
    bits = words.bit_length() - 1
    return 1 << (bits + 1) // 2, 1 << bits // 2


def grid(device: Device, items: int) -> Shape:
    """Enough threads to fill the device, each going on until all items are done."""
    blocks = min((items + _THREADS - 1) // _THREADS, device.processors * 32)
    return Shape(max(1, blocks), _THREADS)
