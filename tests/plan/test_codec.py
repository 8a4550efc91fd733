"""A plan as JSON and back, and every kind of damage."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from gpucarve.calls.predicates import Absent, AtLeast, Equals, LinksTo, Sha256
from gpucarve.errors import PlanError
from gpucarve.model.changes import (
    Action,
    Assumption,
    Compensate,
    Disruption,
    DisruptionKind,
    Irreversible,
    NothingToUndo,
    PutBack,
    Undo,
)
from gpucarve.model.hosts import Target
from gpucarve.plan import codec
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.plan.rollouts import LeftOut, SiteRollout
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import (
    driver_blacklist,
    kernel_arguments,
    modules_load,
    slots,
    vfio_binding,
    virtual_functions,
    whole_gpu,
)
from gpucarve.resources.host.driver_blacklist import DriverBlacklist, DriverBlacklistAsBefore
from gpucarve.resources.host.kernel_arguments import KernelArguments, KernelArgumentsAsBefore
from gpucarve.resources.host.modules_load import ModulesLoad, ModulesLoadAsBefore
from gpucarve.resources.host.vfio_binding import NoVfioBinding, VfioBinding
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions
from gpucarve.resources.host.whole_gpu import WholeGpu
from gpucarve.resources.kube import allocatable, node_label
from gpucarve.resources.kube.allocatable import Allocatable
from gpucarve.resources.kube.node_label import NodeLabel
from gpucarve.resources.order import Stage
from tests.resources.sights import GPU, HOST, OTHER_GPU, TYPE

CLUSTER = Target("lab", "kube:main")
AWAY = Target("lab", "gpu-9")
SLOT = slots.key(HOST, GPU, TYPE, 0)
RESOURCES: tuple[Resource, ...] = (
    KernelArguments(kernel_arguments.key(HOST), ("intel_iommu=on", "iommu=pt")),
    KernelArgumentsAsBefore(kernel_arguments.key(HOST), ("iommu=pt",), "ro quiet", "0" * 64, "rolled back", (SLOT,)),
    DriverBlacklist(driver_blacklist.key(HOST), ("nouveau",)),
    DriverBlacklistAsBefore(driver_blacklist.key(HOST), "rolled back", (SLOT,)),
    ModulesLoad(modules_load.key(HOST), ("vfio_pci",)),
    ModulesLoadAsBefore(modules_load.key(HOST), "rolled back"),
    VfioBinding(vfio_binding.key(HOST, GPU), GPU, (GPU, OTHER_GPU), (SLOT,)),
    NoVfioBinding(vfio_binding.key(HOST, GPU), GPU, "rolled back"),
    VirtualFunctions(virtual_functions.key(HOST, GPU), GPU, 2),
    NoVirtualFunctions(virtual_functions.key(HOST, GPU), GPU, "rolled back", (SLOT,)),
    Vgpu(SLOT, GPU, TYPE, 2),
    AdoptedVgpu(SLOT, GPU, TYPE),
    NoVgpu(SLOT, GPU, "rolled back"),
    WholeGpu(whole_gpu.key(HOST, GPU), GPU, (SLOT,)),
    NodeLabel(node_label.key(CLUSTER, "gpu-1", "a/b"), "gpu-1", "a/b", "c", (SLOT,)),
    Allocatable(allocatable.key(CLUSTER, "gpu-1", "nvidia.com/gpu"), "gpu-1", "nvidia.com/gpu", 2, (SLOT,), 60),
)
PREDICATES = (Equals("/a", "b"), Absent("/a"), LinksTo("/a", "b"), AtLeast("/a", 1), Sha256.of("/a", b"b"))


def _step(undo: Undo) -> Step:
    disruption = Disruption(DisruptionKind.GPU_RESET, str(GPU))
    assumes = (Assumption("f", "k", "v"),)
    return Step(SLOT, Action.CREATE, "none", "some", "why", True, PREDICATES, undo, disruption, assumes, (SLOT,))


UNDO: tuple[Undo, ...] = (PutBack(("/a", "/b")), Compensate("none"), Irreversible("firmware"), NothingToUndo())
PLAN = Plan(
    "lab",
    "digest",
    Purpose.APPLY,
    RESOURCES,
    (StagePlan(HOST, Stage.CREATE_VGPUS, tuple(_step(undo) for undo in UNDO)),),
    (SiteRollout("lab", (HOST, AWAY), 0, 2, 3, (LeftOut(AWAY, ("it does not answer",)),)),),
)


@pytest.fixture
def data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(codec.to_data(PLAN)))
    return found


def test_every_resource_predicate_and_way_back_survives_json(data: dict[str, Any]) -> None:
    assert codec.from_data(data) == PLAN


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("stage", list(Stage))
def test_every_purpose_and_stage_survives_json(purpose: Purpose, stage: Stage) -> None:
    plan = replace(PLAN, purpose=purpose, stages=(StagePlan(HOST, stage, ()),))
    assert codec.from_data(json.loads(json.dumps(codec.to_data(plan)))) == plan


def test_a_digest_names_the_content() -> None:
    assert codec.digest(PLAN) == codec.digest(replace(PLAN))
    assert codec.digest(PLAN) != codec.digest(replace(PLAN, document="another"))
    assert len(codec.digest(PLAN)) == 64


def test_a_plan_names_what_cannot_be_undone_and_its_barrier(data: dict[str, Any]) -> None:
    assert [step.undo for step in PLAN.irreversible] == [Irreversible("firmware")]
    assert data["stages"][0]["barrier"] == ""
    (stage,) = codec.to_data(replace(PLAN, stages=(StagePlan(HOST, Stage.BOOT, ()),)))["stages"]
    assert stage["barrier"] == "the host has rebooted"


@pytest.mark.parametrize(
    "other",
    [None, [], "plan", 7, {}, {"kind": "Plan"}, {"kind": "Fleet", "apiVersion": codec.API_VERSION}],
)
def test_what_is_no_plan_is_refused(other: object) -> None:
    with pytest.raises(PlanError, match="not a plan"):
        codec.from_data(other)


def test_a_plan_of_another_version_is_refused_with_what_to_do(data: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match=r"made by version 9\.9") as caught:
        codec.from_data(data | {"madeBy": "9.9"})
    assert "gpucarve plan --out" in caught.value.hint


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to everything in a plan below its head."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        found += _places(item, (*path, name))
    return found


def _owner(data: Any, place: tuple[str | int, ...]) -> Any:
    for name in place[:-1]:
        data = data[name]
    return data


def _read(data: Any) -> Plan | None:
    """The plan that is read from it; None when it is refused, which always says what to do."""
    try:
        return codec.from_data(data)
    except PlanError as error:
        return None if "gpucarve plan" in error.hint else PLAN


def test_a_plan_from_which_anything_was_taken_is_refused_or_is_another_plan(data: dict[str, Any]) -> None:
    refused = 0
    for place in _places(data):
        damaged = copy.deepcopy(data)
        del _owner(damaged, place)[place[-1]]
        found = _read(damaged)
        assert found != PLAN or place[-1] == "barrier", place
        refused += found is None
    assert refused > 50


@pytest.mark.parametrize("junk", [None, 7, "junk", [], ["junk"], {}, {"is": "Run", "argv": ["rm"]}, {"junk": 1}])
def test_a_plan_in_which_anything_was_replaced_is_refused_or_another_plan_and_never_a_crash(
    data: dict[str, Any], junk: object
) -> None:
    for place in _places(data):
        damaged = copy.deepcopy(data)
        owner = _owner(damaged, place)
        if owner[place[-1]] != junk:
            owner[place[-1]] = junk
            assert _read(damaged) != PLAN or place[-1] == "barrier", place


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("undo", {"nothing": "known"}),
        ("undo", {"putBack": "/a"}),
        ("undo", []),
        ("preconditions", [{"is": "Run", "argv": ["rm"], "stdin": {"text": ""}, "deadline": 1, "limit": 1}]),
        ("preconditions", {"is": "Absent", "path": "/a"}),
        ("preconditions", [{"is": "Absent"}]),
        ("action", "explode"),
        ("disruption", {"kind": "none"}),
        ("needs", ["nobody"]),
        ("key", "lab/gpu-1"),
    ],
)
def test_a_step_of_this_form_is_damage(data: dict[str, Any], place: str, value: object) -> None:
    data["stages"][0]["steps"][0][place] = value
    with pytest.raises(PlanError, match="damaged"):
        codec.from_data(data)


@pytest.mark.parametrize(
    "change", [{"type": "Rootkit"}, {"capacity": "2"}, {"capacity": True}, {"extra": 1}, {"gpu": "gpu"}, {"needs": "x"}]
)
def test_a_resource_of_this_form_is_damage(data: dict[str, Any], change: dict[str, object]) -> None:
    slot = next(each for each in data["resources"] if each["type"] == "Vgpu")
    slot |= change
    with pytest.raises(PlanError, match="damaged"):
        codec.from_data(data)


def test_a_plan_that_is_nested_without_end_is_damage(data: dict[str, Any]) -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    data["stages"][0]["steps"][0]["preconditions"] = deep
    with pytest.raises(PlanError, match="damaged"):
        codec.from_data(data)
