"""What a workload asks of a device, whichever interface it is spoken to through.

Boundary: names and values; `cuda` and `opencl` answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Union


class U32(NamedTuple):
    """An unsigned argument of 32 bits."""

    value: int


class U64(NamedTuple):
    """An unsigned argument of 64 bits."""

    value: int


class Buffer(NamedTuple):
    """Memory of the device: what the interface calls it by, and its size in bytes."""

    handle: int
    size: int


Argument = Union[U32, U64, Buffer]


class Shape(NamedTuple):
    """How many blocks, and how many threads in each."""

    blocks_x: int
    threads_x: int
    blocks_y: int = 1
    threads_y: int = 1


class Kernel(Protocol):
    """A function of the device."""

    def launch(self, shape: Shape, *arguments: Argument) -> None:
        """Let it run, behind what was given to the device before; returns before it is done."""
        ...


class Device(Protocol):
    """One GPU, one slice of a GPU, or a processor that acts as one."""

    interface: str
    name: str
    processors: int
    is_gpu: bool

    def open(self) -> None:
        """Take it into use; until then it was only asked about."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the driver says of it."""
        ...

    def room(self) -> int:
        """Bytes that are free, or that one buffer may have where that is less."""
        ...

    def kernel(self, source: str, name: str) -> Kernel:
        """A kernel of `kernels/SOURCE.c`."""
        ...

    def allocate(self, size: int) -> Buffer:
        """Take memory."""
        ...

    def release(self, buffer: Buffer) -> None:
        """Give it back."""
        ...

    def write(self, buffer: Buffer, content: bytes) -> None:
        """Put bytes at the beginning of a buffer, and wait for it."""
        ...

    def read(self, buffer: Buffer, start: int, size: int) -> bytes:
        """Bytes of a buffer, once everything given before is done."""
        ...

    def copy(self, source: Buffer, target: Buffer, size: int) -> None:
        """The interface's own copy within the device; returns before it is done."""
        ...

    def timed(self, work: Callable[[], None]) -> float:
        """Seconds from the beginning to the end of what `work` gives to the device."""
        ...
