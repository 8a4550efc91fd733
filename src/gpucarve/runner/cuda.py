"""One NVIDIA GPU, or one MIG slice, through the driver's own library (libcuda.so.1).

Names, argument lists and numbers are those of NVIDIA's CUDA driver API reference and its header cuda.h; the tests hold
them against that header. A versioned name (`cuMemAlloc_v2`) is what the header means by the plain one.

Boundary: ctypes to libcuda. Which GPU is number 0 is CUDA_VISIBLE_DEVICES' to say.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpucarve.runner import kernel_texts
from gpucarve.runner.cuda_attributes import ATTRIBUTES
from gpucarve.runner.device import U32, Argument, Buffer, Shape
from gpucarve.runner.refusals import Failed, Refused

LIBRARY = "libcuda.so.1"
# Where it lies for containers of some clouds, for NixOS and for WSL, whose loaders do not look there by themselves.
_ELSEWHERE = ("/usr/local/nvidia/lib64", "/run/opengl-driver/lib", "/usr/lib/wsl/lib")
OLDEST_DRIVER = 9000  # the PTX says version 6.0, which is CUDA 9.0's
OLDEST_CAPABILITY = (5, 2)

_int, _unsigned, _size, _address = ctypes.c_int, ctypes.c_uint, ctypes.c_size_t, ctypes.c_uint64
_pointer, _text = ctypes.c_void_p, ctypes.c_char_p
_seconds = ctypes.POINTER(ctypes.c_float)
_handle = ctypes.POINTER(ctypes.c_void_p)
_OUT_INT = ctypes.POINTER(_int)

# What each function takes; all of them return a CUresult.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "cuInit": (_unsigned,),
    "cuDriverGetVersion": (_OUT_INT,),
    "cuGetErrorName": (_int, ctypes.POINTER(_text)),
    "cuDeviceGetCount": (_OUT_INT,),
    "cuDeviceGet": (_OUT_INT, _int),
    "cuDeviceGetName": (_text, _int, _int),
    "cuDeviceGetUuid_v2": (_text, _int),
    "cuDeviceTotalMem_v2": (ctypes.POINTER(_size), _int),
    "cuDeviceGetAttribute": (_OUT_INT, _int, _int),
    "cuDevicePrimaryCtxRetain": (_handle, _int),
    "cuCtxSetCurrent": (_pointer,),
    "cuMemGetInfo_v2": (ctypes.POINTER(_size), ctypes.POINTER(_size)),
    "cuMemAlloc_v2": (ctypes.POINTER(_address), _size),
    "cuMemFree_v2": (_address,),
    "cuMemcpyHtoD_v2": (_address, _text, _size),
    "cuMemcpyDtoH_v2": (_text, _address, _size),
    "cuMemcpyDtoDAsync_v2": (_address, _address, _size, _pointer),
    "cuModuleLoadData": (_handle, _text),
    "cuModuleGetFunction": (_handle, _pointer, _text),
    "cuLaunchKernel": (_pointer, *[_unsigned] * 7, _pointer, _handle, _handle),
    "cuEventCreate": (_handle, _unsigned),
    "cuEventRecord": (_pointer, _pointer),
    "cuEventSynchronize": (_pointer,),
    "cuEventElapsedTime": (_seconds, _pointer, _pointer),
}

# What a driver before CUDA 11.4 has instead: it gives a slice the id of its GPU.
_BEFORE = {"cuDeviceGetUuid_v2": "cuDeviceGetUuid"}


class Driver:
    """libcuda with its functions; each raises Failed where the driver says anything but success."""

    def __init__(self) -> None:
        try:
            self._library = _library()
        except OSError as error:
            raise Refused(
                f"{LIBRARY} cannot be loaded ({error})",
                "CUDA needs the library that comes with NVIDIA's driver",
                "install NVIDIA's driver; in a container, have the NVIDIA runtime add its libraries",
            ) from error
        self._functions = {}
        for name, takes in FUNCTIONS.items():
            function = getattr(self._library, name, None) or getattr(self._library, _BEFORE.get(name, ""), None)
            if function is None:
                raise Refused(
                    f"{LIBRARY} has no {name}", "kernels need the driver of CUDA 9.2", "install a newer driver"
                )
            function.argtypes, function.restype = takes, _int
            self._functions[name] = function
        self.call("cuInit", 0)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function."""
        status = self._functions[name](*arguments)
        if status == 0:
            return
        word = _text()
        self._functions["cuGetErrorName"](status, ctypes.byref(word))
        said = (word.value or b"").decode() or f"error {status}"
        if said == "CUDA_ERROR_NO_DEVICE":
            raise Refused("the driver shows no CUDA device", "a workload needs one", "nvidia-smi -L says what is there")
        raise Failed(f"{name}: {said}")

    def number(self, name: str, *arguments: Any) -> int:
        """Call a function that puts a number at its first argument."""
        out = _int()
        self.call(name, ctypes.byref(out), *arguments)
        return out.value


def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError:
        for folder in _ELSEWHERE:
            if Path(folder, LIBRARY).exists():
                return ctypes.CDLL(f"{folder}/{LIBRARY}")
        raise


class CudaKernel:
    """A function of a loaded module."""

    def __init__(self, driver: Driver, function: ctypes.c_void_p) -> None:
        self._driver, self._function = driver, function

    def launch(self, shape: Shape, *arguments: Argument) -> None:
        """Let it run on the default stream."""
        values = [_value(each) for each in arguments]
        places = (_pointer * len(values))(*[ctypes.cast(ctypes.byref(each), _pointer) for each in values])
        self._driver.call(
            "cuLaunchKernel", self._function, shape.blocks_x, shape.blocks_y, 1, shape.threads_x, shape.threads_y, 1,
            0, None, places, None,
        )  # fmt: skip


class CudaDevice:
    """One device of the driver."""

    interface = "cuda"
    is_gpu = True

    def __init__(self, driver: Driver, number: int) -> None:
        self._driver = driver
        self._modules: dict[str, ctypes.c_void_p] = {}
        self._ordinal = driver.number("cuDeviceGet", number)
        name = ctypes.create_string_buffer(256)
        driver.call("cuDeviceGetName", name, len(name), self._ordinal)
        self.name = name.value.decode("utf-8", "replace")
        self._attributes = {
            fact: driver.number("cuDeviceGetAttribute", code, self._ordinal) for fact, code in ATTRIBUTES.items()
        }
        self.processors = self._attributes["multiprocessors"]
        self._events: list[ctypes.c_void_p] = []

    def open(self) -> None:
        """Take the device into use; until then it was only asked about. Raises Refused where our kernels cannot run."""
        self._check()
        context = ctypes.c_void_p()
        self._driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._ordinal)
        self._driver.call("cuCtxSetCurrent", context)
        self._events = [ctypes.c_void_p(), ctypes.c_void_p()]
        for event in self._events:
            self._driver.call("cuEventCreate", ctypes.byref(event), 0)

    def _check(self) -> None:
        capability = (self._attributes["capability_major"], self._attributes["capability_minor"])
        version = self._driver.number("cuDriverGetVersion")
        if capability < OLDEST_CAPABILITY:
            raise Refused(
                f"{self.name} has compute capability {capability[0]}.{capability[1]}",
                "the kernels are compiled for 5.2 (Maxwell) and newer",
                "name another device",
            )
        if version < OLDEST_DRIVER:
            raise Refused(
                f"the driver speaks CUDA {version // 1000}", "the kernels need CUDA 9", "install a newer driver"
            )

    def facts(self) -> dict[str, Any]:
        """What the driver says of it; clocks in kHz, sizes in bytes, the bus in bits."""
        uuid = ctypes.create_string_buffer(16)
        self._driver.call("cuDeviceGetUuid_v2", uuid, self._ordinal)
        total = _size()
        self._driver.call("cuDeviceTotalMem_v2", ctypes.byref(total), self._ordinal)
        return {
            **self._attributes,
            "memory_bytes": total.value,
            "uuid": uuid.raw.hex(),
            "cuda_driver": self._driver.number("cuDriverGetVersion"),
        }

    def room(self) -> int:
        """Bytes that are free."""
        free, total = _size(), _size()
        self._driver.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def kernel(self, source: str, name: str) -> CudaKernel:
        """Loading PTX makes the driver compile it for this GPU; it keeps what it compiled."""
        module = self._modules.get(source)
        if module is None:
            module = ctypes.c_void_p()
            self._driver.call("cuModuleLoadData", ctypes.byref(module), kernel_texts.ptx(source))
            self._modules[source] = module
        function = ctypes.c_void_p()
        self._driver.call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
        return CudaKernel(self._driver, function)

    def allocate(self, size: int) -> Buffer:
        """Take memory."""
        address = _address()
        self._driver.call("cuMemAlloc_v2", ctypes.byref(address), size)
        return Buffer(address.value, size)

    def release(self, buffer: Buffer) -> None:
        """Give it back."""
        self._driver.call("cuMemFree_v2", buffer.handle)

    def write(self, buffer: Buffer, content: bytes) -> None:
        """Put bytes at the beginning of a buffer."""
        self._driver.call("cuMemcpyHtoD_v2", buffer.handle, content, len(content))

    def read(self, buffer: Buffer, start: int, size: int) -> bytes:
        """Bytes of a buffer."""
        content = ctypes.create_string_buffer(size)
        self._driver.call("cuMemcpyDtoH_v2", content, buffer.handle + start, size)
        return content.raw

    def copy(self, source: Buffer, target: Buffer, size: int) -> None:
        """The driver's copy, on the default stream."""
        self._driver.call("cuMemcpyDtoDAsync_v2", target.handle, source.handle, size, None)

    def timed(self, work: Callable[[], None]) -> float:
        """Seconds between two events on the default stream, by the GPU's clock."""
        begin, end = self._events
        self._driver.call("cuEventRecord", begin, None)
        work()
        self._driver.call("cuEventRecord", end, None)
        self._driver.call("cuEventSynchronize", end)
        milliseconds = ctypes.c_float()
        self._driver.call("cuEventElapsedTime", ctypes.byref(milliseconds), begin, end)
        return milliseconds.value / 1000


def devices() -> list[CudaDevice]:
    """Every device the driver shows. Raises Refused where there is no driver or none."""
    driver = Driver()
    count = driver.number("cuDeviceGetCount")
    if count == 0:
        raise Refused("the driver shows no CUDA device", "a workload needs one", "nvidia-smi -L says what is there")
    return [CudaDevice(driver, number) for number in range(count)]


def _value(argument: Argument) -> Any:
    if isinstance(argument, Buffer):
        return _address(argument.handle)
    return ctypes.c_uint32(argument.value) if isinstance(argument, U32) else ctypes.c_uint64(argument.value)
