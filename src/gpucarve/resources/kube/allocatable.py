"""What a node must report as allocatable in the end: an extended resource with an exact number.

Nothing is written: a device plugin reports it, and we wait for it, bounded. A number that stays wrong is a failure,
however successful every tool before it said it was.

Boundary: decides on `facts.node`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.flows import Flow, ask, until
from gpucarve.calls.objects import GetObject
from gpucarve.calls.replies import Done, Failure, Object
from gpucarve.facts import node
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Change, Decision, Outlook, Settled
from gpucarve.resources.order import Stage

KIND = "allocatable"


def key(cluster: Target, name: str, resource: str) -> ResourceKey:
    """One extended resource of one node."""
    return ResourceKey(cluster, KIND, f"{name}/{resource}")


@dataclass(frozen=True, slots=True)
class Allocatable:
    """The node reports exactly `count` of `resource` (`nvidia.com/GRID_A100D-40C`) within `patience` seconds."""

    stage: ClassVar[Stage] = Stage.REPORT

    key: ResourceKey
    node: str
    resource: str
    count: int
    needs: tuple[ResourceKey, ...] = ()
    patience: int = 600

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the number is right and nothing that it depends on will change."""
        now = observed.require(node.probe(self.node)).allocatable.get(self.resource)
        waiting = any(need in outlook.unsettled for need in self.needs)
        said = Assumption(self.resource, self.node, str(self.count))
        if now == str(self.count) and not waiting:
            return Settled(f"{self.count} of {self.resource}", (said,))
        return Change(
            Action.WAIT,
            before=now or "0",
            after=str(self.count),
            reason="the device plugin reports what it finds; the number is asserted",
            work=None if waiting else self._wait,
            assumes=(said,),
        )

    def _wait(self) -> Flow[Done | Failure]:
        seen = yield from until(self._seen, lambda number: number == str(self.count), deadline=self.patience, every=5.0)
        return seen if isinstance(seen, Failure) else Done()

    def _seen(self) -> Flow[str]:
        """The number as the node reports it now; empty while it reports none."""
        reply = yield from ask(GetObject(node.ref(self.node)))
        return node.parse(self.node, reply).allocatable.get(self.resource, "") if isinstance(reply, Object) else ""
