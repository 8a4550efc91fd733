"""Runs what its one argument asks for, and prints one JSON object.

The argument is a JSON object: `workload`, and where the workload takes them `interface` (auto, cuda, opencl), `device`
(a number), `bytes` (of one buffer), `samples` (that make a figure), `together` (seconds; see `sizes`) and `visible`
(the UUID of the only GPU or MIG slice that is to be seen). The exit status is 0 whenever an object was printed, also
when it says that the workload was refused or failed.

Boundary: the way in and out.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from gpucarve.runner import FORMAT, adding, copying, hashing, inferring, multiplying, transposing
from gpucarve.runner.device import Device
from gpucarve.runner.finding import chosen, found
from gpucarve.runner.monitor import Monitor
from gpucarve.runner.outcome import Outcome
from gpucarve.runner.refusals import Failed, Refused
from gpucarve.runner.sizes import Sizes

WORKLOADS: dict[str, Callable[[Device, Sizes], Outcome]] = {
    "vectoradd": adding.run,
    "copy": copying.run,
    "transpose": transposing.run,
    "hash": hashing.run,
    "matmul": multiplying.run,
}
KNOWN = ("devices", *WORKLOADS, "inference")


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """The object that is printed. Raises nothing."""
    begin = time.monotonic()
    said: dict[str, Any] = {"format": FORMAT, "workload": asked.get("workload"), "python": platform.python_version()}
    try:
        said.update(_answered(asked, begin))
    except Refused as refusal:
        said["refusal"] = {"fact": refusal.fact, "rule": refusal.rule, "fix": refusal.fix}
    except Failed as error:
        said["failure"] = str(error)
    except Exception:
        said["failure"] = traceback.format_exc()[-2000:]
    said["seconds"] = round(time.monotonic() - begin, 3)
    return said


def _answered(asked: dict[str, Any], begin: float) -> dict[str, Any]:
    if asked.get("visible"):
        os.environ["CUDA_VISIBLE_DEVICES"] = str(asked["visible"])  # the driver reads it when it is first called
    interface = str(asked.get("interface", "auto"))
    if asked["workload"] == "devices":
        listed = found(interface)
        return {"devices": [_facts(device) for device in listed.devices], "without": listed.without}
    if asked["workload"] == "inference":
        return inferring.run()
    device, without = chosen(interface, int(asked.get("device", 0)))
    monitor = Monitor(device)
    monitor.start()
    ready = time.monotonic() - begin
    try:
        sizes = Sizes(int(asked.get("bytes", 0)), int(asked.get("samples", 11)), int(asked.get("together", 0)))
        outcome = WORKLOADS[asked["workload"]](device, sizes)
    finally:
        seen = monitor.stop()
    return {
        **outcome._asdict(),
        "device": _facts(device),
        "without": without,
        "monitor": seen,
        "ready": round(ready, 3),
    }


def _facts(device: Device) -> dict[str, Any]:
    return {
        "interface": device.interface,
        "name": device.name,
        "processors": device.processors,
        "is_gpu": device.is_gpu,
        "facts": device.facts(),
    }


def main() -> None:
    """Answer the command line."""
    sys.stdout.write(json.dumps(answer(json.loads(sys.argv[1]))) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
