"""Workloads run for real on PoCL: sent as to any host, their results are right, and a wrong kernel is found out."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile

import pytest

from gpucarve.app import benches
from gpucarve.bench import asking, judging
from gpucarve.bench.asking import Wish
from gpucarve.bench.reports import Standing
from gpucarve.runner.sizes import SMALLEST
from tests.bench.conftest import SMALL, answer, answer_of, asked
from tests.bench.spoiling import spoiled

pytestmark = [pytest.mark.pocl, pytest.mark.xdist_group("workloads")]  # answers are asked once a process
HASHES = ("MD5", "SHA-1", "SHA-256")
RAN = {Standing.RUNS, Standing.SHARE, Standing.UNSTABLE}
TRANSPOSES = ("simple copy", "shared memory copy", "naive", "coalesced", "optimized", "coarse-grained", "fine-grained",
              "diagonal", "wide (ours)")  # fmt: skip


def test_the_devices_of_both_interfaces_are_listed_and_a_missing_one_is_explained() -> None:
    told = answer("devices", Wish())
    assert not isinstance(told, asking.Refusal)
    listed = judging.devices(told)
    assert any(device.interface == "opencl" and device.facts["compute_units"] > 0 for device in listed)
    assert {device.interface for device in listed} | set(told["without"]) >= {"cuda", "opencl"}


@pytest.mark.parametrize(
    ("name", "checks", "figures"),
    [
        ("vectoradd", {("sums", "host"), ("sums", "device")}, {"driver's copy", "vector addition"}),
        ("copy", {("driver's copy", "host"), ("kernel's copy", "host")}, {"driver's copy", "kernel's copy"}),
        (
            "transpose",
            {(way, by) for way in TRANSPOSES for by in ("host", "device")},
            {"driver's copy", *TRANSPOSES},
        ),
        (
            "hash",
            {(f"{name} {what}", "host") for name in HASHES for what in ("digests", "passwords found")},
            set(HASHES),
        ),
    ],
)  # fmt: skip
def test_a_workload_runs_and_every_result_is_checked(
    name: str, checks: set[tuple[str, str]], figures: set[str]
) -> None:
    told = answer(name)
    assert not isinstance(told, asking.Refusal), told
    done = judging.judged(name, told)
    assert done.standing in RAN, done.verdict()
    assert {(check.what, check.by) for check in done.checks} == checks
    assert all(check.of > 0 and check.wrong == 0 for check in done.checks)
    assert {figure.name for figure in done.figures} == figures
    assert all(len(figure.samples) == SMALL.samples for figure in done.figures)


@pytest.mark.parametrize("name", ["vectoradd", "copy", "transpose"])
def test_the_smallest_buffer_that_is_taken_is_read_within_its_ends(name: str) -> None:
    told = answer(name, Wish(interface="opencl", bytes=SMALLEST, samples=1))
    assert not isinstance(told, asking.Refusal)
    done = judging.judged(name, told)
    assert done.standing in RAN, done.verdict()


def test_hashing_tells_the_hosts_own_rate_beside_the_devices() -> None:
    told = answer("hash")
    assert not isinstance(told, asking.Refusal)
    assert all(rate > 0 for rate in told["facts"]["host_hashes_a_second"].values())


@pytest.mark.parametrize(
    ("workload", "source", "slips", "blamed"),
    [
        ("vectoradd", "memory", {"x.w += y.w;": "x.w += y.z;"}, {"sums"}),
        ("copy", "memory", {"out[i] = in[i];": "out[i] = in[i ^ 1];"}, {"kernel's copy"}),
        (
            "transpose",
            "memory",
            {
                "tile[row + 16 * j][column + 2] =": "tile[row + 16 * j][column] =",
                "u32 block_y = number % BLOCKS_Y;": "u32 block_y = 0;",
            },
            {"wide (ours)", "diagonal"},
        ),
        (
            "hash",
            "hash",
            {"0xd76aa478u": "0xd76aa479u", "SHA256_STEPS(61, s, w)": "SHA256_STEPS(60, s, w)"},
            {"MD5 digests", "MD5 passwords found", "SHA-256 passwords found"},
        ),
    ],
)
def test_kernels_that_are_wrong_are_found_out_and_named(
    workload: str, source: str, slips: dict[str, str], blamed: set[str]
) -> None:
    told = answer_of(spoiled(f"gpucarve/runner/kernels/{source}.c", slips), workload)
    assert not isinstance(told, asking.Refusal), told
    done = judging.judged(workload, told)
    assert done.standing is Standing.WRONG, done.verdict()
    assert {check.what for check in done.checks if check.wrong} == blamed
    assert all(name in done.verdict() for name in blamed)


def test_a_kernel_that_does_not_compile_is_a_failure_with_the_compilers_words() -> None:
    told = answer_of(
        spoiled("gpucarve/runner/kernels/memory.c", {"KERNEL fill_words(": "KERNEL fill_words(no "}), "copy"
    )
    assert not isinstance(told, asking.Refusal)
    done = judging.judged("copy", told)
    assert done.standing is Standing.FAILED
    assert "clBuildProgram" in done.why


def test_a_device_that_is_not_there_is_refused_with_how_many_there_are() -> None:
    told = answer("copy", Wish(interface="opencl", device=99))
    assert not isinstance(told, asking.Refusal)
    done = judging.judged("copy", told)
    assert done.standing is Standing.REFUSED
    assert "there is no device 99" in done.why


def test_inference_is_measured_by_loadgen_and_its_own_word_is_the_verdict() -> None:
    told = answer("inference", Wish(python=sys.executable))
    assert not isinstance(told, asking.Refusal), told
    done = judging.judged("inference", told)
    assert done.standing in RAN, done.verdict()
    assert [(check.what, check.wrong, check.of) for check in done.checks] == [("answers of the network", 0, 4)]
    assert "LoadGen says VALID (scenario SingleStream, seed " in done.why or "LoadGen says INVALID" in done.why
    assert "this is no MLPerf submission" in done.notes
    assert done.facts["p90_seconds"] > 0


def test_inference_is_refused_where_its_packages_are_not() -> None:
    out = io.BytesIO(benches.archive())
    with zipfile.ZipFile(out, "a") as hidden:
        hidden.writestr("mlperf_loadgen.py", "raise ImportError('no module named mlperf_loadgen')")
    told = asyncio.run(asked("inference", Wish(python=sys.executable), out.getvalue()))
    assert not isinstance(told, asking.Refusal)
    done = judging.judged("inference", told)
    assert done.standing is Standing.REFUSED
    assert "gpucarve[inference]" in done.fix


def test_a_network_whose_answers_are_wrong_is_found_out() -> None:
    archive = spoiled("gpucarve/runner/model.py", {'_node("Relu", ': '_node("Sigmoid", '})
    told = asyncio.run(asked("inference", Wish(python=sys.executable), archive))
    assert not isinstance(told, asking.Refusal)
    assert judging.judged("inference", told).standing is Standing.WRONG


def test_what_loadgen_does_not_call_valid_is_no_figure_to_rely_on() -> None:
    told = answer("inference", Wish(python=sys.executable))
    assert not isinstance(told, asking.Refusal)
    facts = {**told["facts"], "result": "INVALID", "unsatisfied": ["Min duration"]}
    done = judging.judged("inference", {**told, "facts": facts})
    assert done.standing is Standing.UNSTABLE
    assert done.verdict().endswith("INVALID (scenario SingleStream, seed 20260801): Min duration")
