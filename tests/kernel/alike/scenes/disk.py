"""Files, links and claims on a disk that refuses, fills up and cannot be written.

Boundary: scenes as data.
"""

from __future__ import annotations

import errno
from dataclasses import replace

from gpucarve.calls.predicates import Absent, AtLeast, Equals, LinksTo, Predicate, Sha256
from gpucarve.calls.primitives import (
    Claim,
    Disown,
    HostWrite,
    MakeLink,
    ReadFiles,
    ReadLinks,
    Remove,
    Restore,
    Run,
    Stat,
    WriteFile,
    WriteValue,
)
from gpucarve.calls.programs import Guarded
from gpucarve.calls.state import CLAIMS, RECORD
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Mount
from gpucarve.twin.nodes import Attribute, Directory, File, Link, Special
from tests.kernel.alike import props
from tests.kernel.alike.steps import Act, Scene, do, guarded, look

TOP = "/srv/scene"
ODD = "/srv/odd"
SMALL, FIXED = f"{TOP}/small", f"{TOP}/fixed"
_CAPACITY = 65536
PLAIN, DANGLING, LOOP, FOLDER = f"{TOP}/plain", f"{TOP}/dangling", f"{TOP}/loop", f"{TOP}/folder"

SET = props.put(
    "files of every kind",
    {
        TOP: Directory(),
        PLAIN: File(b"text\n"),
        f"{TOP}/number": File(b"42\n"),
        f"{TOP}/private": File(b"kept to itself", 0o600, 12, 34),
        f"{TOP}/big": File(b"z" * 3000, 0o640),
        f"{TOP}/to-plain": Link("plain"),
        DANGLING: Link("nothing"),
        LOOP: Link("loop"),
        f"{TOP}/fifo": Special(0o644),
        FOLDER: Directory(0o750),
        f"{FOLDER}/inside": File(b""),
        f"{TOP}/empty": Directory(),
        ODD: Directory(),
        f"{ODD}/io": Attribute(read_error=errno.EIO, write_error=errno.EIO),
        f"{ODD}/number": Attribute(write_error=errno.EINVAL),
        f"{ODD}/shown": Attribute(write_error=errno.EACCES),
        f"{ODD}/full": Attribute(write_error=errno.ENOSPC),
        f"{ODD}/speed": Attribute(read_error=errno.EINVAL),
        f"{FIXED}/old": File(b"old"),
        f"{FIXED}/link": Link("old"),
    },
    (Mount(SMALL, capacity=_CAPACITY), Mount(FIXED, read_only=True)),
)
ALL_OF_IT = look(
    ReadFiles((f"{TOP}/*", f"{TOP}/*/*")), ReadLinks((f"{TOP}/*", f"{TOP}/*/*")), Stat((f"{TOP}/*", f"{TOP}/*/*"))
)
CLAIMED = look(
    ReadFiles((f"{CLAIMS}/*/*", f"{CLAIMS}/*/kept/*/*", RECORD)),
    Stat((CLAIMS, f"{CLAIMS}/*", f"{CLAIMS}/*/kept", f"{CLAIMS}/*/kept/*", f"{CLAIMS}/*/kept/*/*", RECORD)),
)

FILES = Scene(
    "files and links",
    (
        look(
            *ALL_OF_IT,
            ReadFiles((f"{TOP}/big",), limit=100),
            ReadFiles((f"{ODD}/io", f"{ODD}/speed", "/sys/bus/pci/drivers_probe")),
            ReadFiles((f"{TOP}/none*",)),
            ReadLinks((f"{TOP}/none*", PLAIN)),
            Stat((f"{TOP}/none*", f"{LOOP}/x")),
        ),
        do(
            WriteFile(PLAIN, b"other text\n"),
            WriteFile(f"{TOP}/private", b"still kept"),
            WriteFile(f"{TOP}/to-plain", b"by its link\n"),
            WriteFile(DANGLING, b"something", 0o640),
            WriteFile(f"{TOP}/new", b"", 0o600),
            WriteValue(f"{TOP}/number", "43"),
            MakeLink(f"{TOP}/made", "anywhere at all"),
            Remove(f"{TOP}/big"),
            Remove(f"{TOP}/to-plain"),
            Remove(f"{TOP}/empty"),
            Remove(f"{TOP}/fifo"),
            then=ALL_OF_IT,
        ),
        *(
            do(write)
            for write in (
                WriteFile(f"{TOP}/none/file", b"x"),
                WriteFile(f"{PLAIN}/file", b"x"),
                WriteFile(FOLDER, b"x"),
                WriteFile("/dev/null", b"x"),
                WriteFile(LOOP, b"x"),
                WriteFile(f"{FIXED}/old", b"new"),
                WriteFile(f"{FIXED}/new", b"new"),
                WriteFile(f"{SMALL}/large", b"x" * 2 * _CAPACITY),
                WriteFile("/proc/cmdline", b"x"),
                WriteFile("/sys/bus/pci/new", b"x"),
                WriteValue(f"{ODD}/io", "x"),
                WriteValue(f"{ODD}/number", "nonsense"),
                WriteValue(f"{ODD}/shown", "1"),
                WriteValue(f"{ODD}/full", "1"),
                MakeLink(PLAIN, "x"),
                MakeLink(f"{TOP}/none/link", "x"),
                MakeLink(f"{PLAIN}/link", "x"),
                MakeLink(f"{LOOP}/link", "x"),
                MakeLink(f"{FIXED}/new", "x"),
                Remove(f"{TOP}/none"),
                Remove(FOLDER),
                Remove(f"{LOOP}/x"),
                Remove(f"{FIXED}/old"),
                Remove(SMALL),
                Remove("/proc/cmdline"),
            )
        ),
        ALL_OF_IT,
    ),
)

KEPT = Scene(
    "claims and what they keep",
    (
        do(
            Claim("all", '{"a": 1}', (PLAIN, f"{TOP}/private", DANGLING, f"{TOP}/nothing-yet", f"{FIXED}/old")),
            Claim("all", '{"a": 2}', (f"{TOP}/number",)),
            Claim("none", "{}"),
            then=CLAIMED,
        ),
        do(Claim("folder", "{}", (FOLDER,)), then=CLAIMED),
        do(
            WriteFile(PLAIN, b"changed"),
            Remove(f"{TOP}/private"),
            Remove(DANGLING),
            WriteFile(f"{TOP}/nothing-yet", b"made"),
            Restore("all", PLAIN),
            Restore("all", f"{TOP}/private"),
            Restore("all", DANGLING),
            Restore("all", f"{TOP}/nothing-yet"),
            Restore("all", f"{TOP}/number"),
            then=ALL_OF_IT,
        ),
        do(Restore("all", f"{FIXED}/old")),
        do(Restore("never", PLAIN)),
        do(Remove(PLAIN)),
        props.put("a directory in its place", {PLAIN: Directory()}),
        do(Restore("all", PLAIN)),
        do(
            WriteFile(f"{SMALL}/kept", b"k" * 20000),
            Claim("small", "{}", (f"{SMALL}/kept",)),
            WriteFile(f"{SMALL}/kept", b"x"),
            WriteFile(f"{SMALL}/filling", b"f" * 50000),
            Restore("small", f"{SMALL}/kept"),
        ),
        do(
            WriteFile(f"{CLAIMS}/none/record", b"{}"),
            Disown("none"),
            Disown("none"),
            WriteFile(f"{CLAIMS}/all/kept/0/status", b"nonsense\n"),
            Remove(PLAIN),
            Restore("all", PLAIN),
            then=CLAIMED,
        ),
    ),
)


def _fixed(twin: SimulatedHost) -> None:
    mounts = tuple(replace(each, read_only=each.read_only or each.path == CLAIMS) for each in twin.machine.mounts)
    twin.machine = replace(twin.machine, mounts=mounts)


FULL = Scene(
    "claims on a disk that is full, then fixed",
    (
        SET,
        do(),
        props.put("a small disk for the claims", {}, (Mount(CLAIMS, capacity=16384),)),
        do(WriteFile(f"{CLAIMS}/filling", b"f" * 12000), Claim("one", "{}", (PLAIN,))),
        do(WriteFile(f"{CLAIMS}/filling", b"")),
        do(Remove(f"{CLAIMS}/filling"), Claim("two", "{}"), then=CLAIMED),
        Act("which is read-only now", f"mount -o remount,ro {CLAIMS}", _fixed),
        do(Claim("three", "{}")),
        do(Disown("two")),
        do(Claim("two", "{}"), then=CLAIMED),
    ),
)

_SHA = Sha256.of(PLAIN, b"text\n")
_TRUE: tuple[Predicate, ...] = (
    Equals(PLAIN, "text"), Absent(f"{TOP}/none"), LinksTo(DANGLING, "nothing"), AtLeast(f"{TOP}/number", 42), _SHA
)  # fmt: skip
_FALSE: tuple[Predicate, ...] = (
    Equals(PLAIN, "texts"),
    Absent(DANGLING),
    LinksTo(DANGLING, "nothin"),
    AtLeast(f"{TOP}/number", 43),
    Sha256(PLAIN, "0" * 64),
    Equals(FOLDER, ""),
    Equals(f"{TOP}/none", ""),
    AtLeast(PLAIN, 0),
    LinksTo(PLAIN, "x"),
    Sha256(f"{TOP}/none", _SHA.digest),
)
_WRITES: tuple[HostWrite, ...] = (
    Run(("true",)),
    WriteFile(f"{TOP}/guarded", b"x"),
    WriteValue(f"{TOP}/private", "y"),
    MakeLink(f"{TOP}/link", "x"),
    Remove(f"{TOP}/link"),
    Claim("guarded", "{}", (PLAIN,)),
    Restore("guarded", PLAIN),
    Disown("guarded"),
)
GUARDS = Scene(
    "guards",
    (
        SET,
        do(*(Guarded(each, wanted=_TRUE) for each in _WRITES), then=(*ALL_OF_IT, *CLAIMED)),
        do(*(guarded(each, *_TRUE, wanted=(missed,)) for each, missed in zip(_WRITES, _FALSE, strict=False)),
           then=(*ALL_OF_IT, *CLAIMED)),
        *(
            do(guarded(each, *_TRUE, missed), *_WRITES)
            for each, missed in zip((*_WRITES, *_WRITES), _FALSE, strict=False)
        ),
    ),
)  # fmt: skip
