"""Drivers and tools that a draft counts on: missing, too old for the GPU, or none of its business."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve.checks import drivers
from gpucarve.facts.driver import Driver
from gpucarve.model.changes import Action, Disruption, NothingToUndo
from gpucarve.model.hosts import ResourceKey
from gpucarve.plan.plans import Step
from gpucarve.resources.host import gpu_instance, kernel_arguments, mig_mode, slots, vfio_binding, virtual_functions
from tests.resources.sights import GPU, HOST, OTHER_GPU, TYPE, Sight, functions, without

WHOLE = Driver("525.105.14", sriov_manage=True, mdevctl=True, update_grub=True, nvidia_smi=True)
FUNCTIONS, SLOT = (virtual_functions.KIND, str(GPU)), (slots.KIND, f"{GPU}#{TYPE}.0")
MODE, INSTANCE = (mig_mode.KIND, str(GPU)), (gpu_instance.KIND, f"{GPU}#3g.40gb@0:4")
H100, RTX_PRO = ("2331", "1626"), ("2bb5", "204e")


def _facts(
    *kinds: tuple[str, str], tools: Driver = WHOLE, action: Action = Action.CREATE, gpu: object = None
) -> list[str]:
    steps = [
        Step(ResourceKey(HOST, *each), action, "", "", "", False, (), NothingToUndo(), Disruption(), (), ())
        for each in kinds
    ]
    device, subsystem = gpu if isinstance(gpu, tuple) else ("20b5", "1533")
    seen = without(functions(), device=device, subsystem=subsystem)
    found = list(drivers.findings(steps, Sight(driver=tools, functions=seen).observed()))
    assert all(each.fix and each.rule for each in found)
    return [f"{each.fact}: {each.rule}" for each in found]


@pytest.mark.parametrize("kinds", [(FUNCTIONS, SLOT), (MODE, INSTANCE), (MODE, FUNCTIONS, INSTANCE, SLOT)])
def test_a_driver_with_all_its_tools_is_enough(kinds: tuple[tuple[str, str], ...]) -> None:
    assert _facts(*kinds) == []


@pytest.mark.parametrize(
    ("tools", "kinds", "missing"),
    [
        (replace(WHOLE, sriov_manage=False), (FUNCTIONS, SLOT), "/usr/lib/nvidia/sriov-manage is missing"),
        (replace(WHOLE, nvidia_smi=False), (MODE,), "nvidia-smi is missing"),
        (replace(WHOLE, mdevctl=False), (SLOT,), "mdevctl is missing"),
        (replace(WHOLE, sriov_manage=False, nvidia_smi=False), (MODE, FUNCTIONS), "sriov-manage is missing"),
    ],
)
def test_a_tool_that_is_missing_is_named_once(tools: Driver, kinds: tuple[tuple[str, str], ...], missing: str) -> None:
    (fact,) = _facts(*kinds, tools=tools)
    assert missing in fact


@pytest.mark.parametrize("kind", [kernel_arguments.KIND, vfio_binding.KIND])
def test_what_is_not_the_drivers_work_needs_none(kind: str) -> None:
    assert _facts((kind, str(GPU)), tools=Driver("", False, False, False)) == []


def test_what_is_taken_away_needs_no_newer_driver() -> None:
    assert _facts(SLOT, tools=Driver("", False, False, False), action=Action.REMOVE) == []


@pytest.mark.parametrize(
    ("gpu", "version", "kinds", "said"),
    [
        (H100, "510.108.03", (FUNCTIONS, SLOT), "release 15.0 is the first for it"),
        (H100, "525.105.14", (FUNCTIONS, SLOT), ""),
        (H100, "510.108.03", (MODE, INSTANCE), ""),
        (RTX_PRO, "570.86.15", (MODE,), "it needs 575.57.08 or newer"),
        (RTX_PRO, "580.65.06", (MODE,), ""),
        (("ffff", "ffff"), "400.1", (MODE,), ""),
    ],
)
def test_a_driver_older_than_the_gpu_is_told_with_the_first_that_fits(
    gpu: tuple[str, str], version: str, kinds: tuple[tuple[str, str], ...], said: str
) -> None:
    found = _facts(*kinds, tools=replace(WHOLE, version=version), gpu=gpu)
    assert [said in each for each in found] == [True] * bool(said)


def test_the_driver_of_one_gpu_is_not_measured_by_another() -> None:
    other = (virtual_functions.KIND, str(OTHER_GPU))
    assert _facts(other, tools=replace(WHOLE, version="510.108.03"), gpu=H100) == []


def test_a_driver_that_is_installed_and_not_loaded_yet_has_no_version_to_judge() -> None:
    assert _facts(FUNCTIONS, SLOT, tools=replace(WHOLE, version=""), gpu=H100) == []
