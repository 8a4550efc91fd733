"""Where the twin answers otherwise than the kernel, knowingly: a closed list, each with its reason.

An entry that no run needs any more is a failure of the test: then the difference is gone, and so must be the entry.

Boundary: data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited
from gpucarve.facts import active_vgpus
from tests.kernel.alike.answers import Part


@dataclass(frozen=True, slots=True)
class Difference:
    """`covers` a scene's part: its kernel answer and the twin's."""

    name: str
    why: str
    covers: Callable[[str, Part, Part], bool]


def _no_active_vgpus(_: str, kernel: Part, twin: Part) -> bool:
    asked = kernel.asked == Inspect(("sh", "-c", active_vgpus.LOOK), deadline=60)
    return asked and kernel.answer == Exited(0) and b"Active vGPUs                          : 0" in twin.answer.stdout


def _no_devices(_: str, kernel: Part, twin: Part) -> bool:
    asked = isinstance(kernel.asked, Inspect) and kernel.asked.argv[:2] == ("nvidia-smi", "mig")
    said = (Exited(6, b"No MIG-enabled devices found.\n"), Exited(6, b"No devices were found\n"))
    return asked and (kernel.answer, twin.answer) == said


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "no active vGPUs",
        "of a GPU whose vGPUs no guest runs, NVIDIA's tool says so and the bench's stand-in says nothing",
        _no_active_vgpus,
    ),
    Difference(
        "no GPUs",
        "of a host whose driver has no GPU at all, the bench's nvidia-smi says that none is in MIG mode",
        _no_devices,
    ),
)
