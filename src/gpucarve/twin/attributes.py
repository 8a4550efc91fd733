"""Writing a sysfs attribute: what the kernel or the driver behind it does.

Boundary: one write(2) of a value to a path; dispatches by the attribute's place to the rules of the device.
"""

from __future__ import annotations

import errno
import re

from gpucarve.twin import binding, filesystem, vgpus
from gpucarve.twin.errors import KernelError
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import Attribute, Directory, File, raw
from gpucarve.twin.sight import view

_ANY_WRITE = 0o222
_NUMBER = re.compile(r"\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\n?")  # as the kernel reads one


def write_value(machine: Machine, path: str, value: str) -> Machine:
    """Write `value` into an existing attribute (or stored file). Raises KernelError."""
    sight = view(machine)
    place = sight.place(path)
    node = sight.node(place)
    if node is None:
        raise KernelError(errno.ENOENT, path)
    if isinstance(node, Directory):
        raise KernelError(errno.EISDIR, path)
    if isinstance(node, Attribute) and node.write_error:
        raise KernelError(node.write_error, path)
    if not place.startswith(filesystem.DERIVED):
        return filesystem.write_file(machine, place, raw(value))
    if not isinstance(node, File) or not node.mode & _ANY_WRITE:
        raise KernelError(errno.EACCES, path)
    return _attribute(machine, path, place.split("/")[1:], value)


def waits(machine: Machine, path: str, value: str) -> bool:
    """Whether the write does not return before somebody lets go of a device."""
    sight = view(machine)
    place = sight.place(path).split("/") if sight.exists(path) else []
    match place:
        case ["", "sys", "bus", "pci", "drivers", _, "unbind"]:
            return binding.held(machine, value)
        case [*_, uuid, "remove"]:
            vgpu = vgpus.running(machine.up.devices, uuid)
            return vgpu is not None and vgpus.in_use(machine, vgpu)
        case _:
            return False


def _attribute(machine: Machine, path: str, place: list[str], value: str) -> Machine:
    match place:
        case [*_, parent, "mdev_supported_types", type_id, "create"]:
            return vgpus.create(machine, parent, type_id, value)
        case [*_, uuid, "remove"]:
            if not _NUMBER.fullmatch(value):
                raise KernelError(errno.EINVAL, path)
            return vgpus.remove(machine, uuid) if value.strip("+xX0\n") else machine  # 0 asks for nothing
        case [*_, address, "driver_override"]:
            return binding.override(machine, address, value.strip())
        case ["sys", "bus", "pci", "drivers", driver, "unbind"]:
            return binding.unbind(machine, driver, value)
        case ["sys", "bus", "pci", "drivers", driver, "bind"]:
            return binding.bind(machine, driver, value)
        case ["proc", "driver", "nvidia", "gpus", address, "unbindLock"]:
            return binding.lock(machine, address, value)
        case ["sys", "bus", "pci", "drivers_probe"]:
            return binding.probe(machine, value)
        case [*_, address, "uevent"] if address in present(machine.hardware, machine.up.devices):
            return binding.announce(machine, address, value)
        case [*_, "sriov_numvfs"]:
            # the vGPU host driver takes no VF count from sysfs: only its own tool switches them
            raise KernelError(errno.ENOENT, path)
        case _:
            raise KernelError(errno.EINVAL, path)
