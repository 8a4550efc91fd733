"""Which GPUs of a node a cut is for.

Boundary: one word of the document to a value. Whether a node has such a GPU is layout's to find out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeAlias

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gpucarve import catalog
from gpucarve.model.pci import PciAddress
from gpucarve.spec.problems import Meant, nothing_meant, quoted

MOST_GPUS = 64  # of one host, with room to spare: the largest servers hold 16
_DIGITS = re.compile(r"-?[0-9]+")
_ADDRESS = r"([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.0"


@dataclass(frozen=True, slots=True)
class EveryGpu:
    """Each NVIDIA GPU of the node that no other entry of the pool is for."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class GpuAt:
    """The GPU whose physical function has this address."""

    address: PciAddress

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class GpuModelled:
    """The node's GPUs of a model. `word` is as written: a product, a board, a catalog id or a PCI device id."""

    word: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The catalog's GPUs that are called so: at least one, several where the word names a board or a device."""
        return tuple(gpu.id for gpu in catalog.load().gpus_called(self.word))

    def __str__(self) -> str:
        return self.word


@dataclass(frozen=True, slots=True)
class GpuIndex:
    """The node's GPU of this number, from 0, in the order of their PCI addresses."""

    number: int

    def __str__(self) -> str:
        return str(self.number)


def read(value: object) -> EveryGpu | GpuAt | GpuModelled | GpuIndex:
    """Read a selector. Raises PydanticCustomError, with the words that may have been meant under `meant`."""
    if value == "all":
        return EveryGpu()
    if isinstance(value, int) and not isinstance(value, bool):
        return _index(value)
    if not isinstance(value, str):
        how = 'write `gpu: "0000:3b:00.0"`, `gpu: all`, `gpu: "A100D"` or `gpu: 0`'
        raise _refusal("a GPU is chosen by its PCI address, its model, its index or by `all`", how)
    try:
        address = PciAddress.parse(value)
    except ValueError:
        return _model(value)
    if address.function:
        physical = PciAddress(address.domain, address.bus, address.device, 0)
        message = f"{address} is function {address.function} of its device; a GPU is function 0"
        raise _refusal(message, f"write `{physical}`; the other functions are audio, USB or virtual functions")
    return GpuAt(address)


GpuSelector: TypeAlias = Annotated[
    EveryGpu | GpuAt | GpuModelled | GpuIndex,
    PlainValidator(read),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "all"},
                {"type": "string", "pattern": f"^{_ADDRESS}$"},
                # A model has a letter in its name, or is a device id; no product's name has a dot, every address has.
                {"type": "string", "pattern": r"^([0-9a-fA-F]{4}|[^.]*[A-Za-z][^.]*)$"},
                {"type": "integer", "minimum": 0, "maximum": MOST_GPUS - 1},
            ]
        }
    ),
]


def _index(number: int) -> GpuIndex:
    if 0 <= number < MOST_GPUS:
        return GpuIndex(number)
    if catalog.load().gpus_called(str(number)):
        raise _refusal(f"{number} is a PCI device id, which is text", f'quote it to make it text: "{number}"')
    raise _refusal(f"there is no GPU {number}", f"an index counts a node's GPUs from 0; write 0 to {MOST_GPUS - 1}")


def _model(value: str) -> GpuModelled:
    if catalog.load().gpus_called(value):
        return GpuModelled(value)
    if _DIGITS.fullmatch(value):
        hint = f"an index is 0 to {MOST_GPUS - 1}, in digits, without quotes or leading zeros"
        raise _refusal(f"the text {quoted(value)} is no index", hint)
    if not any(char.isalpha() for char in value) or ":" in value:
        hint = "write it as `lspci -D` prints it, such as `0000:3b:00.0`"
        raise _refusal(f"{quoted(value)} is no PCI address", hint)
    hint = "write a product's name, its board's code or its PCI device id, or an address as `lspci -D` prints it"
    raise _refusal(f"there is no GPU model {quoted(value)}", hint, partial(catalog.load().suggest_gpu, value))


def _refusal(message: str, hint: str, meant: Meant = nothing_meant) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}", {"problem": message, "hint": hint, "meant": meant})
