"""One GPU chosen by two entries of a pool, as far as the words alone show it.

Boundary: same address, same index, models in common, or `all` twice. A wider entry is for the GPUs that narrower ones
leave, so an address beside a model or `all` is no clash. That an index and an address are one
GPU shows on the host, where layout says it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from gpucarve.spec import selectors, tree
from gpucarve.spec.problems import Problem, quoted
from gpucarve.spec.selectors import EveryGpu, GpuModelled, GpuSelector
from gpucarve.spec.tree import Node, Path, Scalar, Span

_HINT = "the other entry is on line {}; give each GPU one entry, with all that it becomes"


def problems(cuts: list[tuple[Node, Path]]) -> Iterator[Problem]:
    """Every entry that is for a GPU which an earlier one is for."""
    first: dict[object, tuple[GpuSelector, Span]] = {}
    for cut, path in cuts:
        node, node_path = tree.member(cut, path, "gpu")
        selector = _selector(node)
        if node is None or selector is None:
            continue
        marks = _marks(selector)
        clash = next((first[mark] for mark in marks if mark in first), None)
        if clash is not None:
            yield Problem(node.span, node_path, _message(selector, clash[0]), _HINT.format(clash[1].line))
        for mark in marks:
            first.setdefault(mark, (selector, node.span))


def _marks(selector: GpuSelector) -> tuple[object, ...]:
    """What two selectors that meet have in common."""
    match selector:
        case EveryGpu():
            return ("all",)
        case GpuModelled():
            return selector.ids
        case _:
            return (selector,)


def _message(selector: GpuSelector, other: GpuSelector) -> str:
    if str(selector).casefold() == str(other).casefold():
        return f"the GPU {quoted(str(selector))} is cut twice"
    return f"{quoted(str(selector))} is a GPU that {quoted(str(other))} means too"


def _selector(node: Node | None) -> GpuSelector | None:
    """The selector; None where it is none, which the models say."""
    if not isinstance(node, Scalar):
        return None
    try:
        return selectors.read(node.value)
    except PydanticCustomError:
        return None
