"""Guests of a real libvirt have a vGPU or a GPU: they are named, nothing is taken from them; the twin says the same.

QEMU opens the devices through the kernel's VFIO; what a guest finds behind a vGPU's registers is a stand-in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.app.worlds import open_world
from gpucarve.calls.primitives import Run
from gpucarve.calls.programs import Refusal
from gpucarve.engine.endings import Outcome
from gpucarve.facts import domains, driver, mediated, pci, users
from gpucarve.facts.domains import Domain
from gpucarve.facts.observed import Observed
from gpucarve.model.pci import PciAddress
from gpucarve.plan.plans import Purpose
from gpucarve.twin import filesystem
from gpucarve.twin.scenes import Scene
from tests.kernel.alike.portrait import ASKED, TWIN, Portrait, world_of
from tests.kernel.domains import define, destroy, start
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab, document, traces, vgpus
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.kernel.test_foreign import TYPE_ID, UUIDS, VIRTUAL_FUNCTIONS, make_by_hand
from tests.story.lab import Lab

VM, OFF = "instance-0000002a", "instance-0000002b"
CUTS = {"two": vgpus(2), "another size": "vgpu: {A100D-20C: 2}", "the whole GPU": "passthrough: true"}


@pytest.fixture(scope="module")
def libvirt_snapshot(guest: Guest, vgpu_host_snapshot: str) -> str:
    """Name of a snapshot of the vGPU host on which libvirt runs, and knows its QEMU."""
    guest.restore(vgpu_host_snapshot)
    guest.shell("systemctl start libvirtd.service\nvirsh -q domcapabilities >/dev/null")
    guest.snapshot("libvirt")
    return "libvirt"


@pytest.fixture
def libvirt_host(guest: Guest, libvirt_snapshot: str) -> Guest:
    """The guest with the IOMMU on, all VFs, and libvirt."""
    guest.restore(libvirt_snapshot)
    return guest


def said(survey: app.Survey) -> list[str]:
    """What stands in the way, and what is told beside it."""
    return sorted(each.sentence() for each in (*survey.problems, *survey.warnings))


def told(lab: GuestLab, cuts: Iterable[str] = CUTS) -> dict[str, list[str]]:
    """What is said of each document in turn, and of a rollback."""
    found = {}
    for name in cuts:
        asked = GuestLab(lab.guest, lab.folder, cut=CUTS[name])
        found[name] = said(asked.survey())
    return found | {"rollback": said(lab.survey(Purpose.ROLLBACK))}


def observed(lab: GuestLab) -> Observed:
    """A snapshot of the guest."""

    async def look() -> Observed:
        world = open_world(lab.fleet, None)
        try:
            found = (await app.observe(world, (HOST,)))[HOST]
            assert isinstance(found, Observed), found
            return found
        finally:
            await world.close()

    return asyncio.run(look())


def twin_of(lab: GuestLab, folder: Path) -> Lab:
    """A twin of the guest as it is now, with all VFs, under the same name and with the same document."""

    async def look() -> Portrait:
        world = open_world(lab.fleet, None)
        try:
            replies = await world.host(HOST).gather(ASKED)
            assert not isinstance(replies, Refusal), replies
            return Portrait(replies, functions=True)
        finally:
            await world.close()

    machine = world_of(asyncio.run(look())).hosts[TWIN].machine
    return Lab(folder, text=lab.text, scene=Scene({str(HOST): machine}), target=HOST)


def definitions(guest: Guest, *names: str) -> dict[str, bytes]:
    """The files in which the guest's libvirt keeps these domains."""
    paths = [f"{domains.DEFINED}/{name}.xml" for name in names]
    return {path: guest.shell(f"cat {path}").encode() for path in paths}


def define_on_twin(twin: Lab, files: Mapping[str, bytes]) -> None:
    """The same files on the twin."""
    for path, content in files.items():
        machine = filesystem.make_directories(twin.host.machine, domains.DEFINED)
        twin.host.machine = filesystem.write_file(machine, path, content, 0o600)


async def told_by_twin(lab: GuestLab, twin: Lab, cuts: Iterable[str] = CUTS) -> dict[str, list[str]]:
    """The same of the twin."""
    found = {}
    for name in cuts:
        twin.text = document(lab.guest, lab.user, {GPU: CUTS[name]})
        found[name] = said(await twin.survey())
    twin.text = lab.text
    return found | {"rollback": said(await twin.survey(Purpose.ROLLBACK))}


def in_use(seen: Observed) -> tuple[object, ...]:
    """Who has what, by the names of guests: domains, vGPUs, and groups of the GPU and its vGPUs."""
    known, groups = seen.require(domains.PROBE), seen.require(users.PROBE).by_group
    vgpus = seen.require(mediated.PROBE).devices.values()
    held = sorted((user.guest, user.command) for each in groups.values() for user in each)
    return known, held, {each.uuid: [user.guest for user in each.users] for each in vgpus}


def domains_of(running: Mapping[str, Domain], *defined: Domain) -> domains.Domains:
    return domains.Domains(dict(running), {each.name: each for each in defined})


def test_a_guest_with_a_vgpu_is_named_and_nothing_is_taken_from_it_until_it_ends(
    libvirt_host: Guest, tmp_path: Path
) -> None:
    lab, guest = GuestLab(libvirt_host, tmp_path), libvirt_host
    twin = twin_of(lab, tmp_path / "twin")
    assert lab.run().done
    first, second = sorted(mediated_on(lab), key=lambda each: each.parent)
    define(guest, VM, first.uuid)
    define(guest, OFF, second.uuid)
    start(guest, VM)

    seen = in_use(observed(lab))
    vm, off = Domain(VM, mdevs=frozenset({first.uuid})), Domain(OFF, mdevs=frozenset({second.uuid}))
    held = [(VM, "qemu-system-x86_64")]
    assert seen == (domains_of({VM: vm}, vm, off), held, {first.uuid: [VM], second.uuid: []})
    found = told(lab)
    for what in ("another size", "the whole GPU", "rollback"):
        assert any(f"{first.uuid} on {first.parent} is used by guest {VM}" in each for each in found[what]), what
        assert any(f"guest {OFF} is defined with vGPU {second.uuid}" in each for each in found[what]), what

    async def on_the_twin() -> None:
        assert (await twin.run()).done
        define_on_twin(twin, definitions(guest, VM, OFF))
        twin.host.start_guest(first.uuid, VM)
        assert in_use(await twin.observed()) == seen
        assert await told_by_twin(lab, twin) == found

    asyncio.run(on_the_twin())
    before = traces(guest)
    back = lab.survey(Purpose.ROLLBACK)
    assert lab.ending(lab.apply(back.draft.plan)).outcome is Outcome.REFUSED
    assert traces(guest) == before
    destroy(guest, VM)
    lab.cut = CUTS["another size"]
    assert lab.run().done
    assert [each.type_id for each in mediated_on(lab)] == ["nvidia-696"] * 2
    assert lab.run(Purpose.ROLLBACK).done
    assert mediated_on(lab) == ()


def mediated_on(lab: GuestLab) -> tuple[mediated.Mdev, ...]:
    """The vGPUs there are."""
    return tuple(observed(lab).require(mediated.PROBE).devices.values())


def test_a_guest_with_the_gpu_itself_is_named_and_nothing_is_taken_from_it_until_it_ends(
    libvirt_host: Guest, tmp_path: Path
) -> None:
    lab, guest = GuestLab(libvirt_host, tmp_path, cut="passthrough: true"), libvirt_host
    twin = twin_of(lab, tmp_path / "twin")
    guest.shell(f"{driver.SRIOV_MANAGE} -d {GPU}")
    assert lab.run().done
    define(guest, VM, GPU)
    start(guest, VM)

    seen = in_use(observed(lab))
    vm = Domain(VM, frozenset({PciAddress.parse(GPU)}))
    assert seen == (domains_of({VM: vm}, vm), [(VM, "qemu-system-x86_64")], {})
    found = told(lab, ("two", "another size"))
    assert any(f"{GPU} is used by guest {VM}" in each for each in found["rollback"])

    async def on_the_twin() -> list[str]:
        twin.host.by_hand(Run((driver.SRIOV_MANAGE, "-d", GPU)))
        assert (await twin.run()).done
        define_on_twin(twin, definitions(guest, VM))
        twin.host.start_guest(GPU, VM)
        assert in_use(await twin.observed()) == seen
        assert await told_by_twin(lab, twin, ("two", "another size")) == found
        twin.host.stop_guest(VM)
        return said(await twin.survey(Purpose.ROLLBACK))

    shut_off = asyncio.run(on_the_twin())
    before = traces(guest)
    back = lab.survey(Purpose.ROLLBACK)
    assert lab.ending(lab.apply(back.draft.plan)).outcome is Outcome.REFUSED
    assert traces(guest) == before
    destroy(guest, VM)
    assert said(lab.survey(Purpose.ROLLBACK)) == shut_off
    assert any(f"guest {VM} is defined with {GPU}" in each for each in shut_off)
    assert lab.run(Purpose.ROLLBACK).done
    assert observed(lab).require(pci.PROBE).by_address[PciAddress.parse(GPU)].driver == "nvidia"


def test_a_vgpu_that_is_removed_under_its_guest_is_off_the_bus_at_once_and_goes_with_the_guest(
    libvirt_host: Guest, tmp_path: Path
) -> None:
    """The kernel lets nobody refuse: who removes it waits, and no signal ends that wait."""
    lab, guest, uuid = GuestLab(libvirt_host, tmp_path), libvirt_host, UUIDS[0]
    twin = twin_of(lab, tmp_path / "twin")
    make_by_hand(guest, uuid, VIRTUAL_FUNCTIONS[0])
    define(guest, VM, uuid)
    start(guest, VM)
    guest.shell(f"setsid mdevctl stop --uuid {uuid} >/dev/null 2>&1 </dev/null & sleep 2; pkill -KILL mdevctl; sleep 1")
    waits = guest.shell("grep -l vfio_unregister_group_dev /proc/$(pgrep mdevctl)/wchan; journalctl -k -n 1 -o cat")
    assert f"{uuid}: Device is currently in use" in waits
    meanwhile = observed(lab)
    files = definitions(guest, VM)
    destroy(guest, VM)
    guest.shell("while pgrep mdevctl >/dev/null; do sleep 0.2; done")
    after = observed(lab)
    assert after.require(mediated.PROBE).devices == {}

    async def on_the_twin() -> None:
        define_on_twin(twin, files)
        make = ("define", "--parent", VIRTUAL_FUNCTIONS[0], "--type", TYPE_ID)
        for words in (make, ("start",)):
            twin.host.by_hand(Run(("mdevctl", *words, "--uuid", uuid)))
        twin.host.start_guest(uuid, VM)
        twin.host.by_hand(Run(("mdevctl", "stop", "--uuid", uuid)))
        for seen in (meanwhile, after):
            found = await twin.observed()
            assert in_use(found) == in_use(seen)
            assert found.require(mediated.PROBE) == seen.require(mediated.PROBE)
            if seen is meanwhile:
                twin.host.stop_guest(VM)

    asyncio.run(on_the_twin())
