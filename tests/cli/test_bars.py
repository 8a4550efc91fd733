"""A GPU's drawing: rows in, cells out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gpucarve.cli.views.bars import bar
from gpucarve.cli.views.gpus import Companion, GpuRow, Instance, Slice
from gpucarve.cli.views.status import words
from gpucarve.cli.views.text import Style

PLAIN = Style(100)
GPU = GpuRow("0000:17:00.0", "NVIDIA A100 PCIe 80GB", "10de:20b5 1533", "nvidia", 4, 16, 16, True, memory_slices=8)
MIG = replace(GPU, mig=True, mig_pending=True)


def _vgpu(name: str, most: int, *, profile: str = "", owned: bool = True) -> Slice:
    return Slice(name, f"uuid of {name}", "0000:17:00.4", owned, (), most, profile)


def _time_sliced(name: str, most: int, number: int) -> GpuRow:
    return replace(GPU, slices=(_vgpu(name, most),) * number)


def _cut(*instances: Instance) -> GpuRow:
    return replace(MIG, instances=instances, slices=tuple(each.vgpu for each in instances if each.vgpu))


TWO, ONE = _vgpu("A100D-2-20C", 3, profile="2g.20gb"), _vgpu("A100D-1-10C", 7, profile="1g.10gb")
MIG_BACKED = _cut(
    Instance("2g.20gb", 0, 2, 0, TWO),
    Instance("2g.20gb", 2, 2, 0, TWO),
    Instance("2g.20gb", 4, 2, 0, TWO),
    Instance("1g.10gb", 6, 1, 0, ONE),
)
FUNCTIONS = tuple(Companion(f"0000:21:00.{number}", "vfio-pci") for number in range(4))

CONTAINER = _cut(Instance("3g.40gb", 0, 4, 1), Instance("3g.40gb", 4, 4, 0))
GIVEN = replace(GPU, driver="vfio-pci", companions=FUNCTIONS)

DRAWN = {
    "dots are free": (GPU, "[................................]"),
    "half a GPU is half its cells": (_time_sliced("A100D-40C", 2, 1), "[===A100D-40C===|................]"),
    "a name that does not fit is its size": (_time_sliced("A100D-20C", 4, 3), "[==20C==|==20C==|==20C==|........]"),
    "slices too narrow for labels are strokes": (
        _time_sliced("A100D-4C", 20, 20),
        "[=||=||=|=||=||=|=||=||=|=||=||==]",
    ),
    "shares that are not known are not drawn": (
        _time_sliced("nvidia-700", 0, 1),
        "[????????????????????????????????]",
    ),
    "MIG modes that are not known are not drawn": (
        replace(GPU, unclear="no answer"),
        "[????????????????????????????????]",
    ),
    "instances stand at their places, vGPUs in them": (MIG_BACKED, "[=2-20C=|=2-20C=|=2-20C=|=1g|....]"),
    "an instance without a compute instance is empty": (CONTAINER, "[====3g.40gb====|----3g.40gb-----]"),
    "a gap before an instance stays": (_cut(Instance("2g.20gb", 2, 2, 1)), "[........2g.20gb|................]"),
    "a GPU without companions is not counted": (
        replace(GIVEN, companions=FUNCTIONS[:1]),
        "[##########passthrough###########]",
    ),
    "a GPU that is given away is one block": (GIVEN, "[####passthrough, 4 functions####]"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_gpu_is_drawn_as_it_is_carved(name: str) -> None:
    row, drawn = DRAWN[name]
    assert bar(row, 32, PLAIN) == drawn


@pytest.mark.parametrize("cells", [16, 24, 32, 48])
@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_has_its_width_on_every_terminal_and_colours_change_no_letter(name: str, cells: int) -> None:
    plain, coloured = bar(DRAWN[name][0], cells, PLAIN), bar(DRAWN[name][0], cells, Style(100, colour=True))
    assert len(plain) == cells + 2
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_what_others_made_has_another_colour_than_ours() -> None:
    foreign = replace(GPU, slices=(_vgpu("A100D-80C", 1, owned=False),))
    assert bar(foreign, 32, Style(100, colour=True)) != bar(
        _time_sliced("A100D-80C", 1, 1), 32, Style(100, colour=True)
    )


def test_the_words_say_what_the_drawing_cannot() -> None:
    assert words(GPU) == ["16/16 VFs", "not carved"]
    assert words(MIG_BACKED) == ["3x A100D-2-20C", "1x A100D-1-10C"]
    assert words(CONTAINER) == ["1x 3g.40gb", "1x 3g.40gb (empty)"]
    assert words(MIG) == ["16/16 VFs", "MIG on, no instances"]
    assert words(replace(MIG, mig=False)) == ["16/16 VFs", "not carved", "MIG on after a GPU reset"]
    assert words(replace(GPU, driver="nouveau")) == ["not carved", "driver nouveau"]
    assert words(replace(GPU, driver="")) == ["not carved", "no driver"]
    assert words(GIVEN) == ["for a VM"]
    assert words(replace(GIVEN, users=("guest vm-1",))) == ["for a VM", "used by guest vm-1"]
    assert words(replace(CONTAINER, users=("a", "b", "c", "d", "e")))[-1] == "used by a, b, c, d and 1 more"


def test_a_companion_that_another_driver_still_has_is_counted_out() -> None:
    half = replace(GIVEN, companions=(*FUNCTIONS[:3], Companion("0000:21:00.3", "i2c_designware_pci")))
    assert words(half) == ["3 of 4 functions on vfio-pci"]
