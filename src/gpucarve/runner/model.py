"""A small network that is made here, as ONNX, and what it must answer.

Three dense layers with a rectifier between them; weights and inputs are numbers of a pattern, so that nothing has to be
shipped. ONNX is a message of protocol buffers (onnx.proto, version 8 of its representation, operators of version 13);
the few fields that are needed are written by hand.

Boundary: numbers to bytes and to numbers. The answer is worked out in plain Python, one multiplication after the other.
"""

from __future__ import annotations

from array import array
from functools import cache

from gpucarve.runner import patterns

SIZES = (256, 512, 256, 16)
INPUT, OUTPUT = "x", "y"
_FLOAT, _OPERATORS, _REPRESENTATION = 1, 13, 8


def onnx() -> bytes:
    """The network for one input at a time."""
    nodes, tensors, given = b"", b"", INPUT
    last = len(SIZES) - 2
    for layer in range(len(SIZES) - 1):
        dense = OUTPUT if layer == last else f"dense{layer}"
        names = (given, f"weights{layer}", f"bias{layer}")
        nodes += _node("Gemm", names, dense)
        tensors += _tensor(names[1], (SIZES[layer], SIZES[layer + 1]), _weights(layer))
        tensors += _tensor(names[2], (SIZES[layer + 1],), _bias(layer))
        given = f"positive{layer}"
        nodes += b"" if layer == last else _node("Relu", (dense,), given)
    ends = _field(11, _value(INPUT, SIZES[0])) + _field(12, _value(OUTPUT, SIZES[-1]))
    graph = nodes + _field(2, b"made") + tensors + ends
    return _number(1, _REPRESENTATION) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, _OPERATORS))


def given(index: int) -> array[float]:
    """The input of that number: floats from -1 to 1."""
    return _numbers(1000 + index, SIZES[0], 1.0)


def expected(index: int) -> list[float]:
    """What the network answers to it."""
    values = list(given(index))
    for layer in range(len(SIZES) - 1):
        weights, bias, width = _weights(layer), _bias(layer), SIZES[layer + 1]
        values = [
            bias[column] + sum(value * weight for value, weight in zip(values, weights[column::width]))
            for column in range(width)
        ]
        if layer < len(SIZES) - 2:
            values = [max(0.0, value) for value in values]
    return values


@cache
def _weights(layer: int) -> array[float]:
    return _numbers(layer, SIZES[layer] * SIZES[layer + 1], 2.0 / SIZES[layer] ** 0.5)


@cache
def _bias(layer: int) -> array[float]:
    return _numbers(100 + layer, SIZES[layer + 1], 0.1)


def _numbers(seed: int, count: int, size: float) -> array[float]:
    return array("f", [(patterns.number(index, seed) - 1.5) * 2 * size for index in range(count)])


def _node(operator: str, inputs: tuple[str, ...], output: str) -> bytes:
    named = b"".join(_field(1, each.encode()) for each in inputs)
    return _field(1, named + _field(2, output.encode()) + _field(4, operator.encode()))


def _tensor(name: str, sides: tuple[int, ...], content: array[float]) -> bytes:
    shape = b"".join(_number(1, side) for side in sides)
    return _field(5, shape + _number(2, _FLOAT) + _field(8, name.encode()) + _field(9, content.tobytes()))


def _value(name: str, width: int) -> bytes:
    shape = b"".join(_field(1, _number(1, side)) for side in (1, width))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, _FLOAT) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
