"""What can go wrong, as data: where it strikes and what it does to a machine.

A fault is placed exactly (the N-th request to a host, before or after the effect of the N-th write any program carries
out there) or drawn from a seeded generator. Numbers count from 1 since the fault was placed.

Boundary: values and a pure `strike`; counting is the host's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from random import Random
from typing import Any

from gpucarve.twin import power
from gpucarve.twin.machine import Machine


class Point(Enum):
    """Where a fault strikes."""

    REQUEST = "request"  # as the request arrives, before it is served
    BEFORE_WRITE = "before write"  # the record says `begun`, nothing is changed yet
    AFTER_WRITE = "after write"  # changed, and the record does not say so yet


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """Off at once; back after `seconds`."""

    seconds: float = 90.0


@dataclass(frozen=True, slots=True)
class SelfReboot:
    """The machine reboots in an orderly way by itself, at once."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing moves and nobody gets an answer for `seconds`; then everything goes on."""

    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class NetworkLoss:
    """The machine goes on, but nobody reaches it for `seconds`, and replies under way are lost."""

    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class SriovRefusals:
    """sriov-manage does not get its lock the next `times` times."""

    times: int = 1


@dataclass(frozen=True, slots=True)
class SriovYield:
    """sriov-manage enables at most `vfs` functions and still exits 0; None ends that."""

    vfs: int | None = None


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Nothing more can be stored while `full`."""

    full: bool = True


@dataclass(frozen=True, slots=True)
class CommandFails:
    """The command of this name exits 1 without doing anything, the next `times` times."""

    name: str
    times: int = 1


Effect = PowerLoss | SelfReboot | Hang | NetworkLoss | SriovRefusals | SriovYield | DiskFull | CommandFails


@dataclass(frozen=True, slots=True)
class Fault:
    """`effect` strikes at the `number`-th `point`, counted from 1 since it was placed; once."""

    point: Point
    number: int
    effect: Effect


_EFFECTS: dict[str, type[Effect]] = {
    cls.__name__: cls
    for cls in (PowerLoss, SelfReboot, Hang, NetworkLoss, SriovRefusals, SriovYield, DiskFull, CommandFails)
}


def effect_to_json(effect: Effect) -> dict[str, Any]:
    """`{"effect": "PowerLoss", "seconds": 90.0}`."""
    return {"effect": type(effect).__name__, **asdict(effect)}


def effect_from_json(data: dict[str, Any]) -> Effect:
    """The effect again. Raises ValueError."""
    fields = dict(data)
    cls = _EFFECTS.get(str(fields.pop("effect", "")))
    if cls is None:
        raise ValueError(f"{data.get('effect')!r} is not one of {', '.join(_EFFECTS)}")
    try:
        return cls(**fields)
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error


def to_json(fault: Fault) -> dict[str, Any]:
    """`{"point": "after write", "number": 3, "effect": "Hang", "seconds": 60.0}`."""
    return {"point": fault.point.value, "number": fault.number, **effect_to_json(fault.effect)}


def from_json(data: dict[str, Any]) -> Fault:
    """The fault again. Raises ValueError."""
    fields = dict(data)
    return Fault(Point(fields.pop("point", None)), int(fields.pop("number", 1)), effect_from_json(fields))


def strike(machine: Machine, effect: Effect, now: float) -> Machine:
    """The machine right after the effect."""
    schedule, ailments = machine.schedule, machine.ailments
    match effect:
        case PowerLoss(seconds):
            return power.go_down(machine, now, seconds)
        case SelfReboot():
            return power.go_down(machine, now, machine.hardware.boot_seconds)
        case Hang(seconds):
            return replace(machine, schedule=replace(schedule, hangs_until=now + seconds))
        case NetworkLoss(seconds):
            return replace(machine, schedule=replace(schedule, cut_off_until=now + seconds))
        case SriovRefusals(times):
            return replace(machine, ailments=replace(ailments, sriov_refusals=times))
        case SriovYield(vfs):
            return replace(machine, ailments=replace(ailments, sriov_yield=vfs))
        case DiskFull(full):
            return replace(machine, ailments=replace(ailments, disk_full=full))
        case CommandFails(name, times):
            return replace(machine, ailments=replace(ailments, failing={**ailments.failing, name: times}))


def draw(randomness: Random, *, writes: int, requests: int, most: int = 3) -> Sequence[Fault]:
    """Up to `most` faults somewhere within a run of that many writes and requests."""
    effects: tuple[Effect, ...] = (
        PowerLoss(randomness.uniform(20, 200)),
        SelfReboot(),
        Hang(randomness.uniform(5, 200)),
        NetworkLoss(randomness.uniform(5, 200)),
        SriovRefusals(randomness.randint(1, 4)),
        CommandFails(randomness.choice(("update-grub", "mdevctl", "sriov-manage")), 1),
    )
    faults = []
    for _ in range(randomness.randint(0, most)):
        point = randomness.choice(list(Point))
        last = requests if point is Point.REQUEST else writes
        faults.append(Fault(point, randomness.randint(1, max(1, last)), randomness.choice(effects)))
    return faults
