"""The fit is never worse than placing instances one by one, and its benchmark gives what it promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from random import Random

import pytest

from benchmarks import baselines
from gpucarve.layout.fitting import mip
from gpucarve.layout.fitting.boards import Board
from gpucarve.layout.fitting.solving import fit
from gpucarve.layout.judging import faults
from tests.fit.cases import A30, A100, KNOWN, demand, many, supply
from tests.house.tracked import ROOT


def _gpus(board: Board, counts: Mapping[str, int], rule: baselines.Rule, order: Random) -> int:
    names = [name for name, count in counts.items() for _ in range(count)]
    order.shuffle(names)
    cards = [baselines.Card.of(board) for _ in names]
    pieces = [next(each for each in board.pieces if each.profile == name) for name in names]
    assert rule(pieces, cards) == 0
    return sum(card.used for card in cards)


@pytest.mark.skipif(not mip.available(), reason="the extra `fit` is not installed")
def test_no_rule_of_thumb_needs_fewer_gpus() -> None:
    better = 0
    for seed in range(many(200)):
        random = Random(seed)  # noqa: S311 - an instance by chance, no secret
        model = random.choice((A100, A100, A30, "rtx-pro-6000-blackwell-se"))
        names = random.sample([str(each.name) for each in KNOWN.mig_profiles(model)], random.randint(1, 5))
        counts = {name: random.randint(1, 9) for name in names}
        wanted = demand(counts)
        stock = supply(wanted, {model: sum(counts.values())})
        board = stock.boards[model]
        rules = [_gpus(board, counts, rule, random) for rule in baselines.RULES.values()]
        answer = fit(wanted, stock)
        assert answer.fits
        assert faults(wanted, stock, answer) == [], seed
        assert answer.stages[-1].value <= min(rules), seed
        better += answer.stages[-1].value < min(rules)
    assert better


@pytest.mark.skipif(not mip.available(), reason="the extra `fit` is not installed")
def test_the_benchmark_proves_the_published_scenarios_and_the_fewest_moves_of_a_fleet() -> None:
    command = (sys.executable, "-m", "benchmarks.fit", "--largest", "1000")
    run = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300)
    expected = json.loads((ROOT / "benchmarks" / "parvagpu.json").read_text("utf-8"))["expected"]
    told = re.findall(r"^(S\d): (\d+) \(bound (\d+), (prices|search)\) GPUs", run.stdout, re.MULTILINE)
    assert {name: (int(value), int(bound)) for name, value, bound, _ in told} == {
        name: (value, value) for name, value in expected.items()
    }
    moves = re.findall(
        r"^ +(\d+) GPUs, \d+ instances more: (\d+) \(bound (\d+), prices\) moves", run.stdout, re.MULTILINE
    )
    assert [size for size, _, _ in moves] == ["80", "1000"]
    assert all(value == bound and int(value) > 0 for _, value, bound in moves)
    assert "WRONG" not in run.stdout
