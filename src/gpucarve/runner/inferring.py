"""`inference`: a small network answers queries that MLCommons' LoadGen sends, and LoadGen says whether that was valid.

LoadGen is the program that MLPerf Inference is measured by (mlcommons-loadgen); the network is run by ONNX Runtime, on
a GPU where it has one. This is no MLPerf submission: the network is made here, and so are its inputs.

Boundary: one workload, and the one that needs packages. Where they are not installed it is refused.
"""

from __future__ import annotations

import re
import tempfile
import time
from array import array
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gpucarve.runner import model
from gpucarve.runner.outcome import check
from gpucarve.runner.refusals import Refused

_INPUTS = 64
_COMPARED = 4
_NEAR = 1e-3  # 32-bit sums of 512 products, in another order
_MILLISECONDS, _QUERIES = 1000, 256
_SEED = 20260801
_WARM = 20
_FIELDS = {
    "result": r"Result is : (\w+)",
    "p90_ns": r"90\.0+th percentile latency \(ns\) : (\d+)",
    "mean_ns": r"Mean latency \(ns\)\s+: (\d+)",
    "rate": r"QPS w/o loadgen overhead\s+: ([\d.]+)",
}
_REASONS = re.compile(r"^  (.+?) satisfied\s*: NO$", re.MULTILINE)
_GPU = "CUDAExecutionProvider"


def run() -> dict[str, Any]:
    """Answer, check, let LoadGen measure. Raises Refused without the packages."""
    loadgen, runtime = _package("mlperf_loadgen"), _package("onnxruntime")
    numpy = import_module("numpy")
    offered = runtime.get_available_providers()
    session = runtime.InferenceSession(model.onnx(), providers=[_GPU] if _GPU in offered else ["CPUExecutionProvider"])
    inputs = [{model.INPUT: numpy.frombuffer(model.given(n), numpy.float32).reshape(1, -1)} for n in range(_INPUTS)]

    def ask(index: int) -> array[float]:
        return array("f", session.run(None, inputs[index])[0].ravel().tolist())

    wrong = sum(not _near(ask(index), model.expected(index)) for index in range(_COMPARED))
    summary = _measured(loadgen, ask)
    found = {name: match[1] for name, pattern in _FIELDS.items() if (match := re.search(pattern, summary))}
    provider = session.get_providers()[0]
    return {
        "checks": [check("answers of the network", "host", wrong, _COMPARED)],
        "series": [
            {"name": "queries", "work": 1, "unit": "query", "launches": 1, "seconds": [1 / float(found["rate"])]}
        ],
        "facts": {
            "scenario": "SingleStream", "seed": _SEED, "loadgen": _version("mlcommons_loadgen"),
            "onnxruntime": runtime.__version__, "provider": provider, "result": found["result"],
            "unsatisfied": _REASONS.findall(summary), "p90_seconds": int(found["p90_ns"]) / 1e9,
            "mean_seconds": int(found["mean_ns"]) / 1e9,
        },
        "device": {
            "interface": "onnxruntime", "name": f"ONNX Runtime, {provider}", "processors": 0,
            "is_gpu": provider == _GPU, "facts": {},
        },
        "without": {}, "monitor": {"unread": "LoadGen's figures are no share of a clock"}, "ready": 0.0,
    }  # fmt: skip


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise Refused(
            f"{error}",
            "inference needs LoadGen and ONNX Runtime where it runs; they do not travel",
            "pip install 'gpucarve[inference]' on that machine, and run it there with --target local",
        ) from error


def _version(distribution: str) -> str:
    return version(distribution)


def _near(found: array[float], wanted: list[float]) -> bool:
    size = max(abs(each) for each in wanted)
    return len(found) == len(wanted) and all(abs(a - b) <= _NEAR * size for a, b in zip(found, wanted))


def _measured(loadgen: Any, ask: Any) -> str:
    """LoadGen's summary of one run: single queries, one after the other, for a second or longer."""

    def issue(samples: Any) -> None:
        for sample in samples:
            answer = ask(sample.index)
            place, length = answer.buffer_info()
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample.id, place, length * answer.itemsize)])

    settings = loadgen.TestSettings()
    settings.scenario, settings.mode = loadgen.TestScenario.SingleStream, loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms, settings.min_query_count = _MILLISECONDS, _QUERIES
    settings.single_stream_expected_latency_ns = _latency(ask)
    settings.qsl_rng_seed = settings.sample_index_rng_seed = settings.schedule_rng_seed = _SEED
    with tempfile.TemporaryDirectory() as folder:
        output = loadgen.LogOutputSettings()
        output.outdir, output.copy_summary_to_stdout = folder, False
        log = loadgen.LogSettings()
        log.log_output, log.enable_trace = output, False
        system = loadgen.ConstructSUT(issue, lambda: None)
        library = loadgen.ConstructQSL(_INPUTS, _INPUTS, lambda _: None, lambda _: None)
        loadgen.StartTestWithLogSettings(system, library, settings, log)
        loadgen.DestroyQSL(library)
        loadgen.DestroySUT(system)
        return (Path(folder) / "mlperf_log_summary.txt").read_text("utf-8", "replace")


def _latency(ask: Any) -> int:
    """Half the quickest query, in nanoseconds: LoadGen prepares as many queries as would then fill its time."""
    quickest = 10**9
    for index in range(_WARM):
        begin = time.perf_counter_ns()
        ask(index)
        quickest = min(quickest, time.perf_counter_ns() - begin)
    return int(max(1, quickest // 2))
