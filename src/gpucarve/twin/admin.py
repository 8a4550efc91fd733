"""What a test or a demonstration does to a world from outside: faults, guests, hands at the keyboard, looks, time.

Boundary: verbs with plain JSON to and from a world; the calls of `gpucarve.calls` are not asked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpucarve.model.hosts import Target
from gpucarve.twin import faults, protocol, snapshots
from gpucarve.twin.errors import Impossible
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.worlds import World

Body = dict[str, Any]


def answer(world: World, verb: str, target: str, body: Body) -> Any:
    """Carry out one verb. Raises Impossible for what cannot be done there, ValueError for what makes no sense."""
    if verb in _OF_WORLD:
        return _OF_WORLD[verb](world, body)
    if verb in _OF_HOST:
        return _OF_HOST[verb](_host(world, target), body)
    raise ValueError(f"{verb!r} is not asked of a world")


def _host(world: World, target: str) -> SimulatedHost:
    host = world.hosts.get(Target.parse(target))
    if host is None:
        known = ", ".join(map(str, world.hosts)) or "none"
        raise Impossible(f"this world has no host {target}; it has {known}")
    return host


def _snapshot(world: World, _: Body) -> Any:
    return snapshots.to_json(world.scene())


def _advance(world: World, body: Body) -> Any:
    world.clock.advance(world.clock.time + float(body["seconds"]))
    return world.clock.time


def _speed(world: World, body: Body) -> Any:
    world.clock.speed = None if body["speed"] is None else float(body["speed"])
    return None


def _place(host: SimulatedHost, body: Body) -> Any:
    return host.place(faults.from_json(body))


def _strike(host: SimulatedHost, body: Body) -> Any:
    return host.strike(faults.effect_from_json(body))


def _guest(host: SimulatedHost, body: Body) -> Any:
    return host.start_guest(str(body["device"]), str(body["name"]))


def _guest_stop(host: SimulatedHost, body: Body) -> Any:
    return host.stop_guest(str(body["name"]))


def _process(host: SimulatedHost, body: Body) -> Any:
    return host.add_process(*(tuple(map(str, body.get(name, ()))) for name in ("argv", "open", "locks")))


def _kill(host: SimulatedHost, body: Body) -> Any:
    return host.end(int(body["pid"]))


def _hand(host: SimulatedHost, body: Body) -> Any:
    return protocol.encode(host.by_hand(protocol.decode(body["write"])))


def _pace(host: SimulatedHost, body: Body) -> Any:
    host.pacing = float(body["seconds"])


def _counts(host: SimulatedHost, _: Body) -> Any:
    return {point.value: count for point, count in host.counts.items()}


def _history(host: SimulatedHost, _: Body) -> Any:
    return [{"time": each.time, "kind": each.kind.value, "text": each.text} for each in host.deeds]


_OF_WORLD: dict[str, Callable[[World, Body], Any]] = {"snapshot": _snapshot, "advance": _advance, "speed": _speed}
_OF_HOST: dict[str, Callable[[SimulatedHost, Body], Any]] = {
    "place": _place,
    "strike": _strike,
    "guest": _guest,
    "guest-stop": _guest_stop,
    "process": _process,
    "kill": _kill,
    "hand": _hand,
    "pace": _pace,
    "counts": _counts,
    "history": _history,
}
