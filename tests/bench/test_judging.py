"""What an answer is worth: limits, unstable samples, wrong results, clocks. The answers are made up for each case."""

from __future__ import annotations

from typing import Any

import pytest

from gpucarve.bench import judging, limits
from gpucarve.bench.reports import Figure, Standing, Workload

# A whole H200 as the driver's interface numbers it; its memory's clock and bus are those of its datasheet's 4.8 TB/s.
FACTS: dict[str, Any] = {
    "multiprocessors": 132, "capability_major": 9, "capability_minor": 0, "memory_clock_khz": 3201000, "bus_bits": 6144,
}  # fmt: skip


def answer(
    *series: tuple[str, float, list[float]], wrong: int = 0, mhz: tuple[int, ...] = (), **more: Any
) -> dict[str, Any]:
    """A runner's answer with these series (name, work, seconds)."""
    return {
        "checks": [{"what": "all of it", "by": "host", "wrong": wrong, "of": 100}],
        "series": [{"name": name, "work": work, "unit": "B", "seconds": seconds} for name, work, seconds in series],
        "device": {"name": "NVIDIA H200", "interface": "cuda", "facts": FACTS},
        "facts": {}, "without": {}, "ready": 0.1, "seconds": 1.0,
        "monitor": {
            "driver": "570.1", "new_uncorrected_errors": 0,
            "samples": [{"sm_mhz": each, "milliwatts": 500_000, "celsius": 50, "held_back": 0} for each in mhz],
        },
        **more,
    }  # fmt: skip


def by_name(workload: Workload) -> dict[str, Figure]:
    return {figure.name: figure for figure in workload.figures}


def test_a_copy_is_held_against_the_memorys_pins() -> None:
    done = judging.judged("copy", answer(("driver's copy", 4.2e12, [1.0] * 5)))
    assert by_name(done)["driver's copy"].limits[0].rate == pytest.approx(4916.7e9, rel=1e-4)
    assert done.standing is Standing.SHARE
    assert done.verdict().startswith("runs at 85.4 % of the memory's pins (3201 MHz x 2 x 6144 bits)")


def test_a_transpose_is_held_against_the_copy_of_its_own_run() -> None:
    told = answer(("driver's copy", 4e12, [1.0] * 5), ("naive", 1e12, [1.0] * 5), ("wide (ours)", 3.9e12, [1.0] * 5))
    done = judging.judged("transpose", told)
    assert by_name(done)["naive"].share == pytest.approx(0.25)
    assert done.verdict() == "runs at 97.5 % of the driver's copy of the same run (wide (ours))"


@pytest.mark.parametrize(
    ("name", "roof", "hashcat"), [("MD5", 117.0, 116.8), ("SHA-1", 39.9, 37.4), ("SHA-256", 15.4, 16.2)]
)
def test_the_roof_of_a_hash_is_of_the_clock_that_was_read(name: str, roof: float, hashcat: float) -> None:
    done = judging.judged("hash", answer((name, 1e10, [1.0] * 5), mhz=(345, 1980, 1980, 1980, 1965)))
    first, second = by_name(done)[name].limits
    assert (round(first.rate / 1e9, 1), round(second.rate / 1e9, 1)) == (roof, hashcat)
    assert "132 multiprocessors at 1980 MHz" in first.what
    assert "Programming Guide" in first.source
    half = judging.judged("hash", answer((name, 1e10, [1.0] * 5), mhz=(990, 990)))
    assert by_name(half)[name].limits[0].rate == pytest.approx(first.rate / 2)


# What NVIDIA's white papers and datasheets call the peak, in TFLOP/s, with the boost clock in MHz that it is of.
@pytest.mark.parametrize(
    ("capability", "processors", "mhz", "name", "peak"),
    [
        ("9.0", 132, 1830, "float16", 989.4),  # H100 SXM5
        ("9.0", 132, 1830, "TF32", 494.7),
        ("9.0", 132, 1980, "float32", 66.9),
        ("8.0", 108, 1410, "float16", 312.0),  # A100
        ("8.0", 108, 1410, "TF32", 156.0),
        ("8.0", 108, 1410, "float32", 19.5),
        ("7.0", 80, 1530, "float16", 125.0),  # V100 SXM2
        ("7.0", 80, 1530, "float32", 15.7),
        ("8.9", 142, 2490, "float32", 90.5),  # L40
    ],
)
def test_the_limit_of_a_product_is_the_peak_of_the_datasheet(
    capability: str, processors: int, mhz: int, name: str, peak: float
) -> None:
    major, minor = map(int, capability.split("."))
    facts = {"multiprocessors": processors, "capability_major": major, "capability_minor": minor}
    (limit,) = limits.products(name, facts, mhz)
    assert limit.rate / 1e12 == pytest.approx(peak, rel=4e-3)
    assert f"{processors} multiprocessors at {mhz} MHz" in limit.what


def test_a_product_has_no_limit_that_no_source_gives() -> None:
    for name, capability in (("TF32", (7, 0)), ("float16", (8, 6)), ("float32", (99, 0)), ("float8", (9, 0))):
        facts = FACTS | {"capability_major": capability[0], "capability_minor": capability[1]}
        assert limits.products(name, facts, 1980.0) == ()
    assert limits.products("float32", FACTS, None) == ()


def test_a_figure_has_the_clock_of_its_own_time() -> None:
    """Tensor cores at the power limit run at a lower clock than the figures before them."""
    told = answer(
        ("float32", 1e13, [1.0] * 5), ("float16", 1e13, [1.0] * 5), ("TF32", 1e13, [1.0] * 5), mhz=(1980,) * 6
    )
    for at, look in enumerate(told["monitor"]["samples"]):
        look |= {"at": float(at), "sm_mhz": 1980 if at < 3 else 1400}
    for each, span in zip(told["series"], ((0.0, 2.5), (2.5, 5.0), (9.0, 9.1)), strict=True):
        each |= {"began": span[0], "ended": span[1]}
    figures = by_name(judging.judged("matmul", told))
    clocks = {name: figure.limits[0].what.split(" at ")[1].split(" MHz")[0] for name, figure in figures.items()}
    assert clocks == {"float32": "1980", "float16": "1400", "TF32": "1980"}  # nobody looked at the last one


def test_without_a_clock_or_an_entry_of_the_catalog_a_hash_has_no_roof() -> None:
    unread = answer(("MD5", 1e10, [1.0] * 5), monitor={"unread": "nvidia-ml-py is not installed"})
    done = judging.judged("hash", unread)
    assert by_name(done)["MD5"].limits == ()
    assert done.standing is Standing.RUNS
    assert done.notes == ("clocks were not read: nvidia-ml-py is not installed",)
    assert limits.hashes("Whirlpool", FACTS, 1980.0) == ()
    unlisted = limits.hashes("MD5", FACTS | {"capability_major": 99}, 1980.0)
    assert [each.what[:7] for each in unlisted] == ["hashcat"]


def test_a_figure_above_its_limit_is_told_as_one_that_cannot_be() -> None:
    done = judging.judged("copy", answer(("driver's copy", 5.2e12, [1.0] * 5)))
    assert done.standing is Standing.SHARE
    (note,) = (note for note in done.notes if "do not quote this share" in note)
    assert note.startswith("driver's copy is faster than the memory's pins (3201 MHz x 2 x 6144 bits): ")
    below = judging.judged("copy", answer(("driver's copy", 4.2e12, [1.0] * 5)))
    passed = judging.judged("transpose", answer(("driver's copy", 4e12, [1.0] * 5), ("wide (ours)", 4.1e12, [1.0] * 5)))
    assert not [note for each in (below, passed) for note in each.notes if "do not quote" in note]


def test_a_slice_has_no_pins_of_its_own() -> None:
    assert limits.memory(FACTS, "NVIDIA H200 MIG 1g.18gb") is None
    assert limits.memory({"memory_clock_khz": 0, "bus_bits": 256}, "x") is None


def test_samples_that_differ_too_much_are_no_figure() -> None:
    done = judging.judged("copy", answer(("driver's copy", 1e12, [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6])))
    assert done.standing is Standing.UNSTABLE
    assert "too unstable for a figure (driver's copy: the middle half of its samples spans 23 %" in done.verdict()
    assert by_name(done)["driver's copy"].share is None
    one_late = judging.judged("copy", answer(("driver's copy", 1e12, [1.0] * 9 + [5.0, 5.0])))
    assert one_late.standing is Standing.SHARE


def test_an_unstable_copy_is_no_yardstick() -> None:
    told = answer(("driver's copy", 4e12, [1.0, 2.0, 3.0, 4.0]), ("naive", 1e12, [1.0] * 5))
    assert [limit.source for limit in by_name(judging.judged("transpose", told))["naive"].limits] == [
        "read from the driver"
    ]


def test_wrong_results_are_said_before_any_figure() -> None:
    done = judging.judged("copy", answer(("driver's copy", 4.2e12, [1.0] * 5), wrong=3))
    assert done.standing is Standing.WRONG
    assert done.verdict() == "results are wrong: all of it: 3 of 100 wrong, by the host"
    unchecked = judging.judged("copy", answer(("driver's copy", 4.2e12, [1.0] * 5), checks=[]))
    assert unchecked.standing is Standing.WRONG


def test_what_held_clocks_back_and_new_memory_errors_are_told() -> None:
    told = answer(("driver's copy", 4.2e12, [1.0] * 5), mhz=(1980,))
    told["monitor"]["samples"][0]["held_back"] = 0x4 | 0x20 | 0x1
    told["monitor"]["new_uncorrected_errors"] = 2
    done = judging.judged("copy", told)
    assert done.facts["monitor"]["held_back_by"] == ["the power limit", "heat"]
    assert any("2 uncorrected memory errors" in note for note in done.notes)


@pytest.mark.parametrize(
    "told", [{}, {"checks": 1}, {"refusal": "no"}, answer() | {"series": [{"name": "x"}]}, answer(("x", 1.0, [0.0]))]
)
def test_an_answer_of_another_shape_is_a_failure_and_no_exception(told: dict[str, Any]) -> None:
    assert judging.judged("copy", told).standing is Standing.FAILED
