"""Who is in reach of a disruption: guests, processes and devices that were given away, and who is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve.checks import occupancy
from gpucarve.facts import users
from gpucarve.facts.users import User, Users
from gpucarve.model.changes import Action, Disruption, DisruptionKind, NothingToUndo
from gpucarve.model.findings import Finding
from gpucarve.model.hosts import ResourceKey
from gpucarve.plan.plans import Purpose, Step
from gpucarve.resources.host import instances
from tests.resources.sights import FOREIGN, GPU, HOST, OTHER_GPU, VFS, Sight, functions, vgpus

TRAINING, DAEMON, GUEST = User(7, "", "", "python3"), User(8, "", "nvidia-dcgm"), User(9, "vm-7")
RESET = Disruption(DisruptionKind.GPU_RESET, str(GPU))
REBOOT = Disruption(DisruptionKind.REBOOT, "host")


def _step(disruption: Disruption, action: Action = Action.CHANGE) -> Step:
    key = ResourceKey(HOST, "reboot" if action is Action.REBOOT else "mig-mode", str(GPU))
    return Step(key, action, "", "", "", False, (), NothingToUndo(), disruption, (), ())


def _found(sight: Sight, step: Step) -> list[Finding]:
    return list(occupancy.findings(step, Purpose.APPLY, sight.observed()))


def _held(*holders: User, on: object = GPU) -> Sight:
    return Sight(users=Users(by_gpu={on: holders}))  # type: ignore[dict-item]  # an address


@pytest.mark.parametrize(
    ("disruption", "count"),
    [
        (RESET, 1),
        (Disruption(DisruptionKind.DRIVER_RELOAD, str(GPU)), 1),
        (Disruption(DisruptionKind.GPU_RESET, str(OTHER_GPU)), 0),
        (Disruption(DisruptionKind.SERVICE, "host"), 0),
        (Disruption(), 0),
    ],
)
def test_a_process_is_in_the_way_of_what_disturbs_its_gpu(disruption: Disruption, count: int) -> None:
    found = _found(_held(TRAINING), _step(disruption))
    assert [each.fact for each in found] == [f"{GPU} is used by process 7 (python3)"] * count
    assert all("change of mig-mode disturbs it" in each.rule and each.fix for each in found)


def test_a_known_service_is_in_nobodys_way() -> None:
    assert _found(_held(DAEMON), _step(RESET)) == []
    assert len(_found(_held(DAEMON, TRAINING), _step(RESET))) == 1


def test_a_guest_that_has_the_gpu_itself_is_named_by_its_group() -> None:
    sight = Sight(users=Users(by_group={12: (GUEST,), 99: (TRAINING,)}))
    (found,) = _found(sight, _step(RESET))
    assert found.fact == f"{GPU} is used by guest vm-7"


def test_a_gpu_in_no_group_has_no_guest() -> None:
    alone = tuple(replace(each, iommu_group=None) for each in functions())
    assert _found(Sight(functions=alone, users=Users(by_group={12: (GUEST,)})), _step(RESET)) == []


@pytest.mark.parametrize("gpu", [GPU, OTHER_GPU])
def test_a_reboot_disturbs_every_gpu_of_the_host(gpu: object) -> None:
    (found,) = _found(_held(TRAINING, on=gpu), _step(REBOOT, Action.REBOOT))
    assert found.rule == "the reboot disturbs it: reboot of host"


def test_a_vgpu_in_use_is_named_with_its_gpu_and_its_guest() -> None:
    sight = Sight(mediated=vgpus({FOREIGN: VFS[0]}, users=(users.User(41, "vm-7"),)))
    (found,) = _found(sight, _step(RESET))
    assert found.fact == f"vGPU {FOREIGN} on {GPU} is used by guest vm-7"
    assert _found(sight, _step(Disruption(DisruptionKind.GPU_RESET, str(OTHER_GPU)))) == []


@pytest.mark.parametrize(("action", "warned"), [(Action.REMOVE, True), (Action.CREATE, False), (Action.RELEASE, False)])
def test_a_process_on_a_gpu_of_which_an_instance_goes_is_a_warning(action: Action, warned: bool) -> None:
    """It may run in one that stays, and the driver refuses to take away the one that it runs in."""
    key = ResourceKey(HOST, instances.KIND, f"{GPU}#3g.40gb@0:4")
    step = Step(key, action, "", "", "", False, (), NothingToUndo(), Disruption(), (), ())
    assert [(each.fact, each.warning) for each in _found(_held(TRAINING, DAEMON), step)] == [
        (f"{GPU} is used by process 7 (python3)", True)
    ] * warned
    assert _found(_held(TRAINING, on=OTHER_GPU), step) == []


@pytest.mark.parametrize("start", ["manual", "auto"])
def test_a_reboot_loses_others_vgpus_also_those_that_mdevctl_means_to_start_by_itself(start: str) -> None:
    """Debian 12's rule of udev names a program that is not there, so what is defined `auto` need not come back."""
    made = vgpus({FOREIGN: VFS[0]}, {FOREIGN: VFS[0]})
    definitions = {uuid: replace(each, start=start) for uuid, each in made.definitions.items()}
    sight = Sight(mediated=replace(made, definitions=definitions))
    found = _found(sight, _step(REBOOT, Action.REBOOT))
    assert [each.fact for each in found] == [f"vGPU {FOREIGN} on {VFS[0]} would be lost"]
    assert not found[0].warning
