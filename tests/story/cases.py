"""The plans that crashes and faults are tried on, as data: a world, a document, and what stands there before.

Each is reached from a prepared world: bare, or carved by an earlier document, with GPU clients running where the case
has some; for a rollback the case's own document stands there too. Preparing costs a run, so that it is done once.

Boundary: data and its preparation; what goes wrong is the tests'.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.calls.replies import Done, Exited
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Purpose
from gpucarve.twin import worlds
from gpucarve.twin.scenes import Scene
from tests.story.lab import Lab, footprint

FIRST, SECOND = worlds.SEED_004_HOST, worlds.SECOND_HOST
A, B = "0000:17:00.0", "0000:65:00.0"  # the two A100 of the first host
QUADRO, T4 = "0000:41:00.0", "0000:81:00.0"  # the GPUs of the second
SERVICES = {
    "nvidia-persistenced": "/usr/bin/nvidia-persistenced --verbose",
    "nvidia-dcgm": "/usr/bin/nv-hostengine -n",
}


def fleet(host: Target, workload: str, *cuts: str) -> bytes:
    """A document for one host."""
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: crash}}
sites:
  - name: {host.site}
    platform: linux
    access: {{ssh: {{user: admin}}}}
    pools:
      - name: pool
        nodes: {{names: [{host.name}]}}
        workload: {workload}
        cut: [{", ".join(cuts)}]
""".encode()


def vgpus(gpu: str, kinds: str) -> str:
    """An entry of vGPUs."""
    return f'{{gpu: "{gpu}", vgpu: {{{kinds}}}}}'


def mig(gpu: str, profiles: str) -> str:
    """An entry of MIG instances."""
    return f'{{gpu: "{gpu}", mig: {{{profiles}}}}}'


def whole(gpu: str) -> str:
    """An entry of a whole GPU for containers."""
    return f'{{gpu: "{gpu}", whole: true}}'


def passed(gpu: str) -> str:
    """An entry of a GPU that goes to a guest."""
    return f'{{gpu: "{gpu}", passthrough: true}}'


HALVES = vgpus(B, "A100D-40C: 2")
BACKED = vgpus(A, "A100D-2-20C: 3, A100D-1-10C: 1")
SLICES = mig(A, "3g.40gb: 1, 2g.20gb: 1, 1g.10gb: 2")


@dataclass(frozen=True)
class Case:
    """`text` is to stand; `earlier` stood before, on the bare host without; `services` run there. A GPU that is whole
    again `leaves_something` not: there is nothing to roll back then."""

    name: str
    text: bytes
    earlier: bytes | None = None
    services: tuple[str, ...] = ()
    target: Target = FIRST
    leaves_something: bool = True


def _first(*cuts: str, workload: str = "vm-vgpu") -> bytes:
    return fleet(FIRST, workload, *cuts)


def _second(*cuts: str, workload: str = "vm-passthrough") -> bytes:
    return fleet(SECOND, workload, *cuts)


CASES = (
    Case("time-sliced", _first(HALVES)),
    Case("mig-backed-and-time-sliced", _first(BACKED, HALVES)),
    Case("passthrough", _second(passed("Quadro RTX 6000"), passed("T4")), target=SECOND),
    Case("container-mig", _first(SLICES, whole(B), workload="container")),
    Case("another-type", _first(vgpus(B, "A100D-80C: 1")), _first(HALVES)),
    Case("another-geometry", _first(mig(A, "4g.40gb: 1, 3g.40gb: 1"), workload="container"),
         _first(SLICES, workload="container")),
    Case("mig-to-time-sliced", _first(vgpus(A, "A100D-40C: 2"), HALVES), _first(BACKED, HALVES)),
    Case("time-sliced-to-mig", _first(mig(B, "7g.80gb: 1"), workload="container"), _first(HALVES)),
    Case("mig-to-whole", _first(whole(A), workload="container"), _first(SLICES, workload="container"),
         leaves_something=False),
    Case("vgpu-to-passthrough", _first(passed(B), workload="vm-passthrough"), _first(HALVES)),
    Case("passthrough-to-vgpu", _first(HALVES), _first(passed(B), workload="vm-passthrough")),
    Case("passthrough-to-less", _second(passed("T4")), _second(passed("Quadro RTX 6000"), passed("T4")), target=SECOND),
    Case("with-gpu-clients", _first(BACKED, HALVES), services=tuple(SERVICES)),
    Case("leaving-mig-with-gpu-clients", _first(vgpus(A, "A100D-80C: 1")), _first(BACKED),
         services=tuple(SERVICES)),
)  # fmt: skip
NAMED = {case.name: case for case in CASES}


@dataclass(frozen=True)
class Prepared:
    """The world in which the case's run begins, and what stood before anybody came."""

    case: Case
    scene: Scene
    start: dict[str, Any]

    def lab(self, folder: Path, *, seed: int = 5) -> Lab:
        """A world of its own, with a controller that has seen nothing of it."""
        return Lab(folder, self.case.text, seed, self.scene, self.case.target)


_prepared: dict[tuple[str, Purpose], Prepared] = {}


async def prepared(case: Case, purpose: Purpose, folder: Path) -> Prepared:
    """The case right before its apply or its rollback."""
    known = _prepared.get((case.name, purpose))
    if known is None:
        texts = [case.earlier, *([case.text] if purpose is Purpose.ROLLBACK else [])]
        known = await _prepare(case, [text for text in texts if text], folder / "prepared")
        _prepared[case.name, purpose] = known
    return known


async def _prepare(case: Case, texts: list[bytes], folder: Path) -> Prepared:
    lab = bare(case, folder)
    start = footprint(lab.host)
    for lab.text in texts:
        assert (await lab.run()).done
        assert await lab.stands()
    return Prepared(case, lab.world.scene(), start)


def bare(case: Case, folder: Path, seed: int = 4) -> Lab:
    """The case's host before gpucarve came, with its services."""
    scene = worlds.built_in_scene(seed)
    own = Scene({str(case.target): scene.hosts[str(case.target)]}, seed=seed)
    lab = Lab(folder, case.text, seed, own, case.target)
    for name in case.services:
        unit = f"[Service]\nExecStart={SERVICES[name]}\n\n[Install]\nWantedBy=multi-user.target\n"
        assert lab.host.by_hand(WriteFile(f"/etc/systemd/system/{name}.service", unit.encode())) == Done()
        for argv in (("systemctl", "enable", name), ("systemctl", "start", name)):
            reply = lab.host.by_hand(Run(argv))
            assert isinstance(reply, Exited), reply
            assert reply.status == 0, reply
    return lab
