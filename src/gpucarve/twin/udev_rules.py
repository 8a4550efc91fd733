"""udev meeting a PCI function: the rules that choose its driver, then the loading of the module that knows its id.

Of the rules' language this knows what is said about PCI functions as they appear: matches of ACTION, SUBSYSTEM, KERNEL
and ATTR, assignments of ATTR{driver_override} and ATTR{[subsystem/pci]drivers_probe}, and the builtin `kmod load`. A
line with anything else says nothing here. Source: udev(7); systemd's 80-drivers.rules.

Boundary: reads the rules on the disk; binding is `modules`'.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gpucarve.twin import modules
from gpucarve.twin.functions import Function, present
from gpucarve.twin.machine import Machine
from gpucarve.twin.nodes import File
from gpucarve.twin.sight import view

_FOLDERS = ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d")
_TOKEN = re.compile(r'\s*([A-Z]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|:=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_DRIVERS_PROBE = "[subsystem/pci]drivers_probe"
Token = tuple[str, str, str, str]


def texts(machine: Machine, *folders: str) -> list[str]:
    """The configuration files in force in these folders, by name; those of an earlier folder hide later ones."""
    sight = view(machine)
    found: dict[str, str] = {}
    for folder in folders:
        for path, place in sight.expand(f"{folder}/*"):
            node = sight.node(sight.place(place)) if sight.exists(place) else None
            text = node.content.decode("utf-8", "replace") if isinstance(node, File) else ""
            found.setdefault(path.rpartition("/")[2], text)
    return [found[name] for name in sorted(found) if name.endswith((".conf", ".rules"))]


def kept_out(machine: Machine) -> frozenset[str]:
    """The modules that the disk and the command line keep from loading by themselves."""
    folders = (f"{above}/modprobe.d" for above in ("/etc", "/run", "/usr/local/lib", "/usr/lib"))
    return modules.kept_out(texts(machine, *folders), machine.up.boot.cmdline)


@dataclass(frozen=True, slots=True)
class Rules:
    """The texts of rules, and the modules that udev may load: those of the disk, or those inside an image."""

    texts: Sequence[str]
    modules: Collection[str]

    def added(self, machine: Machine, address: str) -> Machine:
        """The machine after udev has seen the function appear."""
        function = present(machine.hardware, machine.up.devices)[address]
        later: list[str] = []
        for line in self._lines():
            tokens = _tokens(line)
            if tokens and all(_matches(each, function) for each in tokens if each[2] in ("==", "!=")):
                machine = _assign(machine, function, tokens, later)
        known = modules.module_of(function.device.driver) if function.index is None else ""
        for module in (*later, known):
            if module in self.modules:
                machine = modules.load(machine, module)
        return machine

    def _lines(self) -> Iterator[str]:
        for text in self.texts:
            yield from (line for line in text.replace("\\\n", " ").splitlines() if not line.lstrip().startswith("#"))


def of_disk(machine: Machine) -> Rules:
    """The rules that stand on the disk now."""
    return Rules(texts(machine, *_FOLDERS), modules.installed(machine.hardware) - kept_out(machine))


def _tokens(line: str) -> list[Token]:
    """A rule's parts; empty for a line that is not understood."""
    found: list[Token] = []
    place = 0
    while place < len(line.rstrip()):
        match = _TOKEN.match(line, place)
        if match is None or not _understood(match[1], match[2] or "", match[3], match[4]):
            return []
        found.append((match[1], match[2] or "", match[3], match[4]))
        place = match.end()
    return found


def _understood(key: str, name: str, operator: str, value: str) -> bool:
    if operator in ("==", "!="):
        return key in ("ACTION", "SUBSYSTEM", "KERNEL") or (key == "ATTR" and name in ("vendor", "device", "class"))
    if key == "ATTR":
        return name in ("driver_override", _DRIVERS_PROBE)
    return key == "RUN" and name == "builtin" and value.startswith("kmod load ")


def _matches(token: Token, function: Function) -> bool:
    key, name, operator, wanted = token
    device = function.device
    facts = {"vendor": f"0x{device.vendor}", "device": f"0x{device.device}", "class": f"0x{device.pci_class}"}
    value = {"ACTION": "add", "SUBSYSTEM": "pci", "KERNEL": function.address}.get(key, facts.get(name, ""))
    return any(fnmatchcase(value, each) for each in wanted.split("|")) is (operator == "==")


def _assign(machine: Machine, function: Function, tokens: list[Token], later: list[str]) -> Machine:
    """What the rule writes at once; what it runs comes after all rules."""
    for key, name, operator, value in tokens:
        if operator in ("==", "!="):
            continue
        if key == "RUN":
            later.extend(word.replace("-", "_") for word in value.split()[2:])
        elif name == "driver_override":
            devices = machine.up.devices
            overrides = {**devices.overrides, function.address: value}
            machine = machine.with_devices(replace(devices, overrides=overrides))
        elif value in (function.address, "$kernel", "%k"):
            machine = modules.attach(machine, function.address)
    return machine
