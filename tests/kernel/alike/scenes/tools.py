"""Commands, to look and to change: how they end and what they say.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import HostRead, Inspect, ReadFiles, Run, Stat
from gpucarve.calls.programs import Program
from gpucarve.twin import grub
from gpucarve.twin.machine import Script
from gpucarve.twin.nodes import Directory, File
from tests.kernel.alike import props
from tests.kernel.alike.steps import Scene, do, look

_SAVED = "/srv/tools/saved"
_SET = props.put(
    "commands that end in every way",
    {"/srv/tools": Directory(), "/srv/tools/plain": File(b"#!/bin/sh\n")},
    scripts={
        f"{props.COMMANDS}/scene-speaks": Script(stdout=b"out\n" * 100, stderr=b"err\n"),
        f"{props.COMMANDS}/scene-fails": Script(stdout=b"half", stderr=b"why\n", status=3),
        f"{props.COMMANDS}/scene-late": Script(stdout=b"never", sleep=20),
        f"{props.COMMANDS}/scene-killed": Script(signal=9),
        f"{props.COMMANDS}/scene-saves": Script(save_stdin=_SAVED),
    },
)
_ENDS: tuple[tuple[tuple[str, ...], float, int], ...] = (
    (("true",), 30, 1000),
    (("uname", "-r"), 30, 1000),
    (("scene-speaks",), 30, 1000),
    (("scene-speaks",), 30, 100),
    (("scene-fails",), 30, 1000),
    (("scene-late",), 1, 1000),
    (("scene-killed",), 30, 1000),
    (("no-such-command",), 30, 1000),
    (("/srv/tools/none",), 30, 1000),
    (("/srv/tools/plain",), 30, 1000),
    (("/etc/hostname",), 30, 1000),
    (("/srv/tools",), 30, 1000),
)
_LOOKS: tuple[HostRead, ...] = tuple(Inspect(argv, deadline, limit) for argv, deadline, limit in _ENDS)
_RUNS: tuple[Program, ...] = tuple(do(Run(argv, b"", deadline, limit)) for argv, deadline, limit in _ENDS[2:])

ENDS = Scene(
    "how commands end",
    (
        _SET,
        look(*_LOOKS),
        *_RUNS,
        do(
            Run(("scene-saves",), b"given\n"),
            Run(("modprobe", "vfio-pci"), deadline=120),
            then=look(ReadFiles((_SAVED,)), Stat((_SAVED,))),
        ),
        do(Run(("update-grub",), deadline=120), then=look(ReadFiles((grub.MENU,), limit=1 << 20), Stat((grub.MENU,)))),
    ),
)
