"""The definitions that mdevctl 1.2 keeps: one JSON file per device in /etc/mdevctl.d/PARENT/UUID.

Boundary: files to values and back; the command is `commands.mdevctl`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from gpucarve.twin import filesystem
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

ROOT = "/etc/mdevctl.d"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Definition:
    """One defined device; `attributes` are pairs in the order they are written at start."""

    uuid: str
    parent: str
    type_id: str
    auto: bool = False
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """Where it is kept."""
        return f"{ROOT}/{self.parent}/{self.uuid}"

    def json(self) -> dict[str, object]:
        """The fields in the order mdevctl writes them."""
        return {
            "mdev_type": self.type_id,
            "start": "auto" if self.auto else "manual",
            "attrs": [{name: value} for name, value in self.attributes],
        }


def read(machine: Machine, uuid: str | None = None, parent: str | None = None) -> list[Definition]:
    """All definitions in order of parent and UUID, or those that match. Raises ValueError on a file that is no JSON."""
    sight = view(machine)
    found: list[Definition] = []
    for path, place in sight.expand(f"{ROOT}/*/*"):
        folder, _, name = path.removeprefix(f"{ROOT}/").partition("/")
        node = sight.node(place)
        if folder == "scripts.d" or not _UUID.fullmatch(name) or not isinstance(node, File):
            continue
        if uuid in (None, name) and parent in (None, folder):
            found.append(_parse(name, folder, node.content))
    return found


def _parse(uuid: str, parent: str, content: bytes) -> Definition:
    data = json.loads(content)
    if not isinstance(data, dict) or not isinstance(data.get("mdev_type"), str) or not data.get("start"):
        raise ValueError("invalid json")
    attributes = tuple((str(name), str(value)) for entry in data.get("attrs") or () for name, value in entry.items())
    return Definition(uuid, parent, data["mdev_type"], data["start"] == "auto", attributes)


def write(machine: Machine, definition: Definition) -> Machine:
    """Keep a definition as mdevctl does: pretty JSON of two blanks, no line end; the parent's folder is made."""
    machine = filesystem.make_directories(machine, f"{ROOT}/{definition.parent}")
    return filesystem.write_file(machine, definition.path, json.dumps(definition.json(), indent=2).encode())
