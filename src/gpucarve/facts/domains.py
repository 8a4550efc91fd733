"""libvirt's domains: which host devices each is given, running and defined.

Its files are long, so the host's grep picks the few lines that matter. libvirt writes these files itself, an element a
line: `<address domain=…>` and `<address uuid=…>` are the host's sides of a device, a guest's own begin with `type=`.

Boundary: /run/libvirt/qemu and /etc/libvirt/qemu, the files of libvirt's QEMU driver; nobody asks its daemon.
Source: libvirt's src/conf/domain_conf.c, device_conf.c (virPCIDeviceAddressFormat); libvirt.org/formatdomain.html.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import unescape

from gpucarve.calls.primitives import KIB, Inspect
from gpucarve.calls.replies import Exited, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect
from gpucarve.model.pci import PciAddress

RUNNING = "/run/libvirt/qemu"
DEFINED = "/etc/libvirt/qemu"
GREP = ("grep", "-rHE", "<name>|<address (domain|uuid)=", RUNNING, DEFINED)

_FILE = re.compile(rf"({RUNNING}|{DEFINED})/[^/]+\.xml")
_NAME = re.compile(r"\s*<name>([^<]{1,255})</name>\s*")
_PCI = re.compile(
    r"\s*<address domain='0x([0-9a-f]{4,8})' bus='0x([0-9a-f]{2})' slot='0x([0-9a-f]{2})' function='0x([0-7])'/>\s*"
)
_MDEV = re.compile(r"\s*<address uuid='([0-9a-fA-F-]{36})'/>\s*")
_NOT_THERE = ("No such file or directory", "No such device or address")  # the latter is a socket's


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain: the functions and mediated devices of the host that it is given."""

    name: str
    functions: frozenset[PciAddress] = frozenset()
    mdevs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Domains:
    """Domains by name: those that run, with what they have now, and those that are defined."""

    running: dict[str, Domain] = field(default_factory=dict)
    defined: dict[str, Domain] = field(default_factory=dict)


def _parse(replies: tuple[Reply, ...]) -> Domains:
    found = expect(replies[0], Exited)
    wrong = [line for line in found.error_text().splitlines() if not line.endswith(_NOT_THERE)]
    if wrong or found.truncated or found.status > 2:
        raise Unreadable(f"libvirt's domains: {'; '.join(wrong)[:300] or f'grep ended with {found.status}'}")
    lines: dict[str, list[str]] = defaultdict(list)
    for line in found.text().splitlines():
        path, _, text = line.partition(":")
        if _FILE.fullmatch(path):
            lines[path].append(text)
    domains = {path: _domain(path, texts) for path, texts in lines.items()}
    return Domains(_below(RUNNING, domains), _below(DEFINED, domains))


def _domain(path: str, lines: list[str]) -> Domain:
    """The domain of one file, whose own name comes first in it."""
    name = next((match[1] for match in map(_NAME.fullmatch, lines) if match), None)
    if name is None:
        raise Unreadable(f"{path} does not name its domain")
    functions = frozenset(
        PciAddress.parse(f"{match[1]}:{match[2]}:{match[3]}.{match[4]}")
        for match in map(_PCI.fullmatch, lines)
        if match
    )
    mdevs = frozenset(match[1].lower() for match in map(_MDEV.fullmatch, lines) if match)
    return Domain(unescape(name), functions, mdevs)


def _below(folder: str, domains: dict[str, Domain]) -> dict[str, Domain]:
    return {domain.name: domain for path, domain in domains.items() if path.startswith(f"{folder}/")}


PROBE = Probe("libvirt domains", (Inspect(GREP, deadline=10.0, limit=256 * KIB),), _parse)
