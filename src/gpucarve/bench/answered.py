"""A report from the log of a container that ran the image: one answer of the runner a line, other lines between them.

Boundary: text to a report. A line that is no whole answer is passed over; where there is no other, it is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gpucarve.bench import judging
from gpucarve.bench.asking import FORMAT
from gpucarve.bench.codec import NoReport
from gpucarve.bench.reports import Report

_BEGIN = json.dumps({"format": FORMAT}).removesuffix("}").encode()


def is_log(content: bytes) -> bool:
    """Whether an answer of the runner begins in it."""
    return _BEGIN in content


def read(content: bytes, where: str) -> Report:
    """What the answers tell, in their order. Raises NoReport."""
    answers = list(_answers(content))
    if not answers:
        raise NoReport(f"{where} holds no whole answer of the runner", hint="give the whole log of the container")
    workloads = tuple(judging.judged(str(each.get("workload")), each) for each in answers)
    devices = next((found for each in answers if (found := judging.devices(each))), ())
    return Report(where, FORMAT, devices, workloads)


def _answers(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in content.splitlines():
        begin = line.find(_BEGIN)  # logs may have put a time in front
        if begin < 0:
            continue
        try:
            answer = json.loads(line[begin:])
        except (ValueError, RecursionError):
            continue
        yield answer
