"""Reports as JSON, as pages and beside each other."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from gpucarve.bench import codec, judging
from gpucarve.bench.comparing import compared
from gpucarve.bench.reports import DeviceFacts, Figure, Limit, Report, Standing, Workload
from gpucarve.report.bench_page import page
from tests.bench.test_judging import FACTS, answer
from tests.bench.test_outputs import FOLDER, read

SCHEMA = json.loads(files("gpucarve.bench").joinpath("report.schema.json").read_text())


def whole() -> Report:
    """A report with every standing of workloads, made of runners' answers."""
    done = (
        judging.judged("vectoradd", answer(("driver's copy", 4.2e12, [1.0] * 5), ("vector addition", 4e12, [1.0] * 5))),
        judging.judged(
            "hash", answer(("MD5", 1.1e11, [1.0] * 5), mhz=(1980,), facts={"host_hashes_a_second": {"MD5": 1e6}})
        ),
        judging.judged("copy", answer(("driver's copy", 4.2e12, [1.0, 1.5, 2.0, 2.5]))),
        judging.judged("transpose", answer(("naive", 4.2e12, [1.0] * 5), wrong=1)),
        judging.judged("devices", {"refusal": {"fact": "no <GPU>", "rule": "it needs one", "fix": "buy one"}}),
        judging.judged("copy", {"failure": "cuInit: CUDA_ERROR_UNKNOWN"}),
    )
    return Report("lab/gpu-1", "gpucarve 1", (DeviceFacts("NVIDIA H200", "cuda", FACTS),), done)


def data(report: Report) -> dict[str, Any]:
    """The JSON object as it is printed and read again."""
    told: dict[str, Any] = json.loads(
        json.dumps({"apiVersion": codec.API_VERSION, "kind": codec.KIND, **codec.to_data(report)})
    )
    return told


@pytest.mark.parametrize("report", [whole(), *(read(path.name) for path in FOLDER.iterdir())], ids=lambda r: r.target)
def test_a_report_is_the_same_after_a_way_through_json_that_obeys_its_schema(report: Report) -> None:
    told = data(report)
    jsonschema_rs.validator_for(SCHEMA).validate(told)
    assert codec.read(json.dumps(told), "report.json") == report


def test_every_standing_has_a_verdict_and_the_schema_knows_it() -> None:
    assert {each.standing for each in whole().workloads} == set(Standing) - {Standing.RUNS}
    assert all(each.verdict() for each in whole().workloads)
    assert set(SCHEMA["$defs"]["workload"]["properties"]["standing"]["enum"]) == {each.value for each in Standing}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.pop("workloads"),
        lambda told: told.update(kind="Plan"),
        lambda told: told.update(apiVersion="gpucarve/v9"),
        lambda told: told.update(workloads={}),
        lambda told: told["workloads"][0].update(standing="superb"),
        lambda told: told["workloads"][0]["figures"][0].update(samples=[]),
        lambda told: told["workloads"][0]["figures"][0].update(samples=[float("nan")]),
        lambda told: told["workloads"][0]["figures"][0].update(samples=[-1]),
        lambda told: told["devices"][0].update(name=7),
    ],
)
def test_a_damaged_report_is_refused_by_its_file_and_with_what_to_do(spoil: Any) -> None:
    told = data(whole())
    spoil(told)
    with pytest.raises(codec.NoReport) as error:
        codec.read(json.dumps(told), "report.json")
    assert "report.json" in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize("text", ["", "nothing", "[" * 100_000, "[1]", '"x"'])
def test_a_text_that_is_no_json_object_is_no_report(text: str) -> None:
    with pytest.raises(codec.NoReport):
        codec.read(text, "x")


def test_the_page_needs_nothing_beside_itself_and_escapes_every_word() -> None:
    text = page(whole())
    assert not re.search(r"(src|href)=|url\(|@import|<script", text)
    assert "no &lt;GPU&gt;" in text
    assert "<GPU>" not in text
    for word in ("runs at", "MD5, host", "Roofline", "does not run", "too unstable", "results are wrong"):
        assert word in text
    assert text.count("<svg") == 6


def test_without_a_limit_there_is_no_roofline() -> None:
    assert "Roofline" not in page(read("hashcat-cpu.txt"))


def test_each_precision_of_a_product_lies_under_its_own_roof() -> None:
    """With rates of a quarter of the roofs, and a memory of a byte a second: where they lie follows by hand."""

    def figure(name: str, roof: float) -> Figure:
        return Figure(name, "FLOP", (roof / 4,) * 4, (Limit(roof, "a pipe", "x"),))

    adding = Workload("vectoradd", Standing.SHARE, figures=(Figure("a", "B", (1.0,) * 4, (Limit(1.0, "pins", "x"),)),))
    products = Workload(
        "matmul", Standing.SHARE, figures=(figure("float32", 64.0), figure("float16", 1024.0)), facts={"side": 600}
    )
    text = page(Report("x", "x", workloads=(adding, products)))
    assert text.count("Roofline") == 2  # the picture's title, and the same for those who cannot see it
    for word in ("float32 at most", "float16 at most", "vectoradd"):
        assert word in text
    roof, heights = (
        re.findall(pattern, text) for pattern in (r'<polyline class="roof" points="([^"]+)"', r'cy="([^"]+)"')
    )
    assert len(roof) == 3
    slope, low, high = ([float(number) for number in re.split("[ ,]", each)] for each in roof)
    assert slope[2:] == high[:2]
    assert low[1] == low[3]
    # Up the slope, as far as memory reaches at each roof, the lower roof begins.
    along = (low[0] - slope[0]) / (slope[2] - slope[0])
    assert low[1] == pytest.approx(slope[1] + along * (slope[3] - slope[1]), abs=0.2)
    _, float32, float16 = (float(each) for each in heights)
    assert float32 - low[1] == pytest.approx(float16 - high[1], abs=0.2)  # a quarter of each, on a logarithmic scale
    assert float32 > low[1]
    assert "Roofline" not in page(Report("x", "x", workloads=(products,)))


def test_figures_that_only_one_report_has_or_in_another_unit_are_not_compared() -> None:
    one = Report("a", "x", workloads=(Workload("copy", Standing.RUNS, figures=(Figure("c", "B", (1.0,)),)),))
    two = replace(one, workloads=(Workload("copy", Standing.RUNS, figures=(Figure("c", "H", (1.0,)),)),))
    assert compared(one, two) == ()
    assert compared(one, Report("b", "x")) == ()


@pytest.mark.parametrize(
    ("first", "second", "ratio", "apart"),
    [
        ((1.0, 1.0, 1.0, 1.0), (2.0, 2.0, 2.0, 2.0), 2.0, True),
        ((1.0, 1.01, 1.02, 1.03), (1.02, 1.03, 1.04, 1.05), 1.0197, False),
        ((1.0, 2.0, 3.0, 4.0), (1.0, 1.0, 1.0, 1.0), None, False),
        ((1.0,), (2.0,), 2.0, None),
    ],
)
def test_a_ratio_says_whether_it_is_more_than_chance_and_unstable_figures_have_none(
    first: tuple[float, ...], second: tuple[float, ...], ratio: float | None, apart: bool | None
) -> None:
    def report(samples: tuple[float, ...]) -> Report:
        return Report("x", "x", workloads=(Workload("copy", Standing.RUNS, figures=(Figure("c", "B", samples),)),))

    (found,) = compared(report(first), report(second))
    assert found.ratio == (None if ratio is None else pytest.approx(ratio, rel=1e-3))
    assert found.apart is apart
