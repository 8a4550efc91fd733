"""A label of a node, applied as one field under our manager.

Boundary: decides on `facts.node`. Taking it back is an apply without it, which removes it only if nobody else owns it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpucarve.calls.flows import Flow, ask
from gpucarve.calls.objects import ApplyObject
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import node
from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Compensate
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.resources.decisions import Change, Decision, Outlook, Settled
from gpucarve.resources.kube import MANAGER
from gpucarve.resources.order import Stage

KIND = "node-label"


def key(cluster: Target, name: str, label: str) -> ResourceKey:
    """One label of one node."""
    return ResourceKey(cluster, KIND, f"{name}/{label}")


@dataclass(frozen=True, slots=True)
class NodeLabel:
    """The node carries `label` with `value`."""

    stage: ClassVar[Stage] = Stage.ADVERTISE

    key: ResourceKey
    node: str
    label: str
    value: str
    needs: tuple[ResourceKey, ...] = ()

    def decide(self, observed: Observed, outlook: Outlook) -> Decision:
        """Settled when the label has the value, whoever put it there."""
        now = observed.require(node.probe(self.node)).labels.get(self.label)
        if now == self.value:
            return Settled(f"{self.label}={self.value}")
        waiting = any(need in outlook.unsettled for need in self.needs)
        return Change(
            Action.CREATE if now is None else Action.CHANGE,
            before=now or "none",
            after=self.value,
            reason="what stands on the host is advertised to the cluster",
            work=None if waiting else self._apply,
            undo=Compensate(f"{self.label}={now}" if now else f"no {self.label}"),
        )

    def _apply(self) -> Flow[Done | Failure]:
        labels = {"metadata": {"labels": {self.label: self.value}}}
        reply = yield from ask(ApplyObject(node.ref(self.node), MANAGER, labels))
        if isinstance(reply, Failure) and reply.kind is FailureKind.CONFLICT:
            return Failure(FailureKind.REFUSED, f"the label is another manager's: {reply.detail}")
        return reply if isinstance(reply, Failure) else Done()
