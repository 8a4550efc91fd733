"""Lock, lease and fence: who may write, and what those who may not are told.

Boundary: scenes as data.
"""

from __future__ import annotations

from gpucarve.calls.primitives import ReadFiles, Remove, Stat, WriteFile
from gpucarve.calls.programs import Acquire, Hold, Lease, Release
from gpucarve.calls.state import LEASE, LOCK, RECORD, ROOT
from gpucarve.twin.hosts import SimulatedHost
from tests.kernel.alike.steps import Act, Scene, Wait, asked, do, look

_STATE = look(ReadFiles((LEASE, RECORD)), Stat((ROOT, f"{ROOT}/*")))
_OTHER = "other"


def _locks(twin: SimulatedHost) -> None:
    twin.add_process(("flock", LOCK, "sleep", "1000"), opened=(LOCK,), locks=(LOCK,))


def _lets_go(twin: SimulatedHost) -> None:
    holder = twin.lock_holder()
    assert holder is not None
    twin.end(holder)


LEASES = Scene(
    "lock, lease and fence",
    (
        look(),
        Wait(1.0),
        do(then=_STATE),
        asked(Hold(1, 60), then=_STATE),
        asked(Hold(2, 60)),
        asked(Release(3)),
        asked(Acquire(30), holder=_OTHER),
        asked(Hold(1, 30), holder=_OTHER),
        asked(Acquire(30, Lease(1, 1)), holder=_OTHER),
        asked(Acquire(30, Lease(1, 2)), WriteFile("/root/taken", b"1"), holder=_OTHER, then=_STATE),
        asked(Hold(1, 60)),
        asked(Release(2), WriteFile("/root/none/x", b"1"), holder=_OTHER, then=_STATE),
        Act("somebody takes the lock", f"setsid flock {LOCK} sleep 1000 >/dev/null 2>&1 </dev/null &\n"
            "until pgrep -x sleep >/dev/null; do sleep 0.1; done", _locks),
        Wait(0.0),
        asked(Acquire(30), patience=0.0),
        asked(Hold(2, 30), patience=0.0),
        asked(Release(2), patience=0.0),
        look(*_STATE),
        Act("and lets go", "pkill -x sleep; sleep 0.2", _lets_go),
        Wait(5.0),
        asked(Acquire(30), then=_STATE),
        Act("somebody damages the lease", f"echo nonsense >{LEASE}",
            lambda twin: twin.by_hand(WriteFile(LEASE, b"nonsense\n"))),
        asked(Acquire(30), then=_STATE),
        asked(Hold(3, 30)),
        asked(Release(3)),
        Act("and removes it", f"rm {LEASE}", lambda twin: twin.by_hand(Remove(LEASE))),
        asked(Acquire(30), then=_STATE),
    ),
)  # fmt: skip
