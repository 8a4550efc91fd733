"""Services that hold GPUs: which are stopped, in which words, and what is left on the host for starting them again."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Claim, Disown, Run
from gpucarve.facts import users
from gpucarve.facts.observed import Unknown, Unreadable
from gpucarve.facts.users import VGPU_MANAGER, Service
from gpucarve.model.changes import DisruptionKind
from gpucarve.resources.decisions import Batch, Change
from gpucarve.resources.host import gpu_clients
from tests.resources.sights import FOREIGN, HOST, VFS, Sight, vgpus

DCGM, DAEMON = "nvidia-dcgm", "nvidia-persistenced"
GUEST = (users.User(41, "vm-7"),)


def _sight(*active: str, idle: tuple[str, ...] = (), claimed: tuple[str, ...] = ()) -> Sight:
    services = dict.fromkeys(idle, Service(False)) | dict.fromkeys(active, Service(True, 7))
    return Sight(
        users=users.Users(services=services),
        claims={f"gpu-clients@{each}": {"kind": "gpu-clients"} for each in claimed},
    )


def _calls(change: Change | None) -> list[object]:
    assert change is not None
    assert isinstance(change.work, Batch)
    return [each.write for each in change.work.writes]


def _words(change: Change | None) -> list[str]:
    return [" ".join(getattr(each, "argv", (type(each).__name__,))) for each in _calls(change)]


def test_each_one_that_runs_is_claimed_and_then_stopped() -> None:
    change = gpu_clients.stop(_sight(DCGM, DAEMON, idle=("dcgm",)).observed(), ["mig-mode", "mig-mode", "x"])
    assert change is not None
    assert change.reason == "nothing may hold a GPU open during mig-mode, x"
    assert (change.disruption.kind, change.disruption.scope) == (DisruptionKind.SERVICE, "host")
    assert _words(change) == ["Claim", f"systemctl stop {DCGM}", "Claim", f"systemctl stop {DAEMON}"]
    first = _calls(change)[0]
    assert isinstance(first, Claim)
    assert first.key == f"gpu-clients@{DCGM}"


def test_nothing_is_stopped_where_nothing_known_runs() -> None:
    assert gpu_clients.stop(_sight(idle=(DAEMON,)).observed(), ["mig-mode"]) is None


@pytest.mark.parametrize(("guests", "stopped"), [((), [DAEMON, VGPU_MANAGER]), (GUEST, [DAEMON])])
def test_the_manager_of_vgpus_goes_on_while_a_guest_of_the_host_has_one(
    guests: tuple[users.User, ...], stopped: list[str]
) -> None:
    sight = _sight(DAEMON, VGPU_MANAGER)
    sight.mediated = vgpus({FOREIGN: VFS[0]}, users=guests)
    assert sorted(gpu_clients.running(sight.observed())) == sorted(stopped)


def test_what_a_boot_will_start_is_foretold_by_what_is_installed() -> None:
    change = gpu_clients.stop_after_boot(_sight(idle=(DCGM, DAEMON)).observed(), ["mig-mode"])
    assert change is not None
    assert (change.work, change.before) == (None, f"{DCGM}, {DAEMON}, where the boot starts them")
    assert gpu_clients.stop_after_boot(_sight().observed(), ["mig-mode"]) is None


def test_those_that_were_claimed_are_started_and_then_let_go_of() -> None:
    sight = _sight(claimed=(DAEMON, DCGM))
    assert gpu_clients.to_start(sight.observed()) == (DCGM, DAEMON)
    change = gpu_clients.start(sight.observed(), predicted=False)
    assert _words(change) == [f"systemctl start {DCGM}", "Disown", f"systemctl start {DAEMON}", "Disown"]
    assert [each.key for each in _calls(change) if isinstance(each, Disown)] == [
        f"gpu-clients@{DCGM}",
        f"gpu-clients@{DAEMON}",
    ]
    assert all(each.deadline >= 90 for each in _calls(change) if isinstance(each, Run))


def test_they_stay_stopped_while_something_still_needs_that() -> None:
    assert gpu_clients.start(_sight(claimed=(DAEMON,)).observed(), predicted=True).work is None


def test_nothing_is_stopped_on_the_ground_of_services_that_cannot_be_read() -> None:
    with pytest.raises(Unreadable):
        gpu_clients.stop(Sight(users=Unknown("no systemctl")).observed(), ["mig-mode"])


def test_steps_before_and_after_the_reboot_are_told_apart() -> None:
    keys = {gpu_clients.stopped(HOST), gpu_clients.stopped(HOST, after_boot=True), gpu_clients.started(HOST)}
    assert len(keys) == 3
