"""From layouts and claims to what has to stand on a plain Linux host, and what has to go."""

from __future__ import annotations

from typing import Any

import pytest

from gpucarve.facts.observed import Unknown, Unreadable
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Slot
from gpucarve.model.pci import PciAddress
from gpucarve.platforms import linux
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import NoVirtualFunctions, VirtualFunctions
from tests.resources.sights import GPU, OTHER_GPU, TYPE, Sight, claim

FUNCTIONS: dict[str, dict[str, Any]] = {
    f"virtual-functions@{GPU}": {"kind": "virtual-functions", "gpu": str(GPU), "enabled_before": 0}
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "kernel-arguments": {"kind": "kernel-arguments", "arguments": ["a=b"], "command_line": "ro", "written": "0" * 64}
}


def _layout(*counts: tuple[PciAddress, int]) -> HostLayout:
    return HostLayout(
        tuple(
            GpuLayout(gpu, CutKind.VGPU, slots=tuple(Slot(TYPE, number, 2) for number in range(count)))
            for gpu, count in counts
        )
    )


def _names(found: tuple[Any, ...]) -> list[str]:
    return [f"{type(each).__name__} {each.key.subject}".strip() for each in found]


def test_a_layout_becomes_arguments_functions_and_slots_that_need_each_other() -> None:
    found = linux.resources(_layout((OTHER_GPU, 1), (GPU, 2)), Sight().observed())
    assert _names(found) == [
        "KernelArguments",
        "BootUnit",
        f"VirtualFunctions {OTHER_GPU}",
        f"Vgpu {OTHER_GPU}#{TYPE}.0",
        f"VirtualFunctions {GPU}",
        f"Vgpu {GPU}#{TYPE}.0",
        f"Vgpu {GPU}#{TYPE}.1",
    ]
    for each in found:
        if isinstance(each, VirtualFunctions):
            assert each.needs == (found[0].key,)
        if isinstance(each, Vgpu):
            assert [key.kind for key in each.needs] == ["virtual-functions"]
            assert each.needs[0].subject == str(each.gpu)


def test_a_slot_that_the_layout_has_no_place_for_has_to_go() -> None:
    sight = Sight(claims=claim(0) | claim(1) | FUNCTIONS | ARGUMENTS)
    gone = [each for each in linux.resources(_layout((GPU, 1)), sight.observed()) if isinstance(each, NoVgpu)]
    assert [(each.key.subject, each.reason) for each in gone] == [
        (f"{GPU}#{TYPE}.1", "the document no longer asks for it")
    ]


def test_of_a_gpu_that_the_layout_leaves_out_everything_of_ours_has_to_go() -> None:
    sight = Sight(claims=claim(0) | claim(1) | FUNCTIONS | ARGUMENTS)
    found = linux.resources(_layout((OTHER_GPU, 1)), sight.observed())
    assert _names(found)[4:] == [f"NoVgpu {GPU}#{TYPE}.0", f"NoVgpu {GPU}#{TYPE}.1", f"NoVirtualFunctions {GPU}"]
    assert found[-1].needs == (found[-3].key, found[-2].key)


def test_a_layout_that_has_a_place_for_all_of_ours_lets_none_go() -> None:
    sight = Sight(claims=claim(0) | claim(1) | FUNCTIONS | ARGUMENTS)
    found = linux.resources(_layout((GPU, 2)), sight.observed())
    assert not [each for each in found if isinstance(each, NoVgpu | NoVirtualFunctions)]


def test_the_way_back_is_read_from_the_claims_alone() -> None:
    sight = Sight(claims=claim(0) | claim(1) | FUNCTIONS | ARGUMENTS)
    found = linux.resources_before(sight.observed())
    assert _names(found) == [
        f"NoVgpu {GPU}#{TYPE}.0",
        f"NoVgpu {GPU}#{TYPE}.1",
        f"NoVirtualFunctions {GPU}",
        "KernelArgumentsAsBefore",
    ]
    assert found[2].needs == (found[0].key, found[1].key)
    assert found[3].needs == tuple(each.key for each in found[:3])
    assert {each.reason for each in found if isinstance(each, NoVgpu | NoVirtualFunctions)} == {"rolled back"}


def test_a_host_without_claims_has_no_way_to_go_back() -> None:
    assert linux.resources_before(Sight().observed()) == ()


@pytest.mark.parametrize(
    "claims",
    [
        {"kernel-arguments": {}},
        {"kernel-arguments": ARGUMENTS["kernel-arguments"] | {"arguments": "a=b"}},
        {f"virtual-functions@{GPU}": {"kind": "mig"}},
        {"virtual-functions@gpu": {"kind": "virtual-functions"}},
        {"vgpu@0000:65:00.0": {"kind": "vgpu"}},
        {"vgpu@0000:65:00.0#x": {"kind": "vgpu"}},
        {"vgpu@gpu#A100D-40C.0": {"kind": "vgpu"}},
        {"vgpu@ #A100D-40C.0": {"kind": "vgpu"}},
        {"vgpu@65:00.0#A100D-40C.0": {"kind": "vgpu"}},
        {"vgpu@0000:65:00.0#A100D-40C.00": {"kind": "vgpu"}},
    ],
)
def test_claims_that_somebody_edited_or_another_version_wrote_are_never_guessed_at(
    claims: dict[str, dict[str, Any]],
) -> None:
    with pytest.raises(Unreadable, match=next(iter(claims)).replace("#", ".")):
        linux.resources_before(Sight(claims=claims).observed())


@pytest.mark.parametrize("sight", [Sight(boot=Unknown("why")), Sight(claims=Unknown("why"))])
def test_nothing_is_planned_on_a_host_whose_processor_or_claims_cannot_be_read(sight: Sight) -> None:
    with pytest.raises(Unreadable, match="why"):
        linux.resources(_layout((GPU, 1)), sight.observed())
