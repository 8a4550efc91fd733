"""Drawing a host's story from a seed: which of the built-in hosts, who has its GPUs open, which documents come.

A document is drawn without regard to whether it can be: that is asked of the real thing.

Boundary: chance from the generator that is handed in, and nothing else.
"""

from __future__ import annotations

from random import Random

from gpucarve.model.hosts import Target
from gpucarve.twin.faults import (
    CommandFails,
    Effect,
    Fault,
    Hang,
    NetworkLoss,
    Point,
    PowerLoss,
    SelfReboot,
    SriovRefusals,
)
from tests.story.cases import FIRST, QUADRO, SECOND, SERVICES, T4, A, B, Case, fleet, mig, passed, vgpus, whole

_TIME_SLICED = {"A100D-80C": 1, "A100D-40C": 2, "A100D-20C": 4, "A100D-10C": 8, "A100D-8C": 10}
_MIG_BACKED = {"A100D-1-10C": 7, "A100D-2-20C": 3, "A100D-3-40C": 2, "A100D-4-40C": 1, "A100D-7-80C": 1}
_PROFILES = {"1g.10gb": 7, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1}
# Without modprobe: where it fails on the way back, the next boot loads what it did not.
_TOOLS = ("update-grub", "mdevctl", "sriov-manage", "nvidia-smi", "update-initramfs", "udevadm")
# Containers need NVIDIA's driver, which the second host does not have.
_WORKLOADS = {FIRST: ("container", "vm-vgpu", "vm-passthrough"), SECOND: ("vm-passthrough",)}
_GPUS = {FIRST: (A, B), SECOND: (QUADRO, T4)}


def host(randomness: Random) -> Case:
    """A bare host, with some of the GPU clients that it can have; its text is still to come."""
    target = randomness.choice((FIRST, FIRST, SECOND))
    services = [name for name in SERVICES if target == FIRST and randomness.random() < 0.4]
    return Case("drawn", b"", services=tuple(services), target=target)


def document(randomness: Random, target: Target) -> bytes:
    """A document for the host: at least one of its GPUs, each cut as the workload goes."""
    workload = randomness.choice(_WORKLOADS[target])
    chosen = [gpu for gpu in _GPUS[target] if randomness.random() < 0.7] or [_GPUS[target][0]]
    return fleet(target, workload, *(_cut(randomness, workload, gpu) for gpu in chosen))


def _cut(randomness: Random, workload: str, gpu: str) -> str:
    if workload == "vm-passthrough":
        return passed(gpu)
    if workload == "vm-vgpu":
        return vgpus(gpu, _some(randomness, _MIG_BACKED) if randomness.random() < 0.5 else _one(randomness))
    return whole(gpu) if randomness.random() < 0.3 else mig(gpu, _some(randomness, _PROFILES))


def _one(randomness: Random) -> str:
    name, most = randomness.choice(list(_TIME_SLICED.items()))
    return f"{name}: {randomness.randint(1, most)}"


def _some(randomness: Random, most: dict[str, int]) -> str:
    names = randomness.sample(list(most), randomness.randint(1, 3))
    return ", ".join(f"{name}: {randomness.randint(1, most[name])}" for name in names)


def faults(randomness: Random, steps: int) -> list[Fault]:
    """Up to three faults somewhere within a run of about so many steps: each takes a few writes, and requests."""
    found = []
    for _ in range(randomness.randint(0, 3)):
        point = randomness.choice(list(Point))
        last = 8 + 2 * steps if point is Point.REQUEST else 2 + 3 * steps
        found.append(Fault(point, randomness.randint(1, last), _effect(randomness)))
    return found


def _effect(randomness: Random) -> Effect:
    return randomness.choice(
        (
            PowerLoss(randomness.uniform(20, 200)),
            SelfReboot(),
            Hang(randomness.uniform(5, 200)),
            NetworkLoss(randomness.uniform(5, 200)),
            SriovRefusals(randomness.randint(1, 4)),
            CommandFails(randomness.choice(_TOOLS), 1),
        )
    )
