"""Why a program gave no result: from its own frames, or from what stood in their place.

Boundary: texts to `Refusal`s, each with what to do about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpucarve.calls import state
from gpucarve.calls.programs import CallOutcome, CallState, Lease, Refusal, RefusalKind
from gpucarve.calls.replies import FailureKind
from gpucarve.transports.shell.failures import kind_of
from gpucarve.transports.shell.frames import Frame, Frames

_SHOWN = 500
_RUN = re.compile(r"run=(\S+) ")
_SUDO = re.compile(
    r"^sudo: .*(password is required|not allowed|no tty present|must have a tty)|not in the sudoers", re.MULTILINE
)
_STUCK = frozenset("D")


def before_begin(frames: Frames) -> Refusal | None:
    """The refusal that the program itself gave."""
    for frame in frames.labelled("refused"):
        try:
            return _refused(frame)
        except (ValueError, IndexError) as error:
            return Refusal(RefusalKind.UNFIT, f"the host's answer makes no sense: {error}"[:_SHOWN])
    return None


def of_ending(
    frames: Frames, complained: RefusalKind, progress: str = "", lease: Lease | None = None
) -> Refusal | None:
    """The refusal of a reply that has no end, or whose shell complained of something."""
    if frames.ended and not frames.complaint:
        return None
    if frames.ended:
        return Refusal(complained, f"the host's shell said: {frames.complaint[:_SHOWN]}{progress}", lease)
    return Refusal(RefusalKind.LOST, f"the answer was cut off{progress}", lease)


def without_answer(stray: str, status: int | None) -> Refusal:
    """The refusal for a shell that ended without a frame: sudo's, or that there is no shell."""
    shown = stray.strip()[:_SHOWN]
    if _SUDO.search(stray):
        fix = "allow it with `USER ALL=(root) NOPASSWD: /bin/sh` in /etc/sudoers.d, or connect as root"
        return Refusal(RefusalKind.NO_PERMISSION, f"sudo does not let this user become root: {shown}", fix=fix)
    if status in (126, 127):
        return Refusal(RefusalKind.UNFIT, f"there is no shell to run: {shown}")
    if status is None and not shown:
        fix = (
            "look there for processes in state D: nvidia-smi hangs so while a GPU does not answer; then reboot the host"
        )
        return Refusal(RefusalKind.LOST, "the host took what was asked and gave no answer in its time", fix=fix)
    return Refusal(RefusalKind.LOST, f"no answer (exit status {status}): {shown}")


def progress(outcomes: Sequence[CallOutcome]) -> str:
    """What is known of each write, for people."""
    known = [f"{n} {o.state.value}" for n, o in enumerate(outcomes) if o.state is not CallState.NOT_REACHED]
    return f"; of {len(outcomes)} writes reported: {', '.join(known) or 'none'}" if outcomes else ""


def _refused(frame: Frame) -> Refusal:
    text = frame.text()
    match frame.words:
        case ("scratch",):
            return Refusal(RefusalKind.UNFIT, "neither /run nor /tmp has room for a scratch directory")
        case ("lacks",):
            return Refusal(RefusalKind.UNFIT, f"the host lacks {', '.join(text.splitlines())}: install it")
        case ("unfit",) if kind_of(text) is FailureKind.REFUSED and "Permission denied" in text:
            fix = "connect as root or through sudo"
            return Refusal(RefusalKind.NO_PERMISSION, f"{state.ROOT} belongs to root: {text[:_SHOWN]}", fix=fix)
        case ("unfit",):
            return Refusal(RefusalKind.UNFIT, f"{state.ROOT} cannot be written: {text[:_SHOWN]}")
        case ("lease",):
            return Refusal(
                RefusalKind.UNFIT,
                f"{state.LEASE} does not hold a lease: {text[:80]!r}; make sure that nobody works on the host, then"
                f" remove it",
            )
        case ("locked",):
            head, lease_line, *processes = frame.parts[0].content.decode("utf-8", "replace").split("\n")
            return Refusal(RefusalKind.LOCKED, _locked(head, processes), state.parse_lease(lease_line))
        case ("held",):
            lease = state.parse_lease(text)
            return Refusal(RefusalKind.LEASE_HELD, f"{_holder(lease)} works on this host", lease)
        case ("fenced",):
            lease = state.parse_lease(text)
            return Refusal(RefusalKind.FENCED, f"the lease is no longer ours: {_holder(lease)} has it", lease)
        case words:
            return Refusal(RefusalKind.LOST, f"the host's answer makes no sense: {' '.join(words)[:_SHOWN]}")


def _holder(lease: Lease) -> str:
    return f"{lease.holder} (run {lease.run}, fence {lease.fence})" if lease.holder else f"nobody (fence {lease.fence})"


def _locked(head: str, lines: Sequence[str]) -> str:
    run = _RUN.match(head)
    found = [line.split(" ", 2) for line in lines if line.count(" ") >= 2]
    shown = ", ".join(f"{name} (pid {pid}, state {process_state})" for pid, process_state, name in found)
    stuck = [pid for pid, process_state, _ in found if process_state in _STUCK]
    return (
        f"the host's lock is held{f' by run {run[1]}' if run else ''}: {shown or 'by a process that cannot be seen'}"
        + (f"; pid {', '.join(stuck)} is stuck in the kernel: if it stays so, only a reboot frees it" if stuck else "")
    )
