"""What a GPU did while a workload ran: clocks, power, temperature, what held its clocks back, memory errors.

Read by nvidia-ml-py (the module `pynvml`, which the archive carries along), on a thread of its own.

Boundary: asks NVML; where it is not there or a question has no answer on this GPU, says so and guesses nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from gpucarve.runner.device import Device

_PAUSE = 0.02  # seconds between two looks
_MOST = 4000  # looks that are kept


class Monitor:
    """Looks at a GPU from `start` to `stop`."""

    def __init__(self, device: Device) -> None:
        self._samples: list[dict[str, Any]] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._nvml: Any = None
        self._handle: Any = None
        self._errors_before: Any = None
        self._why = self._open(device)

    def start(self) -> None:
        """Begin to look."""
        if not self._why:
            self._errors_before = self._errors()
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> dict[str, Any]:
        """What was seen."""
        if self._thread is None:
            return {"unread": self._why}
        self._over.set()
        self._thread.join()
        errors = self._errors()
        new = None if errors is None or self._errors_before is None else errors - self._errors_before
        version = self._asked(self._nvml.nvmlSystemGetDriverVersion)
        return {"driver": version, "samples": self._samples, "new_uncorrected_errors": new}

    def _open(self, device: Device) -> str:
        """Find the GPU; why it cannot be looked at, or nothing."""
        if device.interface != "cuda":
            return "NVML knows CUDA devices alone"
        try:
            pynvml: Any = import_module("pynvml")  # without it a host can still run workloads
        except ImportError:
            return "nvidia-ml-py is not installed where this was sent from: pip install 'gpucarve[bench]'"
        facts = device.facts()
        address = f"{facts['pci_domain']:08x}:{facts['pci_bus']:02x}:{facts['pci_device']:02x}.0"
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByPciBusId(address.encode())
        except pynvml.NVMLError as error:
            return f"NVML: {error}"
        self._nvml = pynvml
        return ""

    def _asked(self, question: Callable[..., Any], *arguments: Any) -> Any:
        try:
            answer = question(*arguments)
        except self._nvml.NVMLError:
            return None
        return answer.decode() if isinstance(answer, bytes) else answer

    def _errors(self) -> Any:
        n = self._nvml
        kinds = (n.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, n.NVML_VOLATILE_ECC)
        return self._asked(n.nvmlDeviceGetTotalEccErrors, self._handle, *kinds)

    def _look(self) -> None:
        n, gpu = self._nvml, self._handle
        while not self._over.is_set() and len(self._samples) < _MOST:
            self._samples.append(
                {
                    "at": round(time.monotonic(), 3),
                    "sm_mhz": self._asked(n.nvmlDeviceGetClockInfo, gpu, n.NVML_CLOCK_SM),
                    "memory_mhz": self._asked(n.nvmlDeviceGetClockInfo, gpu, n.NVML_CLOCK_MEM),
                    "milliwatts": self._asked(n.nvmlDeviceGetPowerUsage, gpu),
                    "celsius": self._asked(n.nvmlDeviceGetTemperature, gpu, n.NVML_TEMPERATURE_GPU),
                    "held_back": self._asked(n.nvmlDeviceGetCurrentClocksThrottleReasons, gpu),
                }
            )
            self._over.wait(_PAUSE)
