"""MIG: the mode, GPU instances at their places, what virtual functions and vGPUs do to them, and what is refused.

nvidia-smi and the driver are stand-ins on the guest too; that both say the same is what the stand-ins were made for.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import HostRead, Run
from gpucarve.facts import mig
from tests.kernel.alike.scenes.devices import FIRST, LOOK, SECOND, UUIDS, create, remove, sriov
from tests.kernel.alike.steps import Reads, Scene, do
from tests.kernel.machine import GPU_ADDRESS as GPU

THREE = "nvidia-701"  # A100D-3-40C, of the profile 3g.40gb
_LISTS: Reads = tuple(read for read in mig.PROBE.reads if isinstance(read, HostRead))


def smi(*words: str) -> Run:
    return Run((mig.NVIDIA_SMI, *words))


def instances(*words: str) -> Run:
    return smi("mig", "-i", GPU, *words)


INSTANCES = Scene(
    "GPU instances",
    (
        do(instances("-cgi", "9:4"), then=_LISTS),
        do(smi("-i", GPU, "-mig", "1"), then=_LISTS),
        do(instances("-cgi", "14:2"), sriov("-e", GPU), then=_LISTS),
        do(
            instances("-cgi", "9:4", "-C"),
            instances("-cgi", "14:2"),
            instances("-cgi", "9:4"),
            then=(*_LISTS, *LOOK),
        ),
        do(instances("-cgi", "8:0")),
        do(create(FIRST, THREE, UUIDS[0]), create(SECOND, THREE, UUIDS[1])),
        do(instances("-gi", "1", "-ci", "0", "-dci")),
        do(instances("-gi", "1", "-dgi")),
        do(smi("-i", GPU, "-mig", "0"), then=(*_LISTS, *LOOK)),
        do(
            remove(UUIDS[0]),
            instances("-gi", "1", "-ci", "0", "-dci"),
            instances("-gi", "1", "-dgi"),
            instances("-gi", "1", "-dgi"),
            then=_LISTS,
        ),
        do(smi("-i", GPU, "--gpu-reset")),
        do(
            instances("-gi", "3", "-dgi"),
            sriov("-d", GPU),
            smi("-i", GPU, "-mig", "0"),
            smi("-i", GPU, "--gpu-reset"),
            then=(*_LISTS, *LOOK),
        ),
    ),
)
