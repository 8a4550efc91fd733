"""Fitting demand to GPUs: how good, how sure, how quick; beside first fit, best fit and first fit decreasing.

Three parts. *Services*: ParvaGPU's six scenarios (`parvagpu.json`, with its source), the fewest A100 80GB that carry
the needed throughput; the three rules are given the sizes that ParvaGPU's paper chooses for them (most throughput a
slice, and the smallest that is enough for the rest). *Growth*: fleets of 80 to 100,000 A100 80GB that are partly used,
each by chance from a seed, and new demand that fits only if something moves: the fewest moves, proved. The rules move
nothing, so they are told by what finds no place. *Judge*: every answer is judged by `layout.judging`, bounds included;
that is timed apart.

Run `python -m benchmarks.fit [--largest 100000]`. The exit status is 1 where a bar is missed: S1 to S6 as 2, 3, 5, 7,
12, 15 in a second; every growth step proved; 100,000 GPUs in 10 s and 1 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from benchmarks import baselines
from gpucarve import catalog
from gpucarve.layout.fitting import boards
from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.boards import Board, Piece
from gpucarve.layout.fitting.demand import Demand, Mig, Objective, Request, Service
from gpucarve.layout.fitting.solving import fit
from gpucarve.layout.fitting.supply import Gpu, Standing, Supply
from gpucarve.layout.judging import faults
from gpucarve.model.mig import MigProfileName

_MODEL = "a100-sxm4-80gb"
_SIZES = {"1g.10gb": 1, "2g.20gb": 2, "3g.40gb": 3, "4g.40gb": 4, "7g.80gb": 7}
_MILLI = 1000
_BARS = {"services": 1.0, "largest": 10.0, "gigabytes": 1.0}
_STEPS = (80, 1_000, 10_000, 100_000)


def supply(demand: Demand, gpus: tuple[Gpu, ...]) -> Supply:
    """GPUs of the one model."""
    known = catalog.load()
    model = known.gpu_model(_MODEL)
    if model is None:
        sys.exit(f"the catalog has no {_MODEL}")
    board = boards.board(model, demand.requests, known)
    return Supply(
        {board.name: board}, gpus, tuple(boards.serving(model, each.asked, known) for each in demand.requests)
    )


def services(scenario: dict[str, dict[str, float]]) -> Demand:
    """The demand of one scenario, in thousandths of a request a second."""
    requests = []
    for name, numbers in scenario.items():
        worth = tuple((MigProfileName.parse(each), int(numbers[each] * _MILLI)) for each in _SIZES if each in numbers)
        requests.append(Request(Service(name, worth), int(numbers["needed"] * _MILLI)))
    return Demand(tuple(requests), (Objective.FEWEST_GPUS,))


def chosen_sizes(scenario: dict[str, dict[str, float]], board: Board) -> list[Piece]:
    """The instances that ParvaGPU's rule asks for, in the order of the services."""
    found: list[str] = []
    for numbers in scenario.values():
        offered = {each: numbers[each] for each in _SIZES if each in numbers}
        best = max(offered, key=lambda each: offered[each] / _SIZES[each])
        times = -(-numbers["needed"] // offered[best]) - 1
        rest = numbers["needed"] - times * offered[best]
        last = next(each for each in offered if offered[each] >= rest)
        found += [best] * int(times) + [last]
    return [piece for name in found if (piece := board.room_of(name))]


def fleet(size: int, seed: int) -> tuple[Demand, Supply, Counter[str]]:
    """GPUs with instances at places by chance, about two of three slices taken; and what is asked for besides."""
    random = Random(seed)  # noqa: S311 - a fleet by chance, no secret
    empty = supply(Demand(()), ())
    board = empty.boards[_MODEL]
    pieces = [each for each in board.room if each.profile in _SIZES and each.profile != "7g.80gb"]
    shapes = [_shape(random, pieces, board) for _ in range(min(size, 2_000))]
    gpus = tuple(Gpu(f"gpu {number}", _MODEL, standing=random.choice(shapes)) for number in range(size))
    stands = Counter(each.profile for gpu in gpus for each in gpu.standing)
    more = Counter({"3g.40gb": 3 * size // 10, "4g.40gb": size // 10, "2g.20gb": size // 10, "1g.10gb": size // 10})
    requests = tuple(Request(Mig(MigProfileName.parse(name)), stands[name] + more[name]) for name in sorted(_SIZES))
    demand = Demand(tuple(each for each in requests if each.count), (Objective.FEWEST_MOVES,))
    return demand, supply(demand, gpus), more


def _shape(random: Random, pieces: list[Piece], board: Board) -> tuple[Standing, ...]:
    found: list[Standing] = []
    weight = 0
    for _ in range(random.randint(2, 7)):
        piece = random.choice(pieces)
        place = random.choice(piece.placements)
        free = not any(place.overlaps(each.placement) for each in found if each.placement)
        if free and weight + piece.weight <= board.capacity:
            found.append(Standing(f"mig {piece.profile}", piece.profile, place))
            weight += piece.weight
    return tuple(sorted(found, key=lambda each: each.placement or pieces[0].placements[0]))


def told(answer: Answer) -> str:
    """Value, bound and proof of the last objective."""
    stage = answer.stages[-1]
    return f"{stage.value} (bound {stage.bound}, {stage.proof.value})"


def run_services() -> bool:
    """The six scenarios; whether they are as expected, in time, and right."""
    data = json.loads((Path(__file__).parent / "parvagpu.json").read_text("utf-8"))
    demands = {name: services(scenario) for name, scenario in data["scenarios"].items()}
    supplies = {name: supply(each, tuple(Gpu(str(n), _MODEL) for n in range(40))) for name, each in demands.items()}
    begun = time.process_time()
    answers = {name: fit(demands[name], supplies[name]) for name in demands}
    seconds = time.process_time() - begun
    right = seconds <= _BARS["services"]
    for name, answer in answers.items():
        board = supplies[name].boards[_MODEL]
        counts = []
        for rule, place in baselines.RULES.items():
            cards = [baselines.Card.of(board) for _ in range(60)]
            place(chosen_sizes(data["scenarios"][name], board), cards)
            counts.append(f"{rule} {sum(card.used for card in cards)}")
        wrong = faults(demands[name], supplies[name], answer)
        right = right and not wrong and answer.stages[-1].value == data["expected"][name]
        say(f"{name}: {told(answer)} GPUs; {', '.join(counts)}{'; WRONG: ' + wrong[0] if wrong else ''}")
    say(f"S1 to S6 together: {seconds:.2f} s of CPU (bar {_BARS['services']:.0f} s)")
    return right


def run_growth(largest: int) -> bool:
    """Fleets that grow tenfold; whether each is proved and right, and the largest in time and memory."""
    right = True
    for size in (each for each in _STEPS if each <= largest):
        demand, stock, more = fleet(size, seed=size)
        begun = time.process_time()
        answer = fit(demand, stock)
        seconds = time.process_time() - begun
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begun = time.process_time()
        wrong = faults(demand, stock, answer)
        judged = time.process_time() - begun
        stage = answer.stages[-1]
        say(
            f"{size:>7} GPUs, {sum(more.values())} instances more: {told(answer)} moves, {seconds:.2f} s, "
            f"{megabytes:.0f} MB, judged in {judged:.2f} s{'; WRONG: ' + wrong[0] if wrong else ''}"
        )
        say(f"        without moving: {', '.join(_left_out(stock, more, rule) for rule in baselines.RULES)}")
        right = right and not wrong and answer.fits and stage.value == stage.bound
        if size == _STEPS[-1]:
            right = right and seconds <= _BARS["largest"] and megabytes <= 1024 * _BARS["gigabytes"]
    return right


def _left_out(stock: Supply, more: Counter[str], rule: str) -> str:
    if len(stock.gpus) > 1_000:
        return f"{rule} -"  # one by one, they take minutes where the model takes seconds
    board = stock.boards[_MODEL]
    pieces = [piece for name, count in sorted(more.items()) for _ in range(count) if (piece := board.room_of(name))]
    left = baselines.RULES[rule](pieces, [baselines.Card.of(board, gpu) for gpu in stock.gpus])
    return f"{rule} leaves {left} out"


def say(line: str) -> None:
    """A line of the report, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """All parts; 1 where a bar is missed."""
    options = argparse.ArgumentParser(description="Fitting demand to GPUs")
    options.add_argument("--largest", type=int, default=_STEPS[-1], help="the largest fleet")
    given = options.parse_args()
    catalog.load()
    right = run_services()
    return int(not (run_growth(given.largest) and right))


if __name__ == "__main__":
    sys.exit(main())
