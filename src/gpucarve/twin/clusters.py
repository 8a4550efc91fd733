"""A simulated cluster: a store, the machines behind its nodes, the reconcilers that work on it, and a way in.

Boundary: `SimulatedCluster` lives in the world; `TwinCluster` implements `gpucarve.calls.transport.ClusterTransport`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpucarve.calls.objects import ApplyObject, GetObject, ObjectRef
from gpucarve.calls.primitives import Read, Write
from gpucarve.calls.replies import Failure, FailureKind, Object, Reply
from gpucarve.calls.transport import Clock
from gpucarve.model.hosts import Target
from gpucarve.twin import device_plugin
from gpucarve.twin.clock import VirtualClock
from gpucarve.twin.device_plugin import PluginState
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.scenes import ClusterScene
from gpucarve.twin.store import ConflictError, MemoryStore

_ROUND_TRIP = 0.02


class SimulatedCluster:
    """A cluster whose nodes are hosts of the world: node name to host."""

    def __init__(
        self, target: Target, store: MemoryStore, nodes: Mapping[str, SimulatedHost], clock: VirtualClock
    ) -> None:
        self.target = target
        self.store = store
        self.clock = clock
        self._nodes = nodes
        self._plugins = {name: PluginState() for name in nodes}

    def scene(self) -> ClusterScene:
        """The cluster as data."""
        return ClusterScene({name: str(host.target) for name, host in self._nodes.items()}, self.store.objects())

    def settle(self) -> None:
        """Let every reconciler look once."""
        for name, host in self._nodes.items():
            ref = ObjectRef("v1", "Node", name)
            self._plugins[name] = device_plugin.reconcile(
                self.store, ref, host.machine, self._plugins[name], self.clock.time
            )


class TwinCluster:
    """One controller's connection to a simulated cluster's API."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        return self._cluster.clock

    async def ask(self, call: Read[Any] | Write[Any]) -> Reply:
        """Answer one call of `gpucarve.calls.objects`."""
        await self._cluster.clock.sleep(_ROUND_TRIP)
        match call:
            case GetObject(ref):
                data = self._cluster.store.get(ref)
                return Failure(FailureKind.ABSENT, f"{ref} not found") if data is None else Object(data)
            case ApplyObject(ref, manager, data):
                try:
                    applied = self._cluster.store.apply(ref, manager, data)
                except ConflictError as error:
                    return Failure(FailureKind.CONFLICT, str(error)[:500])
                self._cluster.settle()
                return Object(applied)
            case _:
                return Failure(FailureKind.OTHER, f"{type(call).__name__} is not asked of a cluster")

    async def close(self) -> None:
        """There is nothing to let go of."""
