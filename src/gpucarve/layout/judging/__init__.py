"""A judge of fitted layouts: is this layout allowed, is it what it says it is, and is nothing better.

It is given the demand, the supply and the answer, and works everything out again: `cards` place by place,
`nodes` what GPUs have in common, `values` every request and objective, and `prices` the bound below which no layout
comes, over all layouts that a card can have.

Boundary: shares values with `layout.fitting`, and no code with its patterns, models or searches.
"""

from __future__ import annotations

from gpucarve.layout.fitting.answers import Answer
from gpucarve.layout.fitting.demand import Demand
from gpucarve.layout.fitting.supply import Supply
from gpucarve.layout.judging import cards, nodes, proofs, values


def faults(demand: Demand, supply: Supply, answer: Answer) -> list[str]:
    """Everything that is wrong with an answer, in words; nothing where it is right and as good as it says."""
    if [each.gpu for each in answer.gpus] != [each.name for each in supply.gpus]:
        return ["the GPUs are not those of the supply"]
    return [
        *cards.faults(demand, supply, answer),
        *nodes.faults(demand, supply, answer),
        *values.faults(demand, supply, answer),
        *proofs.faults(demand, supply, answer),
    ]
