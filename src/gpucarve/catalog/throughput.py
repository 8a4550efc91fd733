"""How much integer work a GPU can do, and how much a hash takes.

Boundary: two tables as lookups; None where no source says.
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
class HashRate:
    """What one password takes of the integer pipe, and the hashes a clock and multiprocessor that hashcat reached."""

    algorithm: str
    operations: int
    hashcat_per_clock: float


def integer_throughputs() -> tuple[IntegerThroughput, ...]:
    """Every entry."""
    return loader.entries("integer-throughput", IntegerThroughput)


def hash_rates() -> tuple[HashRate, ...]:
    """Every entry."""
    return loader.entries("hash-rates", HashRate)


def integer_throughput(compute_capability: str) -> tuple[IntegerThroughput, Source] | None:
    """The entry of a compute capability (`9.0`), with where it was read."""
    entry = next((each for each in integer_throughputs() if each.compute_capability == compute_capability), None)
    return (entry, loader.sources("integer-throughput")["cuda-guide"]) if entry else None


def hash_rate(algorithm: str) -> tuple[HashRate, Source, Source] | None:
    """The entry of an algorithm (`SHA-256`), with the source of the count and that of hashcat's rate."""
    entry = next((each for each in hash_rates() if each.algorithm == algorithm), None)
    known = loader.sources("hash-rates")
    return (entry, known["count"], known["hashcat-h200"]) if entry else None
