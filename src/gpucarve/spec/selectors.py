"""Which GPUs of a node a cut is for.

Boundary: one word of the document to a value. Whether a node has such a GPU is layout's to find out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, TypeAlias

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gpucarve import catalog
from gpucarve.model.pci import PciAddress
from gpucarve.spec.problems import quoted

_INDEX = re.compile(r"[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class EveryGpu:
    """Each NVIDIA GPU of the node."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class GpuAt:
    """The GPU whose physical function has this address."""

    address: PciAddress

    def __str__(self) -> str:
        return str(self.address)


def read(value: object) -> EveryGpu | GpuAt:
    """Read `all` or a PCI address. Raises PydanticCustomError on anything else."""
    if value == "all":
        return EveryGpu()
    if isinstance(value, int) or (isinstance(value, str) and _INDEX.fullmatch(value)):
        raise _refusal("a GPU cannot be chosen by its index yet", "write its PCI address, as `lspci -D` prints it")
    if not isinstance(value, str):
        raise _refusal("a GPU is chosen by its PCI address or by `all`", 'write `gpu: "0000:3b:00.0"`')
    try:
        address = PciAddress.parse(value)
    except ValueError:
        raise _unreadable(value) from None
    if address.function:
        physical = PciAddress(address.domain, address.bus, address.device, 0)
        message = f"{address} is function {address.function} of its device; a GPU is function 0"
        raise _refusal(message, f"write `{physical}`; the other functions are audio, USB or virtual functions")
    return GpuAt(address)


GpuSelector: TypeAlias = Annotated[
    EveryGpu | GpuAt,
    PlainValidator(read),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(all|(([0-9a-fA-F]{4}){1,2}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.0)$"}
    ),
]


def _unreadable(value: str) -> PydanticCustomError:
    if _is_model(value):
        message = f"a GPU cannot be chosen by its model yet ({quoted(value)})"
        return _refusal(message, "write its PCI address, as `lspci -D` prints it, or `all`")
    return _refusal(f"{quoted(value)} is no PCI address", "write it as `lspci -D` prints it, such as `0000:3b:00.0`")


def _is_model(value: str) -> bool:
    return value.casefold() in _models()


@cache
def _models() -> frozenset[str]:
    """What people call GPUs, in lower case: catalog ids, product names with and without the maker, boards."""
    known = catalog.load()
    names = {gpu.name.casefold() for gpu in known.gpus()}
    return frozenset(
        names
        | {name.removeprefix("nvidia ") for name in names}
        | {gpu.id for gpu in known.gpus()}
        | {board.casefold() for board in known.boards()}
    )


def _refusal(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("refused", "{problem}", {"problem": message, "hint": hint})
