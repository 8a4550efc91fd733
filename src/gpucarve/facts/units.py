"""Our boot unit: its file, its script, and what systemd says of it.

A host without systemd, and one that never saw us, give a clean answer: nothing there, no state.

Boundary: our own unit alone; what others run is `facts.users`. Source: systemctl(1) `show`, org.freedesktop.systemd1(5)
for the properties (`Job` is empty unless a job is queued for the unit).
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.calls.primitives import KIB, Inspect, ReadFiles, ReadLinks
from gpucarve.calls.replies import Exited, Failure, FailureKind, Links, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect, whole

NAME = "gpucarve-boot.service"
UNIT = f"/etc/systemd/system/{NAME}"
SCRIPT = f"{state.ROOT}/boot"
_PROPERTIES = "--property=ActiveState,UnitFileState,Job,NeedDaemonReload"


@dataclass(frozen=True, slots=True)
class BootUnit:
    """`unit` and `script` are the files' bytes, None where there is none.

    `state` is systemd's ActiveState (`inactive`, `activating`, `active`, `failed`), empty where no systemd answers;
    `due` says that systemd has yet to run it, or to see its end, in this boot; `stale` that systemd holds an older
    text of the unit than the file has; `link` is what the unit's path points to where it is a symbolic link
    (`/dev/null` when somebody masked it), else empty.
    """

    unit: bytes | None = None
    script: bytes | None = None
    enabled: bool = False
    state: str = ""
    due: bool = False
    stale: bool = False
    link: str = ""


def _parse(replies: tuple[Reply, ...]) -> BootUnit:
    files = {path: file.content for path, file in whole(replies[0]).items()}
    link = expect(replies[1], Links).by_path().get(UNIT, "")
    said = _properties(replies[2], strict=UNIT in files)
    return BootUnit(
        unit=files.get(UNIT),
        script=files.get(SCRIPT),
        enabled=said.get("UnitFileState") == "enabled",
        state=said.get("ActiveState", ""),
        due=said.get("ActiveState") == "activating" or bool(said.get("Job")),
        stale=said.get("NeedDaemonReload") == "yes",
        link=link,
    )


def _properties(reply: Reply, *, strict: bool) -> dict[str, str]:
    """What systemd says. Where it says nothing, that is known only of a host on which our unit is not."""
    if isinstance(reply, Exited) and reply.status == 0:
        return dict(line.split("=", 1) for line in reply.text().splitlines() if "=" in line)
    if not strict or (isinstance(reply, Failure) and reply.kind is FailureKind.ABSENT):
        return {}
    exited = expect(reply, Exited)
    raise Unreadable(f"systemctl show {NAME} ended with {exited.status}: {exited.error_text()[:200]}")


PROBE = Probe(
    "boot unit",
    (
        ReadFiles((UNIT, SCRIPT), limit=64 * KIB),
        ReadLinks((UNIT,)),
        Inspect(("systemctl", "show", _PROPERTIES, NAME)),
    ),
    _parse,
)
