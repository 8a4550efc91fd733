"""mdevctl 1.2: define, undefine, start, stop, list and types, with the outcomes and exits of the real one.

Behaviour after the source of release 1.2.0 (LGPL-2.1; read, not copied): `define` refuses what is defined already and
touches nothing that runs, `undefine` leaves the parent's folder and what runs, `start` checks before it writes.

Boundary: words to rules; the devices are `vgpus`, the files `definitions`.
"""

from __future__ import annotations

import json
import math
import re
import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass

from gpucarve.calls.replies import Exited
from gpucarve.twin import definitions, filesystem, vgpus
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.definitions import Definition
from gpucarve.twin.errors import KernelError, StillHeldError
from gpucarve.twin.machine import Machine, Mdev

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FLAGS = {"-a": "auto", "--auto": "auto", "-d": "defined", "--defined": "defined", "--dumpjson": "dumpjson"}
_FLAGS |= {"-v": "verbose", "--verbose": "verbose"}
_VALUES = {"-u": "uuid", "--uuid": "uuid", "-p": "parent", "--parent": "parent", "-t": "type", "--type": "type"}
_TAKES = {
    "define": {"uuid", "parent", "type", "auto"},
    "undefine": {"uuid", "parent"},
    "start": {"uuid", "parent", "type"},
    "stop": {"uuid"},
    "list": {"defined", "dumpjson", "verbose", "uuid", "parent"},
    "types": {"parent", "dumpjson"},
}


class _UsageError(Exception):
    """The words make no sense: exit 2."""


class _RefusedError(Exception):
    """The tool refuses or fails: exit 1."""


@dataclass(frozen=True, slots=True)
class _Options:
    uuid: str | None = None
    parent: str | None = None
    type: str | None = None
    auto: bool = False
    defined: bool = False
    dumpjson: bool = False
    verbose: bool = False


def mdevctl(machine: Machine, invocation: Invocation) -> Ran:
    """Dispatch on the verb; 2 for a wrong use, 1 for a refusal, and the reason on stderr."""
    try:
        verb, options = _parse(invocation.arguments)
        _check_installed(machine)
        machine, out = _VERBS[verb](machine, options)
    except _UsageError as error:
        return ran(machine, 0.02, stderr=f"error: {error}\n", status=2)
    except _RefusedError as error:
        return ran(machine, 0.05, stderr=f"Error: {error}\n", status=1)
    except StillHeldError as error:
        return Ran(machine, Exited(1), math.inf, begun=error.begun)
    except (ValueError, KernelError) as error:
        return ran(machine, 0.05, stderr=f"Error: {error}\n", status=1)
    return ran(machine, 0.05, out)


def _parse(words: tuple[str, ...]) -> tuple[str, _Options]:
    verb, *rest = words or ("",)
    if verb not in _VERBS:
        raise _UsageError(f"unrecognized subcommand '{verb}'")
    found: dict[str, str | bool] = {}
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        name = _VALUES.get(word) or _FLAGS.get(word)
        if name is None or name not in _TAKES[verb]:
            raise _UsageError(f"Found argument '{word}' which wasn't expected, or isn't valid in this context")
        if word in _FLAGS:
            found[name] = True
            continue
        if not equals:
            if not rest:
                raise _UsageError(f"The argument '{word}' requires a value but none was supplied")
            value = rest.pop(0)
        if name == "uuid" and not _UUID.fullmatch(value):
            raise _UsageError(f"Invalid value \"{value}\" for '--uuid <UUID>'")
        found[name] = value.lower() if name == "uuid" else value
    if verb in ("stop", "undefine") and "uuid" not in found:
        raise _UsageError("The following required arguments were not provided: --uuid <UUID>")
    if verb in ("define", "start") and not {"uuid", "parent"} & found.keys():
        raise _UsageError("The following required arguments were not provided: --uuid <UUID>")
    return verb, _Options(**found)  # type: ignore[arg-type]  # the keys are the fields, by _VALUES and _FLAGS


def _check_installed(machine: Machine) -> None:
    folder = f"{definitions.ROOT}/scripts.d/callouts"
    if folder not in machine.files.nodes:
        raise _RefusedError(f'Required directory "{folder}" doesn\'t exist')


def _active(machine: Machine, uuid: str | None) -> Mdev | None:
    return vgpus.running(machine.up.devices, uuid)


def _new_uuid(machine: Machine) -> str:
    """A UUID for a device whose caller gave none: fresh on each change, and the same in a replay."""
    boot = uuids.UUID(machine.up.boot.boot_id)
    return str(uuids.uuid5(boot, f"{len(machine.files.nodes)} {len(machine.up.devices.mdevs)}"))


def _define(machine: Machine, options: _Options) -> tuple[Machine, str]:
    uuid = options.uuid or _new_uuid(machine)
    active = _active(machine, options.uuid)
    if active is not None and options.parent not in (None, active.parent):
        active = None
    if active is not None and options.type not in (None, active.type_id):
        active = None
    if options.parent is None and (active is None or options.type is not None):
        raise _RefusedError("No parent specified")
    parent = options.parent or (active.parent if active else "")
    type_id = options.type or (active.type_id if active else "")
    if not type_id:
        raise _RefusedError("No type specified")
    definition = Definition(uuid, parent, type_id, options.auto)
    if definition.path in machine.files.nodes:
        raise _RefusedError(f"Device {uuid} on {parent} already defined")
    try:
        machine = definitions.write(machine, definition)
    except KernelError as error:
        raise _caused(f"Failed to write config for device {uuid}", error) from error
    return machine, "" if options.uuid else f"{uuid}\n"


def _undefine(machine: Machine, options: _Options) -> tuple[Machine, str]:
    found = definitions.read(machine, options.uuid, options.parent)
    if not found:
        raise _RefusedError("No devices match the specified uuid")
    for definition in found:
        machine = filesystem.remove(machine, definition.path)
    return machine, ""


def _start(machine: Machine, options: _Options) -> tuple[Machine, str]:
    found = definitions.read(machine, options.uuid, options.parent) if options.uuid else []
    if len(found) > 1:
        raise _RefusedError(f"Multiple definitions found for device {options.uuid}. Please specify a parent.")
    if found and options.type not in (None, found[0].type_id):
        known = found[0]
        raise _RefusedError(f"Device {known.uuid} already exists on parent {known.parent} with type {known.type_id}")
    uuid = options.uuid or _new_uuid(machine)
    parent = found[0].parent if found else options.parent
    type_id = found[0].type_id if found else options.type
    if type_id and not parent:
        raise _RefusedError("can't provide type without parent")
    if not type_id or not parent:
        raise _RefusedError("Device is insufficiently specified")
    return _create(machine, uuid, parent, type_id), "" if options.uuid else f"{uuid}\n"


def _create(machine: Machine, uuid: str, parent: str, type_id: str) -> Machine:
    """What `start` checks before it writes, in its order."""
    active = _active(machine, uuid)
    if active is not None:
        if active.parent != parent:
            raise _RefusedError("Device exists under different parent")
        if active.type_id != type_id:
            raise _RefusedError("Device exists with different type")
        raise _RefusedError("Device already exists")
    hardware, devices = machine.hardware, machine.up.devices
    function = vgpus.parents(hardware, devices).get(parent)
    if function is None:
        raise _RefusedError(f"Unable to find parent device '{parent}'")
    offered = vgpus.find_type(hardware, function, type_id)
    if offered is None:
        raise _RefusedError(f"Parent {parent} does not support mdev type {type_id}")
    if not vgpus.available(hardware, devices, function, offered):
        raise _RefusedError(f"No available instances of {type_id} on {parent}")
    try:
        return vgpus.create(machine, parent, type_id, uuid)
    except KernelError as error:
        raise _caused(f"Failed to create mdev {uuid}, type {type_id} on {parent}", error) from error


def _stop(machine: Machine, options: _Options) -> tuple[Machine, str]:
    try:
        return vgpus.remove(machine, options.uuid or ""), ""
    except StillHeldError:
        raise
    except KernelError as error:
        raise _caused(f"Error removing device {options.uuid}", error) from error


def _caused(message: str, error: KernelError) -> _RefusedError:
    return _RefusedError(f"{message}\n\nCaused by:\n    {error.text} (os error {error.number})")


def _list(machine: Machine, options: _Options) -> tuple[Machine, str]:
    defined = {(known.parent, known.uuid): known for known in definitions.read(machine)}
    active = {(mdev.parent, mdev.uuid): mdev for mdev in machine.up.devices.mdevs if not mdev.leaving}
    shown = [
        defined.get(key) or Definition(mdev.uuid, mdev.parent, mdev.type_id)
        for key, mdev in active.items()
        if not options.defined
    ]
    if options.defined:
        shown = list(defined.values())
    shown = [
        device
        for device in sorted(shown, key=lambda device: (device.parent, device.uuid))
        if options.uuid in (None, device.uuid) and options.parent in (None, device.parent)
    ]
    if options.dumpjson:
        return machine, _dump(shown, single=options.uuid is not None) + "\n"
    mark, others = ("active", active.keys()) if options.defined else ("defined", defined.keys())
    lines = [
        f"{device.uuid} {device.parent} {device.type_id} {'auto' if device.auto else 'manual'}"
        + (f" ({mark})" if (device.parent, device.uuid) in others else "")
        + "\n"
        for device in shown
    ]
    return machine, "".join(lines) + "\n"


def _dump(devices: list[Definition], *, single: bool) -> str:
    if single and len(devices) == 1:
        return json.dumps(devices[0].json(), indent=2)
    parents: dict[str, list[object]] = {}
    for device in devices:
        parents.setdefault(device.parent, []).append({device.uuid: device.json()})
    return json.dumps([parents] if parents else [], indent=2)


def _types(machine: Machine, options: _Options) -> tuple[Machine, str]:
    hardware, devices = machine.hardware, machine.up.devices
    dumped: dict[str, list[object]] = {}
    text = ""
    for parent, function in vgpus.parents(hardware, devices).items():
        if options.parent not in (None, parent):
            continue
        text += f"{parent}\n"
        dumped[parent] = []
        for offered in sorted(vgpus.types_of(hardware, function), key=lambda offered: offered.id):
            left = vgpus.available(hardware, devices, function, offered)
            description = vgpus.description(offered)
            text += (
                f"  {offered.id}\n    Available instances: {left}\n    Device API: vfio-pci\n"
                f"    Name: {offered.name}\n    Description: {description}\n"
            )
            fields = {"available_instances": left, "device_api": "vfio-pci", "name": offered.name}
            dumped[parent].append({offered.id: {**fields, "description": description}})
    if options.dumpjson:
        return machine, json.dumps([dumped] if dumped else [], indent=2) + "\n"
    return machine, text + "\n"


_VERBS: dict[str, Callable[[Machine, _Options], tuple[Machine, str]]] = {
    "define": _define,
    "undefine": _undefine,
    "start": _start,
    "stop": _stop,
    "list": _list,
    "types": _types,
}
