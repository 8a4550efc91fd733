"""Slices beside their neighbours and beside the whole GPU."""

from __future__ import annotations

import pytest

from gpucarve.bench.reports import Figure, Report, Standing, Workload
from gpucarve.bench.slices import Slice, listed, shared, units
from gpucarve.calls.replies import Exited, Failure, FailureKind

LISTING = b"""\
GPU 0: NVIDIA A100 80GB PCIe (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.40gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1g.10gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA H200 (UUID: GPU-a60c9e41-8c3a-6a68-7b7a-9f0d3b3a3a3a)
  MIG 1c.3g.71gb  Device  0: (UUID: MIG-GPU-a60c9e41-8c3a-6a68-7b7a-9f0d3b3a3a3a/1/0)
"""


def report(*samples: float, unit: str = "B") -> Report:
    figure = Figure("driver's copy", unit, samples)
    return Report("x", "x", workloads=(Workload("copy", Standing.RUNS, figures=(figure,)),))


def test_slices_are_listed_with_their_gpu_and_what_programs_call_them() -> None:
    assert listed(Exited(0, LISTING)) == (
        Slice(0, "3g.40gb", "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f"),
        Slice(0, "1g.10gb", "MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb"),
        Slice(1, "1c.3g.71gb", "MIG-GPU-a60c9e41-8c3a-6a68-7b7a-9f0d3b3a3a3a/1/0"),
    )
    assert listed(Exited(0, b"GPU 0: Tesla T4 (UUID: GPU-1)\n")) == ()


def test_a_gpu_that_is_cut_is_its_slices_and_one_that_is_not_is_itself() -> None:
    found = units(Exited(0, LISTING + b"GPU 2: Tesla T4 (UUID: GPU-b1)\n"))
    assert not isinstance(found, str)
    assert [(each.gpu, each.profile) for each in found] == [(0, "3g.40gb"), (0, "1g.10gb"), (1, "1c.3g.71gb"), (2, "")]
    assert found[-1].uuid == "GPU-b1"


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Failure(FailureKind.ABSENT, "nvidia-smi: no such command"), "no such command"),
        (Exited(9, b"no driver"), "no driver"),
    ],
)
def test_without_an_answer_nothing_is_said_of_slices(reply: Failure | Exited, word: str) -> None:
    told = listed(reply)
    assert isinstance(told, str)
    assert word in told


def test_what_a_slice_keeps_and_what_all_of_them_are_of_the_whole() -> None:
    busy = [report(90.0), *[report(95.0)] * 6]
    (found,) = shared(report(100.0), busy, report(800.0))
    assert found.kept == pytest.approx(0.9)
    assert found.efficiency == pytest.approx((90 + 6 * 95) / 800)
    (without,) = shared(report(100.0), busy, None)
    assert without.efficiency is None


def test_samples_that_differ_too_much_make_no_share() -> None:
    (found,) = shared(report(100.0), [report(10.0, 20.0, 30.0, 40.0)], report(800.0))
    assert found.kept is None
    assert found.efficiency is None


def test_a_slice_that_has_no_figure_leaves_none_to_compare() -> None:
    refused = Report("x", "x", workloads=(Workload("copy", Standing.REFUSED, why="no python3"),))
    assert shared(report(1.0), [report(1.0), refused], None) == ()
