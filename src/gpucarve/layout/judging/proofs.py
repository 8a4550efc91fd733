"""That nothing is better: each stage's bound, worked out again from the prices that the answer comes with.

Boundary: sums over GPUs, nodes and requests of what `prices` says that each can cost at the least.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.demand import Demand
from gpucarve.layout.fitting.solutions import Proof
from gpucarve.layout.fitting.supply import Gpu, Node, Standing, Supply
from gpucarve.layout.judging.prices import Prices


def faults(demand: Demand, supply: Supply, answer: Answer) -> Iterator[str]:
    """What is said to be proved and is not."""
    for number, stage in enumerate(answer.stages):
        name = stage.objective.value if stage.objective else "unmet"
        if stage.bound > stage.value:
            yield f"{name}: the bound {stage.bound} is above the value {stage.value}"
        if stage.proof is not Proof.NONE and stage.bound < stage.value:
            yield f"{name}: it is said to be proved, and its bound is {stage.bound}"
        if stage.proof is Proof.PRICES and (least := bound(demand, supply, answer, number)) <= stage.value - 1:
            yield f"{name}: the prices prove no more than {float(least):.3f} of {stage.value}"


def bound(demand: Demand, supply: Supply, answer: Answer, number: int) -> Fraction:
    """What the prices of a stage prove: no layout that is as good in the stages before costs less."""
    stage, before = answer.stages[number], answer.stages[:number]
    prices = Prices.of(demand, supply, answer, number)
    total = -sum((price * each.value for price, each in zip(stage.earlier, before, strict=True)), Fraction(0))
    nodes: defaultdict[str, list[Gpu]] = defaultdict(list)
    alone: Counter[tuple[str, tuple[Standing, ...], Node]] = Counter()
    for gpu in supply.gpus:
        node = supply.nodes.get(gpu.node, Node())
        if gpu.node and not node.closed and prices.binds(node):
            nodes[gpu.node].append(gpu)
        else:
            alone[gpu.board, gpu.standing, node] += 1
    for (board, standing, node), times in alone.items():
        total += times * prices.gpu(board, standing, node)
    for name, gpus in nodes.items():
        total += prices.node(gpus, supply.nodes.get(name, Node()))
    return total + prices.requests()


def proved(answer: Answer) -> bool:
    """Whether every value is the best there is."""
    return all(math.isclose(each.value, each.bound) for each in answer.stages)
