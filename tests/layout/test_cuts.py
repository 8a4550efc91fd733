"""An explicit cut against the GPUs that are there: slots, or every reason why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve import catalog
from gpucarve.facts import pci
from gpucarve.facts.observed import Unknown
from gpucarve.layout.cuts import lay_out
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Slot
from gpucarve.model.findings import Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.spec import Cut, EveryGpu
from gpucarve.spec.selectors import GpuAt
from tests.resources.sights import GPU, HOST, OTHER_GPU, Sight, functions, without

NOWHERE = PciAddress.parse("0000:ff:00.0")
TWO_OF = (Slot("A100D-40C", 0, 2), Slot("A100D-40C", 1, 2))


def _cut(selector: PciAddress | None, **counts: int) -> Cut:
    named = {name.replace("_", "-"): count for name, count in counts.items()}
    return Cut.model_construct(gpu=EveryGpu() if selector is None else GpuAt(selector), vgpu=named)


def _laid_out(*cuts: Cut, sight: Sight | None = None) -> HostLayout:
    found = lay_out(cuts, (sight or Sight()).observed(), catalog.load())
    assert isinstance(found, HostLayout), found
    return found


def _refused(*cuts: Cut, sight: Sight | None = None) -> list[str]:
    found = lay_out(cuts, (sight or Sight()).observed(), catalog.load())
    assert not isinstance(found, HostLayout), found
    assert all(each.target == HOST and each.check == "layout" for each in found)
    assert all(each.fix or each.verdict is Verdict.UNKNOWN for each in found)
    return [each.sentence() for each in found]


def test_a_gpu_named_by_its_address_gets_its_slots_and_no_other_gpu_any() -> None:
    assert _laid_out(_cut(GPU, A100D_40C=2)) == HostLayout((GpuLayout(GPU, CutKind.VGPU, False, True, slots=TWO_OF),))


def test_the_vgpus_of_a_type_are_numbered_from_nought_and_know_how_many_the_gpu_holds() -> None:
    (found,) = _laid_out(_cut(GPU, A100D_40C=1)).gpus
    assert [slot.number for slot in found.slots] == [0]
    assert _laid_out(_cut(GPU, A100D_20C=2)).gpus[0].slots[1] == Slot("A100D-20C", 1, 4)


def test_two_gpus_are_laid_out_in_the_order_of_their_addresses() -> None:
    found = _laid_out(_cut(GPU, A100D_40C=2), _cut(OTHER_GPU, A100D_20C=1))
    assert [each.gpu for each in found.gpus] == [OTHER_GPU, GPU]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_entry_for_all_is_for_those_that_no_other_entry_names_wherever_it_stands(order: tuple[int, int]) -> None:
    cuts = (_cut(None, A100D_20C=1), _cut(GPU, A100D_40C=2))
    found = _laid_out(*(cuts[place] for place in order))
    assert [(each.gpu, each.slots[0].type_name) for each in found.gpus] == [
        (OTHER_GPU, "A100D-20C"),
        (GPU, "A100D-40C"),
    ]


def test_a_named_gpu_that_cannot_be_cut_is_told_once_also_beside_an_entry_for_all() -> None:
    assert len(_refused(_cut(GPU, A40_8Q=1), _cut(None, A100D_40C=1))) == 1


def test_an_address_without_a_gpu_is_refused_with_those_that_are_there() -> None:
    (found,) = _refused(_cut(NOWHERE, A100D_40C=1))
    assert "no NVIDIA GPU at 0000:ff:00.0" in found
    assert f"{OTHER_GPU} (NVIDIA A100 PCIe 80GB), {GPU} (NVIDIA A100 PCIe 80GB)" in found


def test_a_host_without_a_gpu_is_refused_whatever_its_cut_is_for() -> None:
    assert "no NVIDIA GPU" in _refused(_cut(None, A100D_40C=1), sight=Sight(functions=()))[0]
    assert _refused(_cut(GPU, A100D_40C=1), sight=Sight(functions=())) == [
        f"{HOST}: there is no NVIDIA GPU at {GPU} — its GPUs: none — correct the address"
    ]


def test_a_gpu_that_the_catalog_does_not_know_is_not_guessed_at() -> None:
    unknown = Sight(functions=without(functions(0), device="ffff"))
    (found,) = lay_out((_cut(GPU, A100D_40C=1),), unknown.observed(), catalog.load())  # type: ignore[misc]  # findings
    assert found.verdict is Verdict.UNKNOWN
    assert "device ffff, subsystem 1533" in found.fact


def test_a_gpu_whose_vgpus_need_no_virtual_functions_is_refused() -> None:
    t4 = Sight(functions=without(functions(0), device="1eb8", subsystem="12a2"))
    assert "does not make vGPUs on virtual functions" in _refused(_cut(GPU, T4_8Q=1), sight=t4)[0]


@pytest.mark.parametrize("name", ["A40_8Q", "A100_20C", "Z9_1Q"])
def test_a_type_of_another_board_is_refused_with_what_the_gpu_offers(name: str) -> None:
    (found,) = _refused(_cut(GPU, **{name: 1}))
    assert f"does not offer {name.replace('_', '-')}" in found
    assert "A100D-40C" in found


def test_sizes_that_differ_on_one_gpu_are_refused() -> None:
    assert "A100D-40C and A100D-20C differ in framebuffer size" in _refused(_cut(GPU, A100D_40C=1, A100D_20C=1))[0]


def test_more_than_a_gpu_holds_are_refused_with_both_numbers() -> None:
    assert "holds 2 of A100D-40C, 3 are asked for" in _refused(_cut(GPU, A100D_40C=3))[0]


def test_every_reason_is_told_at_once() -> None:
    assert len(_refused(_cut(GPU, A100D_40C=3), _cut(OTHER_GPU, A40_8Q=1), _cut(NOWHERE, A100D_40C=1))) == 3


def test_a_bus_that_cannot_be_read_is_no_empty_bus() -> None:
    (found,) = lay_out((_cut(GPU, A100D_40C=1),), Sight(functions=Unknown("why")).observed(), catalog.load())  # type: ignore[misc]  # findings
    assert found.verdict is Verdict.UNKNOWN
    assert "why" in found.fact


def test_a_function_of_nvidia_that_is_no_gpu_is_left_out_of_an_entry_for_all() -> None:
    audio = replace(functions(0)[1], address=PciAddress.parse("0000:17:00.1"), device_class="0403")
    assert isinstance(audio, pci.Function)
    found = _laid_out(_cut(None, A100D_40C=1), sight=Sight(functions=(*functions(0), audio)))
    assert [each.gpu for each in found.gpus] == [OTHER_GPU, GPU]
