"""Which exit status means what: the one table from outcomes and exceptions to numbers.

Boundary: numbers alone. Those from 64 are of sysexits.h; 2 is only ever given with `--detailed-exitcode`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from gpucarve.bench.reports import Report, Standing
from gpucarve.calls.programs import Refusal
from gpucarve.engine.endings import Ending, Outcome, of_refusal
from gpucarve.errors import (
    DocumentError,
    GpucarveError,
    HostError,
    PermissionRefused,
    RetryError,
    UnreachableError,
)
from gpucarve.model.findings import Finding, Verdict


class Exit(IntEnum):
    """What a verb ends with."""

    DONE = 0
    FAILED = 1
    PENDING = 2
    CHECK = 3
    WARNINGS = 4
    PART = 5
    USAGE = 64
    DOCUMENT = 65
    UNREACHABLE = 69
    LOCKED = 75
    PERMISSION = 77
    INTERRUPTED = 130
    PIPE = 141


_OUTCOMES = {
    Outcome.DONE: Exit.DONE,
    Outcome.REFUSED: Exit.CHECK,
    Outcome.DIVERGED: Exit.FAILED,
    Outcome.FAILED: Exit.FAILED,
    Outcome.BLOCKED: Exit.FAILED,
    Outcome.HELD: Exit.FAILED,
    Outcome.LEFT_OUT: Exit.PART,
    Outcome.PAUSED: Exit.PART,
    Outcome.LOCKED: Exit.LOCKED,
    Outcome.OVERTAKEN: Exit.LOCKED,
    Outcome.UNREACHABLE: Exit.UNREACHABLE,
    Outcome.NO_PERMISSION: Exit.PERMISSION,
}

# The first class that fits counts.
_ERRORS: tuple[tuple[type[GpucarveError], Exit], ...] = (
    (DocumentError, Exit.DOCUMENT),
    (HostError, Exit.CHECK),
    (UnreachableError, Exit.UNREACHABLE),
    (RetryError, Exit.LOCKED),
    (PermissionRefused, Exit.PERMISSION),
    (GpucarveError, Exit.FAILED),
)


def of_error(error: GpucarveError) -> Exit:
    """The status of a verb that an error ended."""
    return next(status for kind, status in _ERRORS if isinstance(error, kind))


def of_endings(endings: Iterable[Ending], *, changed: bool) -> Exit:
    """The status of a run; `changed` says that some of its steps were carried out."""
    outcomes = {ending.outcome for ending in endings}
    if outcomes <= {Outcome.DONE}:
        return Exit.DONE
    if changed or Outcome.PAUSED in outcomes:
        return Exit.PART
    causes = outcomes - {Outcome.DONE, Outcome.HELD, Outcome.BLOCKED, Outcome.LEFT_OUT}
    failed = {_OUTCOMES[outcome] for outcome in causes or outcomes - {Outcome.DONE}}
    return failed.pop() if len(failed) == 1 else Exit.FAILED


def of_findings(findings: Sequence[Finding], refused: Iterable[Refusal] = ()) -> Exit:
    """The status of checks; where nothing but the way to the hosts is at fault, that is what it says."""
    failed = [finding for finding in findings if finding.verdict is not Verdict.HOLDS and not finding.warning]
    if failed and all(finding.check == "access" for finding in failed):
        return of_refusals(refused) or Exit.CHECK
    if failed:
        return Exit.CHECK
    return Exit.WARNINGS if any(finding.warning for finding in findings) else Exit.DONE


_STANDINGS = {Standing.UNSTABLE: Exit.WARNINGS, Standing.SHARE: Exit.DONE, Standing.RUNS: Exit.DONE}


def of_reports(reports: Iterable[Report]) -> Exit:
    """The status of workloads: a check failed where one does not run, a warning where a figure is none."""
    statuses = {_STANDINGS.get(each.standing, Exit.CHECK) for report in reports for each in report.workloads}
    return next((each for each in (Exit.CHECK, Exit.WARNINGS) if each in statuses), Exit.DONE)


def of_refusals(refused: Iterable[Refusal]) -> Exit:
    """The status of a look at which these hosts gave no answer."""
    statuses = {_OUTCOMES[of_refusal(refusal).outcome] for refusal in refused}
    if not statuses:
        return Exit.DONE
    return statuses.pop() if len(statuses) == 1 else Exit.FAILED
