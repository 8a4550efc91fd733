"""Which GPU gets which entry: by address or index before by model before all the rest."""

from __future__ import annotations

from itertools import permutations

import pytest

from gpucarve.layout.layouts import CutKind
from gpucarve.spec import Cut
from tests.layout.hosts import cut, function, host, laid_out, refused

A100, QUADRO, T4 = "0000:17:00.0", "0000:3b:00.0", "0000:65:00.0"
NAMES = ((T4, "T4"), (A100, "A100-80"), (QUADRO, "RTX 6000"))
# Found on the bus in another order than their addresses'.
HOST = host(*(function(at, name, iommu_group=number) for number, (at, name) in enumerate(NAMES)))
WHOLE, AWAY = {"whole": True}, {"passthrough": True}


def _kinds(*cuts: Cut) -> dict[str, str]:
    return {str(each.gpu): each.kind.value for each in laid_out(HOST, *cuts)}


def test_an_index_counts_the_gpus_in_the_order_of_their_addresses() -> None:
    assert _kinds(cut(1, **AWAY)) == {QUADRO: "passthrough"}


@pytest.mark.parametrize("word", ["a100-pcie-80gb", "A100D", "NVIDIA A100 PCIe 80GB", "20b5"])
def test_a_model_is_found_under_each_of_its_names(word: str) -> None:
    assert _kinds(cut(word, **WHOLE)) == {A100: "whole"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_narrowest_entry_wins_wherever_it_stands(order: tuple[int, ...]) -> None:
    cuts = (cut(T4, **AWAY), cut("A100D", mig={"7g.80gb": 1}), cut("all", **WHOLE))
    expected = {A100: "mig", QUADRO: "whole", T4: "passthrough"}
    assert _kinds(*(cuts[place] for place in order)) == expected


def test_an_index_comes_before_a_model() -> None:
    assert _kinds(cut("A100D", **WHOLE), cut(0, **AWAY)) == {A100: "passthrough"}


def test_gpus_that_no_entry_is_for_are_left_alone() -> None:
    assert _kinds(cut(A100, **WHOLE)) == {A100: "whole"}


@pytest.mark.parametrize(
    ("first", "second"), [(A100, 0), ("A100D", "20b5"), (A100, A100), (0, 0)], ids=["index", "model", "same", "number"]
)
def test_a_gpu_that_two_entries_choose_is_refused_with_both(first: str | int, second: str | int) -> None:
    (found,) = refused(HOST, cut(first, **WHOLE), cut(second, **AWAY))
    assert found.fact == f"{A100} is chosen by `{first}` and by `{second}`"


MISSING = {
    "an address": ("0000:99:00.0", "there is no NVIDIA GPU at 0000:99:00.0"),
    "an index": (3, "there is no GPU 3: it has 3 GPUs, and the first is 0"),
    "a model": ("A30", "none of its GPUs is called A30"),
}


@pytest.mark.parametrize(("selector", "fact"), MISSING.values(), ids=MISSING)
def test_an_entry_for_no_gpu_of_the_host_is_refused_with_those_that_are_there(selector: str | int, fact: str) -> None:
    (found,) = refused(HOST, cut(selector, **WHOLE))
    assert found.fact == fact
    assert f"{A100} (NVIDIA A100 PCIe 80GB), {QUADRO} (Quadro RTX 6000), {T4} (Tesla T4)" in found.rule


def test_an_address_of_another_device_of_nvidia_s_is_refused_as_such() -> None:
    switch = function("0000:04:00.0", "1af1", device_class="0680")
    (found,) = refused(host(function(A100, "A100-80"), switch), cut("0000:04:00.0", **WHOLE))
    assert found.fact == "0000:04:00.0 is no GPU but a device of class 0680"


def test_every_kind_has_its_layout() -> None:
    kinds = [
        CutKind(word) for word in _kinds(cut(A100, vgpu={"A100D-40C": 1}), cut(1, **AWAY), cut("T4", **WHOLE)).values()
    ]
    assert kinds == [CutKind.VGPU, CutKind.PASSTHROUGH, CutKind.WHOLE]
