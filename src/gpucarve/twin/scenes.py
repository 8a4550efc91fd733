"""A whole world as data: machines, clusters with their objects, the seed. What a world file holds.

Boundary: values and their JSON; bringing them to life is `worlds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gpucarve.twin import snapshots
from gpucarve.twin.machine import Machine


@dataclass(frozen=True, slots=True)
class ClusterScene:
    """A cluster: `nodes` maps a node's name to its host (`site/name`), `objects` are as the API shows them."""

    nodes: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Machines and clusters by target (`site/name`), and the seed of everything that is left to chance."""

    hosts: Mapping[str, Machine]
    clusters: Mapping[str, ClusterScene] = field(default_factory=dict)
    seed: int = 0


def to_text(scene: Scene) -> str:
    """The world file."""
    return json.dumps(snapshots.to_json(scene), indent=1) + "\n"


def from_text(text: str) -> Scene:
    """Read a world file. Raises ValueError naming what does not fit."""
    return snapshots.from_json(Scene, json.loads(text))
