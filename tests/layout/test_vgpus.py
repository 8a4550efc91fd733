"""MIG-backed vGPUs bring their instances; limits of boards, instances, virtual functions; none on NVSwitch boards."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from gpucarve import catalog
from gpucarve.catalog import VgpuMode
from gpucarve.layout.layouts import CutKind, GpuLayout, Slot
from gpucarve.model.findings import Verdict
from tests.layout.hosts import GPU, card, cut, function, host, laid_out, refused, spots, standing

KNOWN = catalog.load()
SWITCH = function("0000:04:00.0", "1af1", device_class="0680", iommu_group=2)


def _slots(layout: GpuLayout) -> list[str]:
    return [f"{each.type_name}.{each.number} of {each.capacity}" for each in layout.slots]


@pytest.mark.parametrize("order", sorted(permutations({"A100D-2-20C": 3, "A100D-1-10C": 1}.items())))
def test_mig_backed_types_bring_an_instance_each_which_the_guest_fills(order: tuple[tuple[str, int], ...]) -> None:
    (found,) = laid_out(card("A100-80", total_vfs=20), cut(vgpu=dict(order)))
    assert (found.kind, found.mig_mode, found.mode_takes_reset) == (CutKind.VGPU, True, True)
    assert spots(found) == ["2g.20gb@0:2", "2g.20gb@2:2", "2g.20gb@4:2", "1g.10gb@6:1"]
    assert not any(each.compute for each in found.instances)
    assert _slots(found) == [*(f"A100D-2-20C.{number} of 4" for number in range(3)), "A100D-1-10C.0 of 4"]


def test_time_sliced_types_bring_none_and_are_numbered_whatever_the_document_s_order() -> None:
    one = laid_out(card("A40"), cut(vgpu={"A40-8Q": 2, "A40-8C": 1}))
    assert one == laid_out(card("A40"), cut(vgpu={"A40-8C": 1, "A40-8Q": 2}))
    assert one[0].instances == ()
    assert one[0].slots == (Slot("A40-8C", 0, 6), Slot("A40-8Q", 0, 6), Slot("A40-8Q", 1, 6))


def test_the_instances_of_vgpus_keep_their_places_too() -> None:
    seen = host(function(str(GPU), "A100-80"), told=[standing("1g.10gb@3:1")])
    assert spots(laid_out(seen, cut(vgpu={"A100D-1-10C": 1}))[0]) == ["1g.10gb@3:1"]


@pytest.mark.parametrize(
    ("desks", "instances"), [(2, ["1g.24gb+gfx@6:3"]), (3, ["1g.24gb+gfx@6:3", "1g.24gb+gfx@9:3"])]
)
def test_on_rtx_pro_vgpus_of_one_size_share_an_instance_whatever_their_series(desks: int, instances: list[str]) -> None:
    seen = card("RTX PRO 6000", total_vfs=48)
    (found,) = laid_out(seen, cut(vgpu={"DC-1-2Q": 10, "DC-1-2B": desks, "DC-2-24Q": 2}))
    assert spots(found) == ["2g.48gb+gfx@0:6", *instances]
    assert {each.capacity for each in found.slots} == {2 + len(instances) * 12}


def test_on_rtx_pro_vgpus_of_two_sizes_do_not_share_one() -> None:
    (found,) = laid_out(card("RTX PRO 6000"), cut(vgpu={"DC-1-12Q": 1, "DC-1-8Q": 1}))
    assert spots(found) == ["1g.24gb+gfx@0:3", "1g.24gb+gfx@3:3"]
    assert {each.capacity for each in found.slots} == {2 + 3}


def test_instances_that_overlap_are_told_of_vgpus_as_of_mig() -> None:
    (found,) = refused(card("A100-80"), cut(vgpu={"A100D-3-40C": 2, "A100D-1-10C": 1}))
    assert "3g.40gb x2 take all 8 memory slices" in found.fact


def test_only_one_type_with_the_engines_that_a_card_has_once() -> None:
    (found,) = refused(card("A30"), cut(vgpu={"A30-1-6CME": 1, "A30-2-12CME": 1}))
    assert found.rule == "a GPU has at most 1 instance with +me"


def test_both_kinds_are_refused_on_one_gpu_and_fine_on_two() -> None:
    mixed = {"A100D-2-20C": 1, "A100D-40C": 1}
    (found,) = refused(card("A100-80"), cut(vgpu=mixed))
    assert "A100D-40C, which is time-sliced, and A100D-2-20C, which is MIG-backed" in found.fact
    two = host(function("0000:17:00.0", "A100-80"), function(str(GPU), "A100-80"))
    both = laid_out(two, *(cut(number, vgpu={name: 1}) for number, name in enumerate(mixed)))
    assert [each.mig_mode for each in both] == [True, False]


def test_two_sizes_are_refused_and_mixed_size_mode_is_said_to_be_off() -> None:
    (found,) = refused(card("A40"), cut(vgpu={"A40-8Q": 1, "A40-16Q": 1}))
    assert "mixed-size mode, which this release does not switch on" in found.rule


def test_a_mig_backed_type_of_another_board_is_answered_with_those_of_this_one() -> None:
    (found,) = refused(card("A100-80"), cut(vgpu={"A100-1-5C": 1}))
    assert "does not offer A100-1-5C" in found.fact
    assert "A100D-1-10C" in found.rule
    assert "A100D-10C" not in found.rule


def test_more_vgpus_than_the_host_has_virtual_functions_are_refused_with_both_numbers() -> None:
    (found,) = refused(card("RTX PRO 6000", total_vfs=12), cut(vgpu={"DC-1-2Q": 13}))
    assert "has 12 virtual functions, 13 vGPUs are asked for" in found.fact
    assert laid_out(card("RTX PRO 6000", total_vfs=12), cut(vgpu={"DC-1-2Q": 12}))


PLACED = [
    (gpu, each)
    for gpu in KNOWN.gpus()
    for board in gpu.boards
    for each in KNOWN.vgpu_types(board)
    if gpu.sriov_vgpu
    and gpu.id not in ("b200", "b300")
    and (each.mode is VgpuMode.TIME_SLICED or ((table := KNOWN.mig_table(gpu.id)) and table.memory_slices))
]


def test_of_every_type_as_many_fit_as_the_catalog_says_and_no_more() -> None:
    assert len(PLACED) > 500
    for gpu, each in PLACED:
        seen = card(gpu.device_ids[0], subsystem=(*gpu.subsystem_ids, "0000")[0])
        (found,) = laid_out(seen, cut(vgpu={str(each.name): each.max_per_gpu}))
        assert {slot.capacity for slot in found.slots} == {each.max_per_gpu}, each.name
        refused(seen, cut(vgpu={str(each.name): each.max_per_gpu + 1}))


def test_a_mig_backed_type_whose_card_has_no_known_places_is_not_guessed_at() -> None:
    (found,) = refused(card("2bb9"), cut(vgpu={"6000D-1-42Q": 1}))
    assert found.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("kind", [{"vgpu": {"A100DX-40C": 1}}, {"vgpu": {"A100DX-1-10C": 1}}, {"passthrough": True}])
def test_a_gpu_on_a_board_with_nvswitches_goes_to_no_vm(kind: dict[str, Any]) -> None:
    gpu = function(str(GPU), "A100-SXM")
    (found,) = refused(host(gpu, SWITCH), cut(**kind))
    assert "is on a board with NVSwitches (0000:04:00.0)" in found.fact
    assert isinstance(laid_out(host(gpu), cut(**kind)), tuple)


@pytest.mark.parametrize("device", ["2901", "3182"])
def test_gpus_that_are_on_no_other_board_need_no_switch_on_the_bus_to_tell(device: str) -> None:
    (found,) = refused(card(device), cut(passthrough=True))
    assert "is on a board with NVSwitches (such GPUs are on no other)" in found.fact


@pytest.mark.parametrize("kind", [{"mig": {"1g.10gb": 1}}, {"whole": True}])
def test_it_is_cut_for_containers_all_the_same(kind: dict[str, Any]) -> None:
    assert laid_out(host(function(str(GPU), "A100-SXM"), SWITCH), cut(**kind))


def test_a_chip_that_is_on_no_such_board_is_not_held_up_by_switches_of_others() -> None:
    t4 = function(str(GPU), "T4")
    assert laid_out(host(t4, SWITCH), cut(passthrough=True))[0].functions == (GPU,)
