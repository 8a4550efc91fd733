"""Time-sliced vGPUs on one GPU: as many as the board's own list says, one framebuffer size to a GPU."""

from __future__ import annotations

import pytest

from gpucarve.layout.fitting.solving import Solver, fit
from gpucarve.layout.judging import faults
from tests.fit.cases import demand, supply

# A10: NVIDIA vGPU software documentation. M60: max_instance of each type as mdevctl lists them on such a board.
MOST = {
    "a10": {"A10-24Q": 1, "A10-12Q": 2, "A10-8Q": 3, "A10-4Q": 6},
    "m60": {
        "M60-8Q": 1,
        "M60-8A": 1,
        "M60-4Q": 2,
        "M60-4A": 2,
        "M60-2Q": 4,
        "M60-2B": 4,
        "M60-2A": 4,
        "M60-1Q": 8,
        "M60-1B": 8,
        "M60-1A": 8,
        "M60-0Q": 16,
        "M60-0B": 16,
    },
}
CASES = [(model, name, most) for model, types in MOST.items() for name, most in types.items()]


def _gpus(model: str, counts: dict[str, int]) -> int:
    wanted = demand(counts)
    stock = supply(wanted, {model: 4})
    answer = fit(wanted, stock, solver=Solver.OWN)
    assert answer.fits
    assert faults(wanted, stock, answer) == []
    return answer.stages[-1].value


@pytest.mark.parametrize(("model", "name", "most"), CASES, ids=[name for _, name, _ in CASES])
def test_a_gpu_holds_so_many_of_a_type_and_one_more_takes_another(model: str, name: str, most: int) -> None:
    assert _gpus(model, {name: most}) == 1
    assert _gpus(model, {name: most + 1}) == 2


def test_sizes_do_not_share_a_gpu_and_series_of_one_size_do() -> None:
    assert _gpus("a10", {"A10-12Q": 1, "A10-8Q": 1}) == 2
    assert _gpus("a10", {"A10-8Q": 2, "A10-8C": 1}) == 1
    assert _gpus("m60", {"M60-2Q": 2, "M60-2B": 1, "M60-2A": 1}) == 1
