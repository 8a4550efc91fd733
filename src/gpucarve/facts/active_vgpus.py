"""Which GPU instance each vGPU of a running guest stands in, as NVIDIA's driver tells.

The driver chooses an instance of the type's profile, and tells which one only of vGPUs that a guest runs with. The
tool is started only where there is a vGPU, since each start of it opens every GPU.

Boundary: mediated devices; nvidia-smi's words. Source: NVIDIA vGPU software user guide (`nvidia-smi vgpu -q`); outputs
published by users, in which `GPU Instance ID` follows the `MDEV UUID` of a vGPU, `N/A` for a time-sliced one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Reply
from gpucarve.facts.observed import Probe, Unreadable, expect

# `$1` is put before the path, for a root directory elsewhere.
LOOK = """\
for device in "${1-}"/sys/bus/mdev/devices/*; do
    [ -e "$device" ] || exit 0
    command -v nvidia-smi >/dev/null || exit 0
    exec nvidia-smi vgpu -q
done
"""
_UUID, _INSTANCE = "MDEV UUID", "GPU Instance ID"


@dataclass(frozen=True, slots=True)
class ActiveVgpus:
    """The driver's id of the GPU instance by the vGPU's UUID; those that no guest runs with, and time-sliced ones, are
    not in it."""

    by_uuid: dict[str, int] = field(default_factory=dict)


def parse(reply: Reply) -> ActiveVgpus:
    """Read what `LOOK` prints. Raises Unreadable when the tool failed, or told no instance of a vGPU."""
    exited = expect(reply, Exited)
    if exited.status != 0 or exited.truncated:
        raise Unreadable(f"nvidia-smi vgpu -q ended with {exited.status}: {exited.error_text()[:200]}")
    found: dict[str, int] = {}
    uuid = ""
    for line in exited.text().splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name == _UUID:
            uuid = value.lower()
        elif name == _INSTANCE and uuid:
            if value.isdecimal():
                found[uuid] = int(value)
            elif value != "N/A":
                raise Unreadable(f"nvidia-smi tells the GPU instance of vGPU {uuid} as {value[:40]!r}")
            uuid = ""
    return ActiveVgpus(found)


READ = Inspect(("sh", "-c", LOOK), deadline=60)
PROBE = Probe("active vgpus", (READ,), lambda replies: parse(replies[0]))
