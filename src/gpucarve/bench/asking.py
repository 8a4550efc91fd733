"""What a host is asked: one command a workload, a Python that is handed the runner's archive on its standard input.

Nothing is written to the host: the archive stays in the memory of the process that runs it. So what a host needs is a
Python and the GPU's driver.

Boundary: a flow; an answer that is none becomes a refusal that says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpucarve.calls.flows import Flow, ask
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Failure, FailureKind

FORMAT = "gpucarve/runner/1"
WORKLOADS = ("devices", "vectoradd", "copy", "transpose", "hash", "matmul", "inference")
BRING_THEIR_OWN = ("matmul", "inference")  # workloads that need more than the driver, so that they may be refused alone
DEADLINE = 300.0  # seconds for one workload
_LIMIT = 8 * 1024 * 1024
_NEEDS = "a workload is run by Python 3.9 or newer from the host itself; nothing is installed there"
_WITHOUT_PYTHON = "install python3 there, or on a host without one (RHCOS) run the workload in a pod"

# Reads the archive, and runs what it holds. A Python that is too old says so itself.
BOOT = """import os, sys
if sys.version_info < (3, 9):
    sys.stdout.write('{"format": "gpucarve/runner/1", "python": "%d.%d"}' % sys.version_info[:2])
else:
    archive = os.memfd_create("runner")
    with os.fdopen(os.dup(archive), "wb") as file:
        file.write(sys.stdin.buffer.read())
    sys.path.insert(0, "/proc/self/fd/%d" % archive)
    from gpucarve.runner.__main__ import main
    main()
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a workload is to be run: `interface` is auto, cuda or opencl; `bytes` of one buffer, 0 for what suits.

    `visible` is a GPU's or MIG slice's UUID, the only one the workload is to see. `together` is the period, in seconds,
    at which figures of several runs begin. `python` is the host's own.
    """

    interface: str = "auto"
    device: int = 0
    bytes: int = 0
    samples: int = 11
    visible: str = ""
    together: int = 0
    python: str = "python3"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a host gave no answer about a workload."""

    fact: str
    rule: str = ""
    fix: str = ""


def run(workload: str, wish: Wish, archive: bytes) -> Flow[Mapping[str, Any] | Refusal]:
    """The runner's answer about one workload, or why there is none."""
    reply = yield from ask(_command(workload, wish, archive))
    return _refusal(reply) if isinstance(reply, Failure) else _answer(reply)


def _command(workload: str, wish: Wish, archive: bytes) -> Inspect:
    asked = {
        "workload": workload,
        "interface": wish.interface,
        "device": wish.device,
        "bytes": wish.bytes,
        "samples": wish.samples,
        "together": wish.together,
        "visible": wish.visible,
    }
    argv = (wish.python, "-I", "-B", "-c", BOOT, json.dumps(asked))
    return Inspect(argv, deadline=DEADLINE, limit=_LIMIT, stdin=archive)


def _refusal(failure: Failure) -> Refusal:
    if failure.kind is FailureKind.ABSENT:
        return Refusal("there is no python3 on this host", _NEEDS, _WITHOUT_PYTHON)
    if failure.kind is FailureKind.TIMED_OUT:
        return Refusal(f"the workload did not end within {DEADLINE:g} s", "", "see with nvidia-smi who uses the GPU")
    return Refusal(f"{failure.kind.value}: {failure.detail}")


def _answer(reply: Exited) -> Mapping[str, Any] | Refusal:
    if reply.status == 127 and not reply.stdout:
        return Refusal("there is no python3 on this host", _NEEDS, _WITHOUT_PYTHON)
    try:
        data = json.loads(reply.stdout)
    except (ValueError, RecursionError):
        said = reply.stderr[-500:].decode("utf-8", "replace").strip()
        return Refusal(f"python3 ended with status {reply.status} and no answer: {said or 'it said nothing'}")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        return Refusal("python3 printed something else than an answer of the runner")
    if "workload" not in data:
        return Refusal(f"python3 is version {data.get('python')} on this host", _NEEDS, _WITHOUT_PYTHON)
    return data
