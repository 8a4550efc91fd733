"""Resources as JSON and back, for plans that another run applies.

Boundary: fields alone, by their declared types; a name this version does not know is a ValueError.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from gpucarve.model.hosts import ResourceKey
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Resource

_PARSERS: dict[type, Callable[[str], Any]] = {
    ResourceKey: ResourceKey.parse,
    PciAddress: PciAddress.parse,
    MigProfileName: MigProfileName.parse,
    Placement: Placement.parse,
}


def to_data(resource: Resource) -> dict[str, Any]:
    """`{"type": class, field: text, number, truth or list}`."""
    fields = {each.name: _plain(getattr(resource, each.name)) for each in dataclasses.fields(resource)}  # type: ignore[arg-type]  # every resource is a dataclass
    return {"type": type(resource).__name__, **fields}


def from_data(data: dict[str, Any]) -> Resource:
    """The resource again. Raises ValueError on anything this version does not know."""
    fields = dict(data)
    cls = _classes().get(str(fields.pop("type", "")))
    if cls is None:
        raise ValueError(f"{data.get('type')!r} is not a resource of this version")
    hints = _hints(cls.__name__)
    if set(fields) != {each.name for each in dataclasses.fields(cls)}:
        raise ValueError(f"{cls.__name__} does not have exactly the fields {', '.join(sorted(fields))}")
    made: Resource = cls(**{name: _value(value, hints[name]) for name, value in fields.items()})
    return made


@cache
def _classes() -> dict[str, type[Any]]:
    """Loaded when a plan is read: who only writes one has the few that it is made of."""
    from gpucarve.resources.classes import CLASSES  # noqa: PLC0415 - all resources, and with them the catalog

    return CLASSES


@cache
def _hints(name: str) -> dict[str, Any]:
    """The declared types of a resource's fields; looked up once, since a plan holds thousands of a class."""
    return get_type_hints(_classes()[name])


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | str) else str(value)


def _value(value: object, hint: Any) -> object:
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(item, get_args(hint)[0]) for item in value)
    if hint in _PARSERS and isinstance(value, str):
        return _PARSERS[hint](value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise ValueError(f"{value!r} is not {hint}")
