"""The way through CUDA, on a stand-in for the driver: NVIDIA's header declares it, a processor runs the kernels.

It says that it is one: what it shows is that functions are called as they are declared, and that answers are read.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from gpucarve.bench import judging
from gpucarve.bench.reports import Standing
from tests.bench.conftest import Run

pytestmark = pytest.mark.xdist_group("workloads")  # the stand-in is compiled once a process


@pytest.mark.parametrize("name", ["vectoradd", "copy", "transpose", "hash"])
def test_a_workload_runs_through_the_drivers_functions_and_its_results_are_right(run: Run, name: str) -> None:
    done = run(name)
    assert done.device == "stand-in for a GPU"
    assert done.checks
    assert all(check.wrong == 0 for check in done.checks), done.verdict()
    assert done.standing in (Standing.SHARE, Standing.RUNS, Standing.UNSTABLE)


def test_the_clock_that_was_read_and_what_held_it_back_come_with_the_figures(run: Run) -> None:
    done = run("hash")
    monitor = done.facts["monitor"]
    assert (monitor["sm_mhz"], monitor["watts"], monitor["celsius"], monitor["driver"]) == (1980, 612, 55, "570.00")
    assert monitor["held_back_by"] == ["the power limit"]
    assert monitor["new_uncorrected_errors"] is None
    assert "clocks were held back by the power limit" in done.notes
    assert "2 multiprocessors at 1980 MHz" in done.figures[0].limits[0].what


def test_reasons_that_hold_clocks_back_have_the_bits_of_nvidias_module() -> None:
    names = ("SwPowerCap", "HwSlowdown", "SwThermalSlowdown", "HwThermalSlowdown", "HwPowerBrakeSlowdown")
    pynvml: Any = import_module("pynvml")
    bits = {getattr(pynvml, f"nvmlClocksThrottleReason{name}") for name in (*names, "BoardLimit", "Reliability")}
    assert bits == set(judging.HELD_BACK)


def test_a_copy_is_held_against_what_the_driver_says_of_the_memory(run: Run) -> None:
    (limit,) = run("copy").figures[0].limits
    assert limit.rate == pytest.approx(2 * 1e9 * 64 / 8)


@pytest.mark.parametrize(
    ("environment", "size", "why"),
    [
        ({"STANDIN_NO_DEVICE": "1"}, 0, "the driver shows no CUDA device"),
        ({"STANDIN_CAPABILITY": "3"}, 0, "has compute capability 3.0"),
        ({"STANDIN_VERSION": "8000"}, 0, "the driver speaks CUDA 8"),
        ({}, 1 << 30, "2 buffers of 1073741824 bytes, and 536870912 bytes are free"),
    ],
)
def test_what_cuda_cannot_serve_is_refused_by_its_fact(
    run: Run, environment: dict[str, str], size: int, why: str
) -> None:
    done = run("copy", size=size, **environment)
    assert done.standing is Standing.REFUSED
    assert why in done.why
    assert done.fix


def test_a_workload_sees_the_one_slice_that_was_named(run: Run) -> None:
    assert run("copy", visible="MIG-here").device == "stand-in for a GPU"
    assert "the driver shows no CUDA device" in run("copy", visible="MIG-elsewhere").why


def test_a_gpu_is_taken_before_a_processor_that_acts_as_one(run: Run) -> None:
    assert run("copy", interface="auto").device == "stand-in for a GPU"
