"""Which kinds of calls were answered with which classes of outcomes, and why the others cannot be had.

Kinds and classes follow from `gpucarve.calls` (see `answers`), so a new one is a cell that is neither filled nor
explained.

Boundary: counting; the reasons are data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from gpucarve.calls.programs import CallState, RefusalKind
from gpucarve.calls.replies import FailureKind as Kind
from tests.kernel.alike.answers import (
    CLASSES,
    CUT,
    DONE,
    GATHER,
    GUARDS,
    KINDS,
    LEASES,
    NOTHING,
    READS,
    REFUSALS,
    STATES,
    STATUS,
    WAIT,
    WRITES,
)

Cells = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Never:
    """Cells that cannot be had, or not here, and why."""

    why: str
    kinds: Collection[str]
    classes: Collection[str]


def _values(*kinds: Kind) -> tuple[str, ...]:
    return tuple(kind.value for kind in kinds)


_PROGRAMS = (*LEASES, GATHER, WAIT)
_COMMANDS = ("Inspect", "Run")
_FILES = tuple(each for each in (*READS, *WRITES) if each not in _COMMANDS)
_CALLS = (*READS, *WRITES)
_WAY = tuple(
    kind.value for kind in (RefusalKind.NO_PERMISSION, RefusalKind.HOST_KEY, RefusalKind.UNREACHABLE, RefusalKind.LOST)
)

NEVER: tuple[Never, ...] = (
    Never("a read has no guard, and the next one is asked whatever came of it", READS, STATES),
    Never("a program or a wait is refused as a whole; its calls have classes of their own", _CALLS, REFUSALS),
    Never(
        "a program, a gathering and a wait are carried out or refused; what they hold has classes of its own",
        _PROGRAMS,
        (NOTHING, CUT, STATUS, *STATES, *(each.value for each in Kind if each is not Kind.UNREACHABLE)),
    ),
    Never(
        "the way to the host, and no part of it: the contract suite and the stories of losses and strangers have them",
        _PROGRAMS,
        _WAY,
    ),
    Never("only a lease of another's is held, and only one that was ours is fenced", ("Acquire",), ("fenced",)),
    Never("who holds or gives back has the lease or has lost it", ("Hold", "Release"), ("lease held",)),
    Never("taking no lock and no lease, they cannot be refused for one", (GATHER,), ("locked",)),
    Never("without a lease there is no holder and no fence", (GATHER, WAIT), ("lease held", "fenced")),
    Never(
        "a host that lacks a command it needs is not among the machines that the twin has", (GATHER, WAIT), ("unfit",)
    ),
    Never(
        "a guard lets pass, skips or stops; why its read failed is not told",
        GUARDS,
        tuple(each for each in CLASSES if each not in (DONE, CallState.SKIPPED.value, CallState.STOPPED.value)),
    ),
    Never(
        "of files and commands alone there may be too much",
        [each for each in _CALLS if each not in ("ReadFiles", *_COMMANDS)],
        (CUT,),
    ),
    Never("a write or a command is about something", (*WRITES, "Inspect"), (NOTHING,)),
    Never("commands alone have an exit status", _FILES, (STATUS,)),
    Never("two managers of one field are a cluster's matter", _CALLS, _values(Kind.CONFLICT)),
    Never("a transport that loses the host refuses the whole program", _CALLS, _values(Kind.UNREACHABLE)),
    Never(
        "what stands at a path is told by kind; a link's text and a status can always be read",
        ("ReadLinks", "Stat"),
        _values(*(each for each in Kind if each not in (Kind.CONFLICT, Kind.UNREACHABLE))),
    ),
    Never(
        "over SSH the reads run as root, who sees the descriptors of all, and a process that goes is no holder",
        ("FindHolders",),
        _values(*(each for each in Kind if each not in (Kind.CONFLICT, Kind.UNREACHABLE))),
    ),
    Never(
        "reading makes, takes and fills nothing",
        ("ReadFiles",),
        _values(Kind.EXISTS, Kind.BUSY, Kind.EXHAUSTED),
    ),
    Never(
        "a read that waits is ended after its 60 s, which is longer than the rest",
        ("ReadFiles",),
        _values(Kind.TIMED_OUT),
    ),
    Never(
        "the shell's own tools do it, which nobody kills; that a signal is told is the contract suite's",
        _FILES,
        _values(Kind.KILLED),
    ),
    Never(
        "only a value's write has a deadline",
        [each for each in WRITES if each not in ("Run", "WriteValue")],
        _values(Kind.TIMED_OUT),
    ),
    Never(
        "what a command ran into is told by its status and its words",
        _COMMANDS,
        _values(Kind.EXISTS, Kind.BUSY, Kind.EXHAUSTED, Kind.INVALID, Kind.NOT_REGULAR, Kind.OTHER),
    ),
    Never("it is put in the place of what is there", ("WriteFile",), _values(Kind.EXISTS)),
    Never(
        "only where a file is a mount point of its own, which the twin has none of", ("WriteFile",), _values(Kind.BUSY)
    ),
    Never(
        "any bytes are a file's, any text is a link's",
        ("WriteFile", "MakeLink", "Remove", "Claim", "Restore", "Disown"),
        _values(Kind.INVALID),
    ),
    Never("it never looks at what it would replace", ("MakeLink", "Remove", "Disown"), _values(Kind.NOT_REGULAR)),
    Never("nothing is held while a link is made", ("MakeLink",), _values(Kind.BUSY)),
    Never(
        "a link takes an inode and no block, and the twin's disks run out of blocks alone",
        ("MakeLink",),
        _values(Kind.EXHAUSTED),
    ),
    Never("removing takes no room", ("Remove", "Disown"), _values(Kind.EXHAUSTED)),
    Never("what leads nowhere is absent, and nothing else goes wrong without a name", ("Remove",), _values(Kind.OTHER)),
    Never(
        "its own folder is there, and what it names may stand, be of use to others, or be gone",
        ("Claim", "Disown"),
        _values(Kind.ABSENT, Kind.EXISTS, Kind.BUSY, Kind.OTHER),
    ),
    Never("it puts back what was there, in the place of what is", ("Restore",), _values(Kind.EXISTS, Kind.BUSY)),
)


def unexplained(cells: Cells) -> list[str]:
    """Cells that are neither filled nor explained, and those that are both."""
    reasons = {(kind, name) for each in NEVER for kind in each.kinds for name in each.classes}
    every = {(kind, name) for kind in KINDS for name in CLASSES}
    missing = [
        f"no {kind} was answered {name!r}, and no reason is given"
        for kind, name in sorted(every - reasons - cells.keys())
    ]
    wrong = [
        f"{kind} was answered {name!r}, for which there is a reason why not"
        for kind, name in sorted(reasons & cells.keys())
    ]
    return missing + wrong + [f"not a cell: {cell}" for cell in sorted((reasons | cells.keys()) - every)]


def table(cells: Cells) -> str:
    """The matrix: a row a kind, a column a class; `-` where a reason says why not."""
    names = [name for name in CLASSES if any(cells[kind, name] for kind in KINDS)]
    width = max(map(len, KINDS))
    lines = [" " * width + "".join(f" {name:>9.9}" for name in names)]
    for kind in KINDS:
        lines.append(f"{kind:{width}}" + "".join(f" {cells[kind, name] or '-':>9}" for name in names))
    return "\n".join(lines)
