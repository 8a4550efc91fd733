"""A bare GPU becomes MIG-backed vGPUs at exact placements, survives its hindrances, and becomes a bare GPU again."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.calls.primitives import Run
from gpucarve.calls.replies import Exited, Failure, FailureKind
from gpucarve.engine.driving import drive
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.facts import mediated, mig, ours
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import instances, kernel_arguments, mig_mode, slots, virtual_functions
from gpucarve.resources.host.gpu_instance import AdoptedGpuInstance, GpuInstance
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.mig_mode import MigMode, MigModeAsBefore
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions
from gpucarve.resources.order import Stage
from tests.engine.places import channel
from tests.story.lab import GPU, HOST, Lab, footprint

pytestmark = pytest.mark.anyio

CARD = PciAddress.parse(GPU)
ARGUMENTS = kernel_arguments.key(HOST)
MODE, FUNCTIONS = mig_mode.key(HOST, CARD), virtual_functions.key(HOST, CARD)
LAYOUT = (
    ("2g.20gb", 14, "0:2", "A100D-2-20C"),
    ("2g.20gb", 14, "2:2", "A100D-2-20C"),
    ("2g.20gb", 14, "4:2", "A100D-2-20C"),
    ("1g.10gb", 19, "6:1", "A100D-1-10C"),
)
PLACES = ["2g.20gb@0:2", "2g.20gb@2:2", "2g.20gb@4:2", "1g.10gb@6:1"]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def _instance_keys() -> list[ResourceKey]:
    return [
        instances.key(HOST, CARD, MigProfileName.parse(profile), Placement.parse(place))
        for profile, _, place, _ in LAYOUT
    ]


def _slot_keys() -> list[ResourceKey]:
    kinds = [kind for *_, kind in LAYOUT]
    return [slots.key(HOST, CARD, kind, kinds[:index].count(kind)) for index, kind in enumerate(kinds)]


def _carved(*, compute: bool = False, vgpus: bool = True) -> tuple[Resource, ...]:
    """Mode, virtual functions, instances at their places and a vGPU in each."""
    kept = (ARGUMENTS, MODE, FUNCTIONS)
    made = [
        GpuInstance(key, CARD, MigProfileName.parse(profile), number, Placement.parse(place), compute, kept[1:])
        for key, (profile, number, place, _) in zip(_instance_keys(), LAYOUT, strict=True)
    ]
    keys = _slot_keys()
    carried = [
        Vgpu(key, CARD, kind, len(LAYOUT), tuple(keys[:index]), (*kept, *_instance_keys()))
        for index, (key, (*_, kind)) in enumerate(zip(keys, LAYOUT, strict=True))
    ]
    return (
        KernelArguments(ARGUMENTS, ("intel_iommu=on", "iommu=pt")),
        MigMode(MODE, CARD, True, True, (ARGUMENTS,)),
        VirtualFunctions(FUNCTIONS, CARD, len(LAYOUT), (ARGUMENTS, MODE)),
        *made,
        *(carried if vgpus else ()),
    )


def _undone() -> tuple[Resource, ...]:
    vgpus = tuple(NoVgpu(key, CARD, "rolled back") for key in _slot_keys())
    bare = tuple(each.key for each in vgpus)
    gone = tuple(NoGpuInstance(key, CARD, "rolled back", bare) for key in _instance_keys())
    empty = tuple(each.key for each in gone)
    off = NoVirtualFunctions(FUNCTIONS, CARD, "rolled back", (*bare, *empty))
    return (*vgpus, *gone, off, MigModeAsBefore(MODE, CARD, "rolled back", (*empty, FUNCTIONS)))


async def _draft(lab: Lab, resources: tuple[Resource, ...]) -> Draft:
    return make(Aim("lab", "digest", Purpose.APPLY, resources), {HOST: await lab.observed()})


async def _apply(lab: Lab, resources: tuple[Resource, ...]) -> Ending:
    draft = await _draft(lab, resources)
    assert not draft.blocked, [each.sentence() for each in draft.blocked]
    return (await lab.apply(draft.plan)).endings[HOST]


async def _standing(lab: Lab) -> list[str]:
    found = mig.at(await lab.observed(), CARD)
    return [f"{each.profile}@{each.placement}" for each in found.instances] if found else []


def _smi(lab: Lab, *words: str) -> Exited:
    reply = lab.host.by_hand(Run(("nvidia-smi", *words)))
    assert isinstance(reply, Exited)
    return reply


async def test_vgpus_stand_in_instances_at_exact_placements_and_all_goes_again(lab: Lab) -> None:
    assert (await _apply(lab, _carved()[:1])).outcome is Outcome.DONE
    before = footprint(lab.host)
    draft = await _draft(lab, _carved())
    assert [stage.stage for stage in draft.plan.stages] == [
        Stage.SET_MIG_MODE,
        Stage.ENABLE_VIRTUAL_FUNCTIONS,
        Stage.CREATE_GPU_INSTANCES,
        Stage.CREATE_VGPUS,
    ]
    assert (await _apply(lab, _carved())).outcome is Outcome.DONE
    assert await _standing(lab) == PLACES
    seen = await lab.observed()
    devices = seen.require(mediated.PROBE).devices.values()
    assert sorted(each.type_id for each in devices) == ["nvidia-699", "nvidia-700", "nvidia-700", "nvidia-700"]
    assert not (await _draft(lab, _carved())).plan.stages
    assert (await _apply(lab, _undone())).outcome is Outcome.DONE
    assert footprint(lab.host) == before
    assert lab.host.machine.up.devices.mig == lab.host.machine.mig_kept == ()
    assert set((await lab.observed()).require(ours.PROBE).claims) == {"kernel-arguments"}


async def test_from_a_bare_host_the_reboot_comes_first_and_the_rest_is_predicted(lab: Lab) -> None:
    plan = (await _draft(lab, _carved())).plan
    assert [each.stage for each in plan.stages if not each.predicted] == [Stage.BOOT]
    assert [each.stage for each in plan.stages if each.predicted] == [
        Stage.SET_MIG_MODE,
        Stage.ENABLE_VIRTUAL_FUNCTIONS,
        Stage.CREATE_GPU_INSTANCES,
        Stage.CREATE_VGPUS,
    ]
    assert (await _apply(lab, _carved())).outcome is Outcome.DONE
    assert await _standing(lab) == PLACES


async def test_an_instance_without_its_compute_instance_gets_that_alone(lab: Lab) -> None:
    wanted = _carved(compute=True, vgpus=False)
    assert (await _apply(lab, wanted)).outcome is Outcome.DONE
    found = mig.at(await lab.observed(), CARD)
    assert found
    ids = [each.instance_id for each in found.instances]
    assert all(each.compute for each in found.instances)
    _smi(lab, "mig", "-i", GPU, "-gi", str(ids[1]), "-dci")
    draft = await _draft(lab, wanted)
    assert [str(step.key) for step in draft.plan.steps] == [str(_instance_keys()[1])]
    assert (await _apply(lab, wanted)).outcome is Outcome.DONE
    again = mig.at(await lab.observed(), CARD)
    assert again
    assert [each.instance_id for each in again.instances] == ids
    assert all(each.compute for each in again.instances)


async def test_one_of_ours_goes_by_the_id_it_has_then_and_the_others_stay(lab: Lab) -> None:
    wanted = _carved(vgpus=False)
    await _apply(lab, wanted)
    _smi(lab, "mig", "-i", GPU, "-dgi")
    for place in ("4", "2", "0"):  # made anew by hand in another order, so other ids stand at the places
        _smi(lab, "mig", "-i", GPU, "-cgi", f"14:{place}")
    _smi(lab, "mig", "-i", GPU, "-cgi", "19:6")
    assert (await _apply(lab, (NoGpuInstance(_instance_keys()[0], CARD, "not wanted"),))).outcome is Outcome.DONE
    assert await _standing(lab) == PLACES[1:]


async def test_what_others_made_in_the_same_place_is_adopted_and_stays_when_it_is_let_go_of(lab: Lab) -> None:
    await _apply(lab, _carved(vgpus=False)[:3])
    _smi(lab, "mig", "-i", GPU, "-cgi", "14:2")
    (finding,) = (await _draft(lab, _carved(vgpus=False))).blocked
    assert "stands on 0000:65:00.0 already, and gpucarve did not make it" in finding.fact
    assert "gpucarve adopt" in finding.fix
    key, (profile, _, place, _) = _instance_keys()[1], LAYOUT[1]
    adopted = AdoptedGpuInstance(key, CARD, MigProfileName.parse(profile), Placement.parse(place))
    assert (await _apply(lab, (adopted,))).outcome is Outcome.DONE
    assert (await _apply(lab, _carved(vgpus=False))).outcome is Outcome.DONE
    assert await _standing(lab) == PLACES
    leaving = tuple(NoGpuInstance(each, CARD, "rolled back") for each in _instance_keys())
    assert (await _apply(lab, leaving)).outcome is Outcome.DONE
    assert await _standing(lab) == ["2g.20gb@2:2"]
    (finding,) = (await _draft(lab, (MigModeAsBefore(MODE, CARD, "rolled back"),))).blocked
    assert "2g.20gb at 2:2" in finding.fact


async def test_a_guest_keeps_its_instance(lab: Lab) -> None:
    await _apply(lab, _carved())
    uuids = {each.uuid for each in (await lab.observed()).require(mediated.PROBE).devices.values()}
    for number, uuid in enumerate(sorted(uuids)):
        lab.host.start_guest(uuid, f"vm{number}")
    draft = await _draft(lab, tuple(NoGpuInstance(key, CARD, "not wanted") for key in _instance_keys()))
    assert len(draft.blocked) == 4
    assert all("guest vm" in each.fact for each in draft.blocked)


async def test_who_comes_between_plan_and_change_is_named_and_the_change_goes_on_when_it_is_gone(lab: Lab) -> None:
    await _apply(lab, _carved()[:1])
    mode = MigMode(MODE, CARD, True, True)
    (work,) = (await _draft(lab, (mode,))).work.values()
    assert callable(work)
    pid = lab.host.add_process(("/opt/app/train",), ("/dev/nvidia1",))
    line = channel(lab.world.host(HOST), "laptop")
    failure = await drive(work(), line)
    await line.release()
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.BUSY
    assert f"process {pid} (train) has it open" in failure.detail
    found = mig.at(await lab.observed(), CARD)
    assert found
    assert (found.current, found.pending) == (False, True)
    assert MODE.local in (await lab.observed()).require(ours.PROBE).claims
    assert (await _apply(lab, (mode,))).outcome is Outcome.REFUSED
    lab.host.end(pid)
    assert (await _apply(lab, (mode,))).outcome is Outcome.DONE
    assert lab.host.machine.up.devices.mig == (GPU,)


async def test_a_document_that_leaves_mig_turns_our_functions_off_and_on_around_the_mode(lab: Lab) -> None:
    await _apply(lab, _carved())
    leaving = tuple(each for each in _undone() if isinstance(each, NoVgpu | NoGpuInstance))
    gone = tuple(each.key for each in leaving)
    sliced = slots.key(HOST, CARD, "A100D-40C", 0)
    wanted = (
        *leaving,
        MigMode(MODE, CARD, False, True, gone),
        VirtualFunctions(FUNCTIONS, CARD, 1, (MODE,)),
        Vgpu(sliced, CARD, "A100D-40C", 2, (), (FUNCTIONS, MODE)),
    )
    assert (await _apply(lab, wanted)).outcome is Outcome.DONE
    devices = (await lab.observed()).require(mediated.PROBE).devices.values()
    assert [each.type_id for each in devices] == ["nvidia-697"]
    claims = (await lab.observed()).require(ours.PROBE).claims
    assert MODE.local not in claims
    assert FUNCTIONS.local in claims
    assert not (await _draft(lab, wanted)).plan.stages
