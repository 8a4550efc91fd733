"""A node of a cluster: its labels and what it offers to pods.

Boundary: the Node object as the API server has it; one probe a node, named after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpucarve.calls.objects import GetObject, ObjectRef
from gpucarve.calls.replies import Object, Reply
from gpucarve.facts.observed import Probe, expect


@dataclass(frozen=True, slots=True)
class Node:
    """`allocatable` holds the quantities as text, as the API gives them."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    allocatable: dict[str, str] = field(default_factory=dict)


def ref(name: str) -> ObjectRef:
    """The Node object of that name."""
    return ObjectRef("v1", "Node", name)


def parse(name: str, reply: Reply) -> Node:
    """Read the Node object. Raises Unreadable when the server did not give it."""
    data = expect(reply, Object).data
    return Node(
        name,
        dict(data.get("metadata", {}).get("labels") or {}),
        dict(data.get("status", {}).get("allocatable") or {}),
    )


def probe(name: str) -> Probe[Node]:
    """The probe of one node."""
    return Probe(f"node {name}", (GetObject(ref(name)),), lambda replies: parse(name, replies[0]))
