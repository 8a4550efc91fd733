"""One OpenCL device through the loader that OpenCL installations share (libOpenCL.so.1).

This is the way on which PoCL, a processor that acts as a device, runs every kernel and check without a GPU; a GPU of
another interface than CUDA's can be measured by it too. Names, argument lists and numbers are those of OpenCL 1.2
(Khronos' specification and its header cl.h).

Boundary: ctypes to libOpenCL.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

from gpucarve.runner import kernel_texts
from gpucarve.runner.device import U32, Argument, Buffer, Shape
from gpucarve.runner.refusals import Failed, Refused

LIBRARY = "libOpenCL.so.1"
_ALL_DEVICES, _GPU = 0xFFFFFFFF, 4
_TRUE, _READ_WRITE, _BUILD_LOG, _BUILD_PROGRAM_FAILURE = 1, 1, 0x1183, -11
_pointer, _size, _number, _status = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32, ctypes.c_int32

# Facts of a device: the number that cl.h gives the question, and what kind of answer comes.
_FACTS = {
    "type": (0x1000, "u64"),
    "compute_units": (0x1002, "u32"),
    "threads_per_block": (0x1004, "size"),
    "clock_mhz": (0x100C, "u32"),
    "largest_buffer_bytes": (0x1010, "u64"),
    "memory_bytes": (0x101F, "u64"),
    "shared_bytes_per_block": (0x1023, "u64"),
    "constant_bytes": (0x1020, "u64"),
    "name": (0x102B, "text"),
    "vendor": (0x102C, "text"),
    "driver": (0x102D, "text"),
    "version": (0x102F, "text"),
}

_IN = (_number, _pointer, _pointer)
# What each function takes and returns; a last pointer is where those that return a handle put their status.
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "clGetPlatformIDs": (_status, (_number, _pointer, _pointer)),
    "clGetDeviceIDs": (_status, (_pointer, ctypes.c_uint64, _number, _pointer, _pointer)),
    "clGetDeviceInfo": (_status, (_pointer, _number, _size, _pointer, _pointer)),
    "clCreateContext": (_pointer, (_pointer, _number, _pointer, _pointer, _pointer, _pointer)),
    "clCreateCommandQueue": (_pointer, (_pointer, _pointer, ctypes.c_uint64, _pointer)),
    "clCreateProgramWithSource": (_pointer, (_pointer, _number, _pointer, _pointer, _pointer)),
    "clBuildProgram": (_status, (_pointer, _number, _pointer, ctypes.c_char_p, _pointer, _pointer)),
    "clGetProgramBuildInfo": (_status, (_pointer, _pointer, _number, _size, _pointer, _pointer)),
    "clCreateKernel": (_pointer, (_pointer, ctypes.c_char_p, _pointer)),
    "clSetKernelArg": (_status, (_pointer, _number, _size, _pointer)),
    "clCreateBuffer": (_pointer, (_pointer, ctypes.c_uint64, _size, _pointer, _pointer)),
    "clReleaseMemObject": (_status, (_pointer,)),
    "clEnqueueWriteBuffer": (_status, (_pointer, _pointer, _number, _size, _size, ctypes.c_char_p, *_IN)),
    "clEnqueueReadBuffer": (_status, (_pointer, _pointer, _number, _size, _size, ctypes.c_char_p, *_IN)),
    "clEnqueueCopyBuffer": (_status, (_pointer, _pointer, _pointer, _size, _size, _size, *_IN)),
    "clEnqueueNDRangeKernel": (_status, (_pointer, _pointer, _number, _pointer, _pointer, _pointer, *_IN)),
    "clFinish": (_status, (_pointer,)),
}


class Library:
    """libOpenCL with its functions; each raises Failed where it says anything but success."""

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise Refused(
                f"{LIBRARY} cannot be loaded ({error})",
                "OpenCL devices are found by its loader",
                "install an OpenCL loader and a device's driver (Debian: pocl-opencl-icd)",
            ) from error
        self._functions = {}
        for name, (returns, takes) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = returns, takes
            self._functions[name] = function

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that returns a status."""
        status = self._functions[name](*arguments)
        if status != 0:
            raise Failed(f"{name}: error {status}")

    def status(self, name: str, *arguments: Any) -> int:
        """Call a function and hand back its status."""
        return int(self._functions[name](*arguments))

    def made(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        """Call a function that returns a handle."""
        status = _status()
        handle = self._functions[name](*arguments, ctypes.byref(status))
        if status.value != 0:
            raise Failed(f"{name}: error {status.value}")
        return ctypes.c_void_p(handle)


class OpenclKernel:
    """A function of a built program, with the queue it is given to."""

    def __init__(self, library: Library, queue: ctypes.c_void_p, kernel: ctypes.c_void_p) -> None:
        self._library, self._queue, self._kernel = library, queue, kernel

    def launch(self, shape: Shape, *arguments: Argument) -> None:
        """Let it run."""
        for place, argument in enumerate(arguments):
            value = _value(argument)
            self._library.call("clSetKernelArg", self._kernel, place, ctypes.sizeof(value), ctypes.byref(value))
        threads = (_size * 2)(shape.blocks_x * shape.threads_x, shape.blocks_y * shape.threads_y)
        block = (_size * 2)(shape.threads_x, shape.threads_y)
        self._library.call(
            "clEnqueueNDRangeKernel", self._queue, self._kernel, 2, None, threads, block, 0, None, None
        )  # fmt: skip


class OpenclDevice:
    """One device of one platform."""

    interface = "opencl"

    def __init__(self, library: Library, device: ctypes.c_void_p) -> None:
        self._library, self._device = library, device
        self._facts = {fact: self._fact(code, kind) for fact, (code, kind) in _FACTS.items()}
        self.name = str(self._facts["name"])
        self.processors = int(self._facts["compute_units"])
        self.is_gpu = bool(int(self._facts["type"]) & _GPU)
        self._context = self._queue = ctypes.c_void_p()
        self._programs: dict[str, ctypes.c_void_p] = {}

    def open(self) -> None:
        """Make the context and the queue that all work goes through."""
        devices = (_pointer * 1)(self._device)
        self._context = self._library.made("clCreateContext", None, 1, devices, None, None)
        self._queue = self._library.made("clCreateCommandQueue", self._context, self._device, 0)

    def facts(self) -> dict[str, Any]:
        """What the driver says of it."""
        return dict(self._facts)

    def _fact(self, code: int, kind: str) -> Any:
        content = ctypes.create_string_buffer(1024)
        length = _size()
        self._library.call("clGetDeviceInfo", self._device, code, len(content), content, ctypes.byref(length))
        if kind == "text":
            return content.value.decode("utf-8", "replace").strip()
        return int.from_bytes(content.raw[: length.value], "little")

    def room(self) -> int:
        """Bytes that one buffer may have: how much is free is not told."""
        return min(int(self._facts["largest_buffer_bytes"]), int(self._facts["memory_bytes"]) // 4)

    def kernel(self, source: str, name: str) -> OpenclKernel:
        """Building a program makes the driver compile it for this device."""
        program = self._programs.get(source)
        if program is None:
            program = self._programs[source] = self._built(kernel_texts.opencl(source))
        kernel = self._library.made("clCreateKernel", program, name.encode())
        return OpenclKernel(self._library, self._queue, kernel)

    def _built(self, text: bytes) -> ctypes.c_void_p:
        texts = (ctypes.c_char_p * 1)(text)
        lengths = (_size * 1)(len(text))
        program = self._library.made("clCreateProgramWithSource", self._context, 1, texts, lengths)
        status = self._library.status("clBuildProgram", program, 0, None, b"-cl-std=CL1.2", None, None)
        if status == 0:
            return program
        said = b""
        if status == _BUILD_PROGRAM_FAILURE:
            log = ctypes.create_string_buffer(16384)
            if not self._library.status(
                "clGetProgramBuildInfo", program, self._device, _BUILD_LOG, len(log), log, None
            ):
                said = log.value[:1000]
        raise Failed(f"clBuildProgram: error {status} {said.decode('utf-8', 'replace')}".strip())

    def allocate(self, size: int) -> Buffer:
        """Take memory."""
        handle = self._library.made("clCreateBuffer", self._context, _READ_WRITE, size, None)
        return Buffer(handle.value or 0, size)

    def release(self, buffer: Buffer) -> None:
        """Give it back."""
        self._library.call("clReleaseMemObject", buffer.handle)

    def write(self, buffer: Buffer, content: bytes) -> None:
        """Put bytes at the beginning of a buffer."""
        nothing = (0, None, None)
        self._library.call(
            "clEnqueueWriteBuffer", self._queue, buffer.handle, _TRUE, 0, len(content), content, *nothing
        )

    def read(self, buffer: Buffer, start: int, size: int) -> bytes:
        """Bytes of a buffer."""
        content = ctypes.create_string_buffer(size)
        nothing = (0, None, None)
        self._library.call("clEnqueueReadBuffer", self._queue, buffer.handle, _TRUE, start, size, content, *nothing)
        return content.raw

    def copy(self, source: Buffer, target: Buffer, size: int) -> None:
        """The interface's own copy."""
        self._library.call(
            "clEnqueueCopyBuffer", self._queue, source.handle, target.handle, 0, 0, size, 0, None, None
        )  # fmt: skip

    def timed(self, work: Callable[[], None]) -> float:
        """Seconds by the host's clock, from an empty queue to an empty queue."""
        self._library.call("clFinish", self._queue)
        begin = time.perf_counter()
        work()
        self._library.call("clFinish", self._queue)
        return time.perf_counter() - begin


def devices() -> list[OpenclDevice]:
    """Every device of every platform. Raises Refused where there is no loader or none."""
    library = Library()
    found = [
        OpenclDevice(library, device)
        for platform in _handles(library, "clGetPlatformIDs")
        for device in _handles(library, "clGetDeviceIDs", platform, _ALL_DEVICES)
    ]
    if not found:
        raise Refused(
            "the OpenCL loader shows no device",
            "a workload needs one",
            "install a device's driver (Debian: pocl-opencl-icd); `clinfo -l` says what is there",
        )
    return found


def _handles(library: Library, name: str, *asked: Any) -> list[ctypes.c_void_p]:
    """What a function lists that is asked twice, for the number and for the handles; it may say that there is none."""
    count = _number()
    if library.status(name, *asked, 0, None, ctypes.byref(count)) != 0 or count.value == 0:
        return []
    handles = (_pointer * count.value)()
    library.call(name, *asked, count.value, handles, None)
    return [ctypes.c_void_p(handle) for handle in handles]


def _value(argument: Argument) -> Any:
    if isinstance(argument, Buffer):
        return ctypes.c_void_p(argument.handle)
    return ctypes.c_uint32(argument.value) if isinstance(argument, U32) else ctypes.c_uint64(argument.value)
