"""Worlds: hosts and clusters under one clock and one seed, and the built-in one.

Boundary: puts the parts together in this process; `server` holds a world in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from gpucarve.calls.objects import ObjectRef
from gpucarve.calls.transport import ClusterTransport, HostTransport
from gpucarve.model.hosts import Target
from gpucarve.twin import initramfs, power, rocky_9, seed_004_amd
from gpucarve.twin import seed_004 as built_in
from gpucarve.twin.clock import VirtualClock
from gpucarve.twin.clusters import SimulatedCluster, TwinCluster
from gpucarve.twin.commands.invocation import Invocation
from gpucarve.twin.commands.update_grub import update_grub
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files, Machine
from gpucarve.twin.scenes import ClusterScene, Scene
from gpucarve.twin.store import MemoryStore
from gpucarve.twin.transport import TwinHost

SEED_004_HOST = Target("cci1", "computegpu000")
SECOND_HOST = Target("cci1", seed_004_amd.HOSTNAME)
ROCKY_VGPUS, ROCKY_PASSTHROUGH = (Target("cci2", name) for name in (rocky_9.VGPUS, rocky_9.PASSTHROUGH))
SEED_004_CLUSTER = Target("cci1", "kube:main")


class World:
    """A scene brought to life. `speed` limits virtual seconds a real second; None lets time jump."""

    def __init__(self, scene: Scene, *, speed: float | None = None) -> None:
        self.clock = VirtualClock(speed=speed)
        self.clock.on_advance = self._settle
        self.randomness = Random(scene.seed)  # noqa: S311  # a world is replayed from its seed
        self.seed = scene.seed
        self.hosts: dict[Target, SimulatedHost] = {}
        for name, machine in scene.hosts.items():
            target = Target.parse(name)
            self.hosts[target] = SimulatedHost(target, machine, self.clock, self.randomness)
        self.clusters: dict[Target, SimulatedCluster] = {}
        for name, cluster in scene.clusters.items():
            target = Target.parse(name)
            nodes = {node: self.hosts[Target.parse(host)] for node, host in cluster.nodes.items()}
            store = MemoryStore(dict(data) for data in cluster.objects)
            self.clusters[target] = SimulatedCluster(target, store, nodes, self.clock)

    def _settle(self, _time: float) -> None:
        for host in self.hosts.values():
            host.settle()
        for cluster in self.clusters.values():
            cluster.settle()

    def host(self, target: Target) -> HostTransport:
        """A new connection to a host. Raises KeyError for one that is not there."""
        return TwinHost(self.hosts[target])

    def cluster(self, target: Target) -> ClusterTransport:
        """A new connection to a cluster. Raises KeyError for one that is not there."""
        return TwinCluster(self.clusters[target])

    async def close(self) -> None:
        """There is nothing to let go of; the world goes with its process."""

    def scene(self) -> Scene:
        """Everything as it is now, as data."""
        return Scene(
            {str(target): host.machine for target, host in self.hosts.items()},
            {str(target): cluster.scene() for target, cluster in self.clusters.items()},
            self.seed,
        )


def seed_004(*, seed: int = 4, speed: float | None = None) -> World:
    """One bare Intel host with two A100 PCIe 80GB, `cci1/computegpu000`, node of the cluster `cci1/kube:main`."""
    return World(seed_004_scene(seed), speed=speed)


def built_in_scene(seed: int = 4) -> Scene:
    """The world that is served unless another is named: seed 004's host and cluster, and `cci1/computegpu001`, an AMD
    host with a Quadro RTX 6000 and a Tesla T4."""
    first = seed_004_scene(seed)
    machine = Machine(seed_004_amd.hardware(), Files(seed_004_amd.stored()))
    second = _booted(machine, Random(f"first boot of the second host {seed}"))  # noqa: S311  # as above
    return Scene({**first.hosts, str(SECOND_HOST): second}, first.clusters, seed)


def rocky_9_scene(seed: int = 4) -> Scene:
    """Two hosts with Rocky Linux 9: `cci2/rocky-a100` with two A100, `cci2/rocky-quadro` with a Quadro RTX 6000 and a
    Tesla T4."""
    machines = {}
    for target in (ROCKY_VGPUS, ROCKY_PASSTHROUGH):
        machine = Machine(rocky_9.hardware(target.name), Files(rocky_9.stored(target.name)))
        machine = initramfs.make(machine, machine.hardware.kernel, initramfs.DRACUT)
        machines[str(target)] = power.come_up(machine, Random(f"first boot of {target} {seed}"))  # noqa: S311  # as above
    return Scene(machines, {}, seed)


def seed_004_scene(seed: int = 4) -> Scene:
    """The world of seed 004's host alone, as data."""
    machine = bare_machine(Random(f"first boot {seed}"))  # noqa: S311  # as above, and another stream than the world's
    name = machine.hardware.hostname
    store = MemoryStore()
    for manager, subresource, data in built_in.NODE:
        store.apply(ObjectRef("v1", "Node", name), manager, data, subresource=subresource)
    clusters = {str(SEED_004_CLUSTER): ClusterScene({name: str(SEED_004_HOST)}, store.objects())}
    return Scene({str(SEED_004_HOST): machine}, clusters, seed)


def bare_machine(randomness: Random) -> Machine:
    """The built-in machine, booted once from the menu its own settings make."""
    return _booted(Machine(built_in.hardware(), Files(built_in.stored())), randomness)


def _booted(machine: Machine, randomness: Random) -> Machine:
    machine = update_grub(machine, Invocation(("update-grub",))).machine
    machine = initramfs.make(machine, machine.hardware.kernel, initramfs.TOOLS)
    return power.come_up(machine, randomness)


BY_NAME: Mapping[str, Callable[[], Scene]] = {
    "built-in": built_in_scene,
    "seed-004": seed_004_scene,
    "rocky-9": rocky_9_scene,
}
