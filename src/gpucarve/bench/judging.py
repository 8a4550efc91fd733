"""The runner's answer as a workload with its verdict.

Boundary: data to values. Data of another shape than the runner's becomes a failed workload, not an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpucarve.bench import limits
from gpucarve.bench.asking import Refusal
from gpucarve.bench.reports import STEADY, Check, DeviceFacts, Figure, Limit, Standing, Workload

_COPY = "driver's copy"
_THIS_RUN = "this run"
_UNSTABLE_FIX = "see that nothing else uses the device and that its clocks are not held back, then run it again"

# What NVML calls the bits of the reasons that clocks are held back; the others are idleness and settings of the user.
HELD_BACK = {
    0x4: "the power limit",
    0x8: "a hardware slowdown",
    0x20: "heat",
    0x40: "heat (hardware)",
    0x80: "the power brake",
    0x200: "the board's limit",
    0x400: "a limit for the sake of its reliability",
}


def refused(name: str, refusal: Refusal) -> Workload:
    """A workload that gave no answer."""
    return Workload(name, Standing.REFUSED, why=_sentence(refusal.fact, refusal.rule), fix=refusal.fix)


def judged(name: str, answer: Mapping[str, Any]) -> Workload:
    """What the answer is worth."""
    try:
        return _judged(name, answer)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        return Workload(name, Standing.FAILED, why=f"the runner's answer makes no sense: {error!r}")


def devices(answer: Mapping[str, Any]) -> tuple[DeviceFacts, ...]:
    """The devices an answer tells of."""
    told = answer.get("devices") or ([answer["device"]] if "device" in answer else [])
    return tuple(DeviceFacts(str(each["name"]), str(each["interface"]), dict(each["facts"])) for each in told)


def _judged(name: str, answer: Mapping[str, Any]) -> Workload:
    if "refusal" in answer:
        told = answer["refusal"]
        return refused(name, Refusal(str(told["fact"]), str(told["rule"]), str(told["fix"])))
    if "failure" in answer:
        return Workload(name, Standing.FAILED, why=f"failed: {answer['failure']}")
    notes = _notes(answer)
    if name == "devices":
        found = answer["devices"]
        gpus = sum(bool(each["is_gpu"]) for each in found)
        why = f"{gpus} GPU{'s' * (gpus != 1)}, {len(found) - gpus} other device{'s' * (len(found) - gpus != 1)}"
        return Workload(name, Standing.RUNS, checks=(), why=why, notes=notes)
    checks = tuple(Check(str(c["what"]), str(c["by"]), int(c["wrong"]), int(c["of"])) for c in answer["checks"])
    figures = _figures(name, answer)
    device = str(answer["device"]["name"])
    facts = dict(answer["facts"]) | {
        "monitor": _summary(answer["monitor"]), "seconds": answer["seconds"], "ready_seconds": answer["ready"]
    }  # fmt: skip
    notes += tuple(_beyond(figure) for figure in figures if (figure.share or 0) > 1 and not _relative(figure))
    standing, why, fix = _standing(checks, figures)
    if name == "inference" and standing is Standing.RUNS:
        standing, why, fix = _loadgen(facts)
        notes = (*notes, "this is no MLPerf submission")
    return Workload(name, standing, device, checks, figures, why, fix, notes, facts)


def _standing(checks: Sequence[Check], figures: Sequence[Figure]) -> tuple[Standing, str, str]:
    wrong = [check for check in checks if check.wrong]
    if wrong or not checks:
        told = "; ".join(f"{each.what}: {each.wrong} of {each.of} wrong, by the {each.by}" for each in wrong)
        return (
            Standing.WRONG,
            f"results are wrong: {told or 'nothing was checked'}",
            "do not trust this device with work",
        )
    if any(figure.share is not None for figure in figures):
        return Standing.SHARE, "", ""
    restless = [figure for figure in figures if not figure.steady]
    if restless:
        widest = max(restless, key=lambda figure: figure.spread or 0.0)
        told = f"{widest.name}: the middle half of its samples spans {100 * (widest.spread or 0):.0f} % of the median"
        return Standing.UNSTABLE, f"too unstable for a figure ({told}; at most {100 * STEADY:.0f} %)", _UNSTABLE_FIX
    return Standing.RUNS, "no limit of this device is known to hold its figures against", ""


def _relative(figure: Figure) -> bool:
    """Whether its limit is itself a figure of this run, which another may well reach or pass a little."""
    return figure.limits[0].source == _THIS_RUN


def _beyond(figure: Figure) -> str:
    """What to think of a figure that cannot be."""
    return (
        f"{figure.name} is faster than {figure.limits[0].what}: do not quote this share; the limit's clock was read at "
        "another moment, or what it moves fits a cache"
    )


def _loadgen(facts: Mapping[str, Any]) -> tuple[Standing, str, str]:
    """What LoadGen said of its own run."""
    told = f"LoadGen says {facts['result']} (scenario {facts['scenario']}, seed {facts['seed']})"
    if facts["result"] == "VALID":
        return Standing.RUNS, told, ""
    return Standing.UNSTABLE, f"{told}: {', '.join(facts['unsatisfied']) or 'it names no reason'}", _UNSTABLE_FIX


def _figures(name: str, answer: Mapping[str, Any]) -> tuple[Figure, ...]:
    facts, device = answer["device"]["facts"], str(answer["device"]["name"])
    taken = [
        Figure(str(s["name"]), str(s["unit"]), tuple(float(s["work"]) / float(second) for second in s["seconds"]))
        for s in answer["series"]
    ]
    looks = answer["monitor"].get("samples", ())
    clocks = {str(s["name"]): limits.clock_mhz(looks, _span(s)) for s in answer["series"]}
    pins = limits.memory(facts, device)
    copied = next((figure for figure in taken if figure.name == _COPY), None)
    own = Limit(copied.rate, "the driver's copy of the same run", _THIS_RUN) if copied and copied.steady else None
    return tuple(_with_limits(name, figure, pins, own, facts, clocks[figure.name]) for figure in taken)


def _span(series: Mapping[str, Any]) -> tuple[float, float] | None:
    """When the samples of a series were taken."""
    return (float(series["began"]), float(series["ended"])) if "began" in series else None


def _with_limits(
    name: str, figure: Figure, pins: Limit | None, own: Limit | None, facts: Mapping[str, Any], mhz: float | None
) -> Figure:
    found: tuple[Limit | None, ...] = ()
    if name == "hash":
        found = limits.hashes(figure.name, facts, mhz)
    elif name == "matmul":
        found = limits.products(figure.name, facts, mhz)
    elif name in ("transpose", "vectoradd") and figure.name != _COPY:
        found = (own, pins)
    else:
        found = (pins,)
    return Figure(figure.name, figure.unit, figure.samples, tuple(each for each in found if each is not None))


def _summary(monitor: Mapping[str, Any]) -> dict[str, Any]:
    """What the monitor saw, without its single looks."""
    if "unread" in monitor:
        return {"unread": str(monitor["unread"])}
    samples = monitor["samples"]
    power = [each["milliwatts"] for each in samples if each.get("milliwatts")]
    heat = [each["celsius"] for each in samples if each.get("celsius") is not None]
    return {
        "driver": monitor["driver"],
        "sm_mhz": limits.clock_mhz(samples),
        "watts": max(power) / 1000 if power else None,
        "celsius": max(heat) if heat else None,
        "held_back_by": _held_back(samples),
        "new_uncorrected_errors": monitor["new_uncorrected_errors"],
        "looks": len(samples),
    }


def _held_back(samples: Sequence[Mapping[str, Any]]) -> list[str]:
    bits = 0
    for each in samples:
        bits |= int(each.get("held_back") or 0)
    return [word for bit, word in HELD_BACK.items() if bits & bit]


def _notes(answer: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"no {name} device: {why}" for name, why in answer.get("without", {}).items()]
    monitor = answer.get("monitor", {})
    if "unread" in monitor:
        notes.append(f"clocks were not read: {monitor['unread']}")
    elif "samples" in monitor:
        notes.extend(f"clocks were held back by {each}" for each in _held_back(monitor["samples"]))
        if monitor.get("new_uncorrected_errors"):
            notes.append(f"{monitor['new_uncorrected_errors']} uncorrected memory errors during the run")
    return tuple(notes)


def _sentence(fact: str, rule: str) -> str:
    return f"{fact}; {rule}" if rule else fact
