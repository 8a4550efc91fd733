"""libvirt's domains, from the lines that grep picks out of its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gpucarve.calls.replies import Exited, Failure, FailureKind
from gpucarve.facts import domains
from gpucarve.facts.domains import Domain, Domains
from gpucarve.model.pci import PciAddress
from tests.facts.answers import exited, gathered, known, why

GPU, UUID = PciAddress.parse("0000:65:00.0"), "26216876-d01a-4eed-b06d-341abcf4da00"
HERE = Path(__file__).parent
XML = (HERE / "libvirt-domain.xml").read_text()
WRITTEN = ((domains.RUNNING, "running"), (domains.DEFINED, "defined"))
PATH = f"{domains.DEFINED}/vm-7.xml"
NOTHING_THERE = "".join(f"grep: {path}: No such file or directory\n" for path in (domains.RUNNING, domains.DEFINED))


def _picked(path: str, xml: str = XML) -> str:
    """What grep prints of a file."""
    pattern = re.compile(domains.GREP[2])
    return "".join(f"{path}:{line}\n" for line in xml.splitlines() if pattern.search(line))


def test_a_domain_is_read_with_the_host_s_devices_and_without_its_own_addresses() -> None:
    found = known(domains.PROBE, commands={"grep": exited(_picked(PATH))})
    assert found == Domains(defined={"R&D 7": Domain("R&D 7", frozenset({GPU}), frozenset({UUID}))})


def test_a_running_domain_has_what_its_state_says_and_the_defined_one_what_its_definition_says() -> None:
    running = (
        f"<domstatus state='running' pid='41'>\n  <domain type='kvm' id='1'>\n    <name>vm-7</name>\n{'':>2}</domain>\n"
    )
    text = _picked(f"{domains.RUNNING}/vm-7.xml", running) + _picked(PATH)
    found = known(domains.PROBE, commands={"grep": exited(text)})
    assert found.running == {"vm-7": Domain("vm-7")}
    assert list(found.defined) == ["R&D 7"]


@pytest.mark.parametrize(
    ("device", "functions", "mdevs"),
    [("mdev", (), ("0ebc762a-7c04-5bf3-b694-6375ee8c2b7a",)), ("pci", ("0000:05:00.0",), ())],
)
def test_what_libvirt_9_wrote_of_a_guest_is_read(
    device: str, functions: tuple[str, ...], mdevs: tuple[str, ...]
) -> None:
    """The files as they were on the kernel bench: a status file while it ran, and its definition."""
    name = "instance-0000002a"
    written = [(folder, kind, (HERE / "libvirt" / f"{kind}-{device}.xml").read_text()) for folder, kind in WRITTEN]
    text = "".join(_picked(f"{folder}/{name}.xml", xml) for folder, _, xml in written)
    domain = Domain(name, frozenset(map(PciAddress.parse, functions)), frozenset(mdevs))
    found = known(domains.PROBE, commands={"grep": exited(text)})
    assert found == Domains(running={name: domain}, defined={name: domain})


def test_a_name_is_read_as_libvirt_escapes_it() -> None:
    """virBufferEscapeString writes five characters as entities, the two quotes among them."""
    text = f"{PATH}:  <name>&lt;it&apos;s &quot;R&amp;D&quot;&gt;</name>\n"
    assert list(known(domains.PROBE, commands={"grep": exited(text)}).defined) == ['<it\'s "R&D">']


def test_networks_and_other_files_beside_the_domains_are_none() -> None:
    text = f"{domains.DEFINED}/networks/default.xml:  <name>default</name>\n{domains.RUNNING}/vm-7.pid:<name>x</name>\n"
    assert known(domains.PROBE, commands={"grep": exited(text)}) == Domains()


@pytest.mark.parametrize(
    "answer",
    [
        exited("", status=2, stderr=NOTHING_THERE),
        exited("", status=1),
        exited("", status=2, stderr="grep: /run/libvirt/qemu/dbus: No such device or address\n"),
    ],
    ids=["no libvirt", "no domain", "a socket"],
)
def test_a_host_without_domains_has_none(answer: Exited) -> None:
    assert known(domains.PROBE, commands={"grep": answer}) == Domains()


@pytest.mark.parametrize(
    "answer",
    [
        exited(_picked(PATH), status=2, stderr="grep: /run/libvirt/qemu: Permission denied\n"),
        Exited(0, _picked(PATH).encode(), truncated=True),
        exited("", status=3),
        exited(f"{PATH}:      <address uuid='{UUID}'/>\n"),
        exited(f"{PATH}:<name></name>\n"),
        Failure(FailureKind.TIMED_OUT, "too late"),
    ],
    ids=["refused", "cut", "odd end", "no name", "empty name", "too late"],
)
def test_what_cannot_be_read_whole_is_unknown(answer: Exited | Failure) -> None:
    why(domains.PROBE, commands={"grep": answer})


def test_text_that_is_built_to_hurt_is_no_entity_and_no_address() -> None:
    hostile = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>\n<name>&a;</name>\n<address domain='&a;' bus='0x00'/>\n"
    found = gathered(domains.PROBE, commands={"grep": exited(_picked(PATH, hostile))})
    assert found == Domains(defined={"&a;": Domain("&a;")})
