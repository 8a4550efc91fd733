"""What a device can do at most, from what its driver says, what was read during the run, and the catalog.

Boundary: pure arithmetic. A limit that a fact is missing for is not guessed: there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from gpucarve.bench.reports import Limit
from gpucarve.catalog import throughput

_DRIVER = "read from the driver"


def memory(facts: Mapping[str, Any], name: str) -> Limit | None:
    """Bytes a second that the memory's pins carry: two transfers a clock, the width of the bus.

    None for a MIG slice, whose part of the bus the driver does not tell.
    """
    clock, bits = facts.get("memory_clock_khz"), facts.get("bus_bits")
    if not clock or not bits or "MIG" in name:
        return None
    rate = 2 * float(clock) * 1000 * float(bits) / 8
    what = f"the memory's pins ({clock / 1000:g} MHz x 2 x {bits} bits)"
    return Limit(rate, what, _DRIVER)


def clock_mhz(samples: Sequence[Mapping[str, Any]], span: tuple[float, float] | None = None) -> float | None:
    """The clock of the multiprocessors while the work ran: the median of what was read above the idle one.

    With the `span` of one figure, by the clock that looks have too, that of the looks in it, where there were any.
    """
    if span is not None:
        samples = [each for each in samples if span[0] <= each.get("at", -1.0) <= span[1]] or samples
    read = [float(each["sm_mhz"]) for each in samples if each.get("sm_mhz")]
    return median([each for each in read if each >= 0.8 * max(read)]) if read else None


def hashes(algorithm: str, facts: Mapping[str, Any], mhz: float | None) -> tuple[Limit, ...]:
    """The roof of the integer pipe, and hashcat's rate at this many multiprocessors and this clock."""
    known, processors = throughput.hash_rate(algorithm), facts.get("multiprocessors")
    if known is None or not mhz or not processors:
        return ()
    entry, counted, seen = known
    clocks = float(processors) * mhz * 1e6
    at = f"{processors} multiprocessors at {mhz:g} MHz"
    hashcat = Limit(clocks * entry.hashcat_per_clock, f"hashcat's rate for {at}", seen.title)
    pipe = throughput.integer_throughput(_capability(facts))
    if pipe is None:
        return (hashcat,)
    roof = clocks * pipe[0].per_clock / entry.operations
    what = f"the integer pipe ({at}, {pipe[0].per_clock} operations a clock, {entry.operations} a hash)"
    return (Limit(roof, what, f"{pipe[1].title}; {counted.title}"), hashcat)


def products(precision: str, facts: Mapping[str, Any], mhz: float | None) -> tuple[Limit, ...]:
    """What the pipe of a precision can do: multiply-adds for float32, tensor cores for TF32 and float16."""
    known, processors = throughput.float_throughput(_capability(facts)), facts.get("multiprocessors")
    if known is None or not mhz or not processors:
        return ()
    entry, guide, papers = known
    pipes = {
        "float32": (2 * entry.multiply_adds, "the multiply-add pipe", guide),
        "TF32": (entry.tf32_tensor, "the tensor cores", papers),
        "float16": (entry.float16_tensor, "the tensor cores", papers),
    }
    per_clock, pipe, source = pipes.get(precision, (None, "", guide))
    if per_clock is None:
        return ()
    what = f"{pipe} ({processors} multiprocessors at {mhz:g} MHz, {per_clock} operations a clock)"
    return (Limit(float(processors) * mhz * 1e6 * per_clock, what, source.title),)


def _capability(facts: Mapping[str, Any]) -> str:
    return f"{facts.get('capability_major')}.{facts.get('capability_minor')}"
