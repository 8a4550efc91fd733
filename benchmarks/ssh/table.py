"""The results as a table, with each goal and whether it is reached.

Boundary: numbers to text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.ssh.measuring import Took

Times = Mapping[str, tuple[Sequence[Took], Sequence[Took]]]  # by tool: cold and warm


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one host: sessions that its sshd started, bytes towards it and from it."""

    sessions: float
    to: float
    back: float


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured on so many hosts: as it is, with 80 ms more a round trip, and counted."""

    hosts: int
    rounds: int
    times: Times
    slow: Times
    counts: Mapping[str, tuple[Counts, Counts]]


@dataclass(frozen=True, slots=True)
class Goal:
    """`measured` is to be `bound` or less, or more where `least`."""

    what: str
    measured: float
    bound: float
    least: bool = False
    unit: str = "x"

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.measured >= self.bound if self.least else self.measured <= self.bound


_COLD, _WARM = 0, 1
_SLOWER = (("pyinfra", 4.0), ("ansible", 50.0))


def goals(results: Results) -> tuple[Goal, ...]:
    """Those that the measured tools allow to be judged."""
    found: list[Goal] = []
    if not {"gpucarve", "floor"} <= results.times.keys():
        return ()
    ours = results.times["gpucarve"]
    for name, run, bound in (("warm", _WARM, 1.25), ("cold", _COLD, 1.5)):
        found.append(Goal(f"{name} / floor", _wall(ours[run]) / _wall(results.times["floor"][run]), bound))
    for peer, bound in _SLOWER:
        for name, run in (("warm", _WARM), ("cold", _COLD)):
            if peer in results.times:
                ratio = _wall(results.times[peer][run]) / _wall(ours[run])
                found.append(Goal(f"{peer} / gpucarve, {name}", ratio, bound, least=True))
    if "gpucarve" in results.slow:
        more = _wall(results.slow["gpucarve"][_WARM]) - _wall(ours[_WARM])
        found.append(Goal("with 80 ms added, warm", more, 0.5, unit="s more"))
    return tuple(found)


def markdown(results: Results) -> str:
    """As it stands in README.md."""
    head = f"{results.hosts} hosts, median of {results.rounds} rounds\n\n"
    return head + "\n".join(map(_row, _rows(results))) + "\n\n" + "\n".join(map(_row, _judged(results))) + "\n"


def _rows(results: Results) -> list[list[str]]:
    title = ["tool", "cold", "/ floor", "warm", "/ floor", "warm, +80 ms", "CPU here", "CPU of a host", "execs", "kB"]
    rows = [title, ["---", *["--:"] * (len(title) - 1)]]
    for name, (cold, warm) in results.times.items():
        floor = results.times.get("floor", (cold, warm))
        counts = results.counts[name]
        host = (median(each.hosts_cpu for each in run) / results.hosts * 1000 for run in (cold, warm))
        rows.append(
            [
                name,
                f"{_wall(cold):.2f} s",
                f"{_wall(cold) / _wall(floor[_COLD]):.2f}",
                f"{_wall(warm):.2f} s",
                f"{_wall(warm) / _wall(floor[_WARM]):.2f}",
                f"{_wall(results.slow[name][_WARM]):.2f} s" if name in results.slow else "-",
                " / ".join(f"{median(each.cpu for each in run):.2f}" for run in (cold, warm)) + " s",
                " / ".join(f"{each:.0f}" for each in host) + " ms",
                " / ".join(f"{each.sessions:g}" for each in counts),
                " / ".join(f"{(each.to + each.back) / 1000:.0f}" for each in counts),
            ]
        )
    return rows


def _judged(results: Results) -> list[list[str]]:
    rows = [["goal", "bound", "measured", ""], ["---", "--:", "--:", "---"]]
    for goal in goals(results):
        sign = "≥" if goal.least else "≤"
        bound = f"{sign} {goal.bound:g} {goal.unit}"
        rows.append([goal.what, bound, f"{goal.measured:.2f} {goal.unit}", "reached" if goal.reached else "missed"])
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _wall(runs: Sequence[Took]) -> float:
    return median(each.wall for each in runs)
