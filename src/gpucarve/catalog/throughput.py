"""How much integer and floating-point work a GPU can do, and how much a hash takes.

Boundary: three tables as lookups; None where no source says.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader
from gpucarve.catalog.sources import Source


@dataclass(frozen=True, slots=True)
class IntegerThroughput:
    """32-bit integer operations that one multiprocessor ends in one clock, by compute capability."""

    compute_capability: str
    per_clock: int


@dataclass(frozen=True, slots=True)
class FloatThroughput:
    """What one multiprocessor ends in one clock, by compute capability.

    `multiply_adds` are of 32-bit floats, two operations each; the others are operations of its tensor cores on dense
    matrices, summed up in 32 bits. None where there is none, or no source says.
    """

    compute_capability: str
    multiply_adds: int
    float16_tensor: int | None
    tf32_tensor: int | None


@dataclass(frozen=True, slots=True)
class HashRate:
    """What one password takes of the integer pipe, and the hashes a clock and multiprocessor that hashcat reached."""

    algorithm: str
    operations: int
    hashcat_per_clock: float


def integer_throughputs() -> tuple[IntegerThroughput, ...]:
    """Every entry."""
    return loader.entries("integer-throughput", IntegerThroughput)


def float_throughputs() -> tuple[FloatThroughput, ...]:
    """Every entry."""
    return loader.entries("float-throughput", FloatThroughput)


def hash_rates() -> tuple[HashRate, ...]:
    """Every entry."""
    return loader.entries("hash-rates", HashRate)


def integer_throughput(compute_capability: str) -> tuple[IntegerThroughput, Source] | None:
    """The entry of a compute capability (`9.0`), with where it was read."""
    entry = next((each for each in integer_throughputs() if each.compute_capability == compute_capability), None)
    return (entry, loader.sources("integer-throughput")["cuda-guide"]) if entry else None


def float_throughput(compute_capability: str) -> tuple[FloatThroughput, Source, Source] | None:
    """The entry of a compute capability, with the source of its multiply-adds and that of its tensor cores."""
    entry = next((each for each in float_throughputs() if each.compute_capability == compute_capability), None)
    known = loader.sources("float-throughput")
    return (entry, known["cuda-guide-floats"], known["tensor-white-papers"]) if entry else None


def hash_rate(algorithm: str) -> tuple[HashRate, Source, Source] | None:
    """The entry of an algorithm (`SHA-256`), with the source of the count and that of hashcat's rate."""
    entry = next((each for each in hash_rates() if each.algorithm == algorithm), None)
    known = loader.sources("hash-rates")
    return (entry, known["count"], known["hashcat-h200"]) if entry else None
