"""A host's facts as lines for people and as JSON: kernel, firmware, boot loader, driver, modules, services, guests.

A fact that could not be read is told as unknown with its reason; one that was not asked for is not told.

Boundary: pure; GPUs are `gpu_facts`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from gpucarve.cli.views import status
from gpucarve.cli.views.text import count
from gpucarve.facts import (
    boot,
    domains,
    driver,
    grub,
    initramfs,
    loader,
    modules,
    ours,
    pci,
    security,
    units,
    users,
)
from gpucarve.facts.observed import Observed, Probe, Unknown

F = TypeVar("F")
Lines = list[tuple[str, str]]
Json = dict[str, Any]

_LOADERS = {
    "grub": "GRUB",
    "bls": "boot loader entries, changed by grubby",
    "ostree": "ostree deployment",
    "": "none that is known",
}
_TOOLS = {
    "nvidia-smi": "nvidia_smi",
    "sriov-manage": "sriov_manage",
    "mdevctl": "mdevctl",
    "update-grub": "update_grub",
    "grubby": "grubby",
    "update-initramfs": "update_initramfs",
    "dracut": "dracut",
    "systemctl": "systemctl",
}
_OF_GPUS = ("nvidia", "nvidia_vgpu_vfio", "nouveau", "nova_core", "vfio_pci", "mdev")


class _Told(NamedTuple):
    """One fact: the name of its line, and what is said of it to people."""

    label: str
    probe: Probe[Any]
    lines: Callable[[Any, Observed], Lines]


def lines(observed: Observed) -> Lines:
    """A label and a text each, in the order of a boot."""
    found: Lines = []
    for told in _TOLD:
        fact = _known(observed, told.probe)
        if isinstance(fact, Unknown):
            found.append((told.label, f"unknown: {fact.why}"))
        elif fact is not None:
            found += told.lines(fact, observed)
    return found


def data(observed: Observed) -> Json:
    """The same for programs: null where it is unknown."""
    unknown = {name: fact.why for name, fact in observed.facts.items() if isinstance(fact, Unknown)}
    return {**dict(_parts(observed)), "unknown": unknown}


def _known(observed: Observed, probe: Probe[F]) -> F | Unknown | None:
    """The fact; None where it was not asked for."""
    if probe.name not in observed.facts:
        return None
    found: F | Unknown = observed.get(probe)
    return found


def _kernel(fact: boot.Boot, _: Observed) -> Lines:
    virtual = "runs VMs" if fact.virtualization else "no VMs (neither vmx nor svm)"
    text = f"{fact.kernel} on {fact.cpu_vendor or 'a CPU that names no vendor'}, {virtual}"
    return [("kernel", text), ("booted", " ".join(fact.command_line))]


def _iommu(fact: pci.Functions, observed: Observed) -> Lines:
    groups, table = _groups(fact), _table(observed)
    if groups:
        return [("IOMMU", f"on ({table or 'table not known'}), {count(groups, 'group')}")]
    return [("IOMMU", f"off; firmware offers one ({table})" if table else "off; firmware offers none")]


def _groups(fact: pci.Functions) -> int:
    return len({each.iommu_group for each in fact.every.values()} - {None})


def _table(observed: Observed) -> str:
    running = observed.get(boot.PROBE)
    return "" if isinstance(running, Unknown) else running.iommu_table


def _loader(fact: loader.BootLoader, observed: Observed) -> Lines:
    defaults, text = observed.get(grub.PROBE), _LOADERS[fact.kind]
    if fact.kind == "grub" and isinstance(defaults, grub.Grub):
        text += f", boot entries: {len(defaults.entries)}"
    return [("loader", text)]


def _security(fact: security.Security, _: Observed) -> Lines:
    switch = {True: "on", False: "off", None: "not told by the firmware"}[fact.secure_boot]
    return [("security", f"Secure Boot {switch}, SELinux {fact.selinux}")]


def _driver(fact: driver.Driver, _: Observed) -> Lines:
    there = [name for name, attribute in _TOOLS.items() if getattr(fact, attribute)]
    version = f"{fact.version}, {fact.flavour}" if fact.version else "not loaded"
    return [("driver", version), ("tools", ", ".join(there) or "none of those that changes need")]


def _modules(fact: modules.Modules, _: Observed) -> Lines:
    loaded = [name for name in _OF_GPUS if name in fact.loaded]
    kept_out = [
        f"{name} kept out by {', '.join(fact.blacklisted[name])}" for name in _OF_GPUS if name in fact.blacklisted
    ]
    return [("modules", "; ".join([", ".join(loaded) or "none of GPUs or VFIO loaded", *kept_out]))]


def _initramfs(fact: initramfs.Initramfs, _: Observed) -> Lines:
    holds = f", holds {', '.join(sorted(fact.holds))}" if fact.holds else ""
    return [("initramfs", (fact.tool or "neither initramfs-tools nor dracut") + holds)]


def _services(fact: users.Users, _: Observed) -> Lines:
    told = [f"{name} {'runs' if each.active else 'stopped'}" for name, each in fact.services.items()]
    return [("services", ", ".join(told))] if told else []


def _guests(fact: domains.Domains, _: Observed) -> Lines:
    shut = sorted(fact.defined.keys() - fact.running.keys())
    told = [f"{name} runs" for name in sorted(fact.running)] + [f"{name} shut off" for name in shut]
    return [("guests", ", ".join(told))] if told else []


def _unit(fact: units.BootUnit, _: Observed) -> Lines:
    if fact.unit is None:
        return []
    return [("boot unit", f"{'enabled' if fact.enabled else 'disabled'}, {fact.state or 'state not known'}")]


def _ours(fact: ours.Ours, _: Observed) -> Lines:
    return [("lease", status.held(fact.lease)), ("ours", ", ".join(fact.claims) or "nothing")]


_TOLD = (
    _Told("kernel", boot.PROBE, _kernel),
    _Told("IOMMU", pci.PROBE, _iommu),
    _Told("security", security.PROBE, _security),
    _Told("loader", loader.PROBE, _loader),
    _Told("initramfs", initramfs.PROBE, _initramfs),
    _Told("driver", driver.PROBE, _driver),
    _Told("modules", modules.PROBE, _modules),
    _Told("users", users.PROBE, _services),
    _Told("guests", domains.PROBE, _guests),
    _Told("boot unit", units.PROBE, _unit),
    _Told("ours", ours.PROBE, _ours),
)


def _parts(observed: Observed) -> Iterator[tuple[str, Json | list[str] | None]]:
    """Each part of the JSON; null for what is unknown, left out when it was not asked for."""
    shown: tuple[tuple[str, Probe[Any], Callable[[Any], Json | list[str]]], ...] = (
        ("kernel", boot.PROBE, _kernel_data),
        ("iommu", pci.PROBE, lambda fact: {"on": _groups(fact) > 0, "groups": _groups(fact)}),
        ("security", security.PROBE, lambda fact: {"secureBoot": fact.secure_boot, "selinux": fact.selinux}),
        ("bootLoader", loader.PROBE, lambda fact: {"kind": fact.kind}),
        ("initramfs", initramfs.PROBE, _initramfs_data),
        ("driver", driver.PROBE, _driver_data),
        ("modules", modules.PROBE, _modules_data),
        ("services", users.PROBE, _services_data),
        ("guests", domains.PROBE, _guests_data),
        ("bootUnit", units.PROBE, _unit_data),
        ("claims", ours.PROBE, lambda fact: list(fact.claims)),
    )
    for name, probe, part in shown:
        fact = _known(observed, probe)
        if fact is not None:
            yield name, None if isinstance(fact, Unknown) else part(fact)


def _kernel_data(fact: boot.Boot) -> Json:
    return {
        "release": fact.kernel,
        "bootId": fact.boot_id,
        "commandLine": list(fact.command_line),
        "cpuVendor": fact.cpu_vendor,
        "virtualization": fact.virtualization,
        "iommuTable": fact.iommu_table,
    }


def _initramfs_data(fact: initramfs.Initramfs) -> Json:
    return {"tool": fact.tool, "holds": None if fact.holds is None else sorted(fact.holds)}


def _driver_data(fact: driver.Driver) -> Json:
    tools = {name: getattr(fact, attribute) for name, attribute in _TOOLS.items()}
    return {"version": fact.version, "flavour": fact.flavour, "tools": tools}


def _modules_data(fact: modules.Modules) -> Json:
    kept_out = {name: list(files) for name, files in fact.blacklisted.items()}
    return {"loaded": [name for name in _OF_GPUS if name in fact.loaded], "blacklisted": kept_out}


def _services_data(fact: users.Users) -> Json:
    return {name: {"active": each.active, "mainPid": each.main_pid} for name, each in fact.services.items()}


def _guests_data(fact: domains.Domains) -> Json:
    every = {**fact.defined, **fact.running}
    return {
        name: {
            "running": name in fact.running,
            "functions": [str(address) for address in sorted(every[name].functions)],
            "mdevs": sorted(every[name].mdevs),
        }
        for name in sorted(every)
    }


def _unit_data(fact: units.BootUnit) -> Json:
    return {"installed": fact.unit is not None, "enabled": fact.enabled, "state": fact.state}
