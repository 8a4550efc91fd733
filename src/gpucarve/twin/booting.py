"""What a boot does with functions and modules: the kernel, then its image, then the disk.

Each part has its own idea of what is kept out: the image the configuration that was copied into it, the disk the one
that stands there now. So a driver inside the image binds its functions before any rule or blacklist of the disk is
read. Sources: bootup(7), systemd-modules-load.service(8), udev(7).

Boundary: pure; going down and coming up is `power`'s.
"""

from __future__ import annotations

from gpucarve.twin import initramfs, modules, udev_rules
from gpucarve.twin.functions import present
from gpucarve.twin.machine import Machine


def bind_all(machine: Machine) -> Machine:
    """The machine that has just started, with its modules loaded and its functions bound."""
    addresses = tuple(present(machine.hardware, machine.up.devices))
    for address in addresses:
        machine = modules.attach(machine, address)  # what is built in
    return _from_disk(_from_image(machine, addresses), addresses)


def _from_image(machine: Machine, addresses: tuple[str, ...]) -> Machine:
    image = initramfs.started_from(machine)
    texts = (*image.texts("/etc/modprobe.d"), *image.texts("/usr/lib/modprobe.d"))
    kept_out = modules.kept_out(texts, machine.up.boot.cmdline)
    rules = udev_rules.Rules(image.texts("/etc/udev/rules.d"), image.modules - kept_out)
    for address in addresses:
        machine = rules.added(machine, address)
    return machine


def _from_disk(machine: Machine, addresses: tuple[str, ...]) -> Machine:
    kept_out = udev_rules.kept_out(machine)
    for module in _wanted(machine):
        if module not in kept_out and module in modules.installed(machine.hardware):
            machine = modules.load(machine, module)
    rules = udev_rules.of_disk(machine)
    for address in addresses:
        machine = rules.added(machine, address)
    return machine


def _wanted(machine: Machine) -> list[str]:
    """What modules-load.d and the command line name."""
    folders = (f"{above}/modules-load.d" for above in ("/etc", "/run", "/usr/local/lib", "/usr/lib"))
    lines = [line.strip() for text in udev_rules.texts(machine, *folders) for line in text.splitlines()]
    named = [line for line in lines if line and line[0] not in "#;"]
    for word in machine.up.boot.cmdline.split():
        option, _, value = word.partition("=")
        if option in ("modules_load", "modules-load"):
            named.extend(value.split(","))
    return [name.replace("-", "_") for name in named]
