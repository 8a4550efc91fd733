"""Changes for which a GPU has to be idle: known services stop and start again whatever happens, others refuse them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from gpucarve.engine.endings import Outcome
from gpucarve.facts import ours
from gpucarve.model.changes import Action
from gpucarve.plan.plans import Purpose
from gpucarve.resources.host import gpu_clients
from gpucarve.resources.order import Stage
from gpucarve.twin.faults import CommandFails, Effect, Fault, NetworkLoss, Point, PowerLoss
from tests.story.cards import OTHER_GPU, Cards, card, document, whole_footprint
from tests.story.lab import GPU, HOST

pytestmark = pytest.mark.anyio

SLICED, BACKED = "vgpu: {A100D-40C: 2}", "vgpu: {A100D-2-20C: 2}"
DAEMON, DCGM, MANAGER = "nvidia-persistenced", "nvidia-dcgm", "nvidia-vgpu-mgr"


def _lab(folder: Path, *, enabled: bool = True, **cuts: str) -> Cards:
    """A host on which the services of a vGPU host run."""
    lab = Cards.of(folder, **(cuts or {"at_65": SLICED}))
    lab.install(DAEMON, "/usr/bin/nvidia-persistenced --verbose", enabled=enabled)
    lab.install(DCGM, "/usr/bin/nv-hostengine -n", enabled=enabled)
    lab.install(MANAGER, "/usr/bin/nvidia-vgpu-mgr", enabled=enabled)
    return lab


def _client_steps(plan_steps: object) -> list[str]:
    return [step.key.subject for step in plan_steps if step.key.kind == gpu_clients.KIND]  # type: ignore[attr-defined]  # steps


async def test_services_run_again_after_every_change_also_those_that_no_boot_would_start(tmp_path: Path) -> None:
    lab = _lab(tmp_path)
    lab.by_hand("systemctl", "disable", f"{DCGM}.service")
    await lab.becomes(lab.text)  # through a reboot, which does not start what is not enabled
    lab.by_hand("systemctl", "start", DCGM)
    start = lab.services
    plan = await lab.becomes(document(at_65=BACKED))
    assert [stage.stage for stage in plan.stages if stage.stage in (Stage.QUIESCE, Stage.QUIESCE_AGAIN)] == [
        Stage.QUIESCE_AGAIN
    ]
    assert lab.services == start == [DCGM, DAEMON, MANAGER]
    assert not [claim for claim in (await lab.observed()).require(ours.PROBE).claims if "gpu-clients" in claim]


async def test_a_service_that_does_not_start_again_at_the_end_of_a_rollback_is_started_by_the_next_one(
    tmp_path: Path,
) -> None:
    lab = _lab(tmp_path, at_65=BACKED)
    start = lab.services
    await lab.becomes(lab.text)
    spawn = lab.host.spawn

    def in_vain(argv: tuple[str, ...], parent: int | None = None) -> int:
        if argv == ("systemctl", "start", DAEMON):
            lab.host.strike(CommandFails("systemctl"))
        return spawn(argv, parent)

    lab.host.spawn = in_vain  # type: ignore[method-assign]  # before the tool itself, which looks too
    (ending,) = (await lab.run(Purpose.ROLLBACK)).endings.values()
    lab.host.spawn = spawn  # type: ignore[method-assign]  # it was tried once more as the run ended, in vain too
    assert ending.outcome is Outcome.FAILED
    assert f"gpu-clients@{DAEMON}" in (await lab.observed()).require(ours.PROBE).claims
    (ending,) = (await lab.run(Purpose.ROLLBACK)).endings.values()
    assert ending.outcome is Outcome.DONE
    assert lab.services == start
    assert (await lab.observed()).require(ours.PROBE).claims == {}


async def test_a_change_of_types_alone_leaves_every_service_as_it_is(tmp_path: Path) -> None:
    lab = _lab(tmp_path)
    await lab.becomes(lab.text)
    before = lab.host.machine.up.processes.entries
    plan = await lab.becomes(document(at_65="vgpu: {A100D-20C: 4}"))
    assert _client_steps(plan.steps) == []
    assert [each for each in lab.host.machine.up.processes.entries if each.unit] == [
        each for each in before if each.unit
    ]


async def test_guests_of_the_other_card_keep_their_manager_and_are_not_disturbed(tmp_path: Path) -> None:
    lab = _lab(tmp_path, at_65=SLICED, at_17=SLICED)
    await lab.becomes(lab.text)
    lab.host.start_guest(OTHER_GPU, "vm-other")
    before = card(lab.host, OTHER_GPU)
    (kept,) = (each for each in lab.host.machine.up.processes.entries if each.unit == f"{MANAGER}.service")
    lab.text = document(at_65=BACKED, at_17=SLICED)
    plan = await lab.planned()
    (stop,) = (step for step in plan.steps if step.key == gpu_clients.stopped(HOST, after_boot=True))
    assert stop.before == f"{DCGM}, {DAEMON} running"
    await lab.becomes(lab.text)
    assert card(lab.host, OTHER_GPU) == before
    assert kept in lab.host.machine.up.processes.entries
    assert not [step for step in plan.steps if step.action is Action.REBOOT]


@pytest.mark.parametrize(("effect", "enabled"), [(PowerLoss(30.0), True), (NetworkLoss(400.0), False)])
async def test_a_run_that_is_cut_off_anywhere_leaves_no_service_stopped_in_the_end(
    tmp_path: Path, effect: Effect, enabled: bool
) -> None:
    number = 0
    while True:
        number += 2
        folder = tmp_path / str(number)
        folder.mkdir()
        lab = _lab(folder, enabled=enabled)
        await lab.becomes(lab.text)
        for service in (DCGM, DAEMON, MANAGER):
            lab.by_hand("systemctl", "start", service)
        running, begun = lab.services, lab.host.counts[Point.AFTER_WRITE]
        lab.text = document(at_65=BACKED)
        lab.host.place(Fault(Point.AFTER_WRITE, number, effect))
        for _ in range(4):
            with suppress(AssertionError):  # nothing is planned for a host that does not answer
                if (await lab.run()).done:
                    break
            await lab.world.clock.sleep(600.0)
        assert await lab.stands(), number
        assert lab.services == running, number
        claims = (await lab.observed()).require(ours.PROBE).claims
        assert not [claim for claim in claims if gpu_clients.KIND in claim], number
        if lab.host.counts[Point.AFTER_WRITE] - begun < number:
            break
    assert number > 20


async def test_a_run_that_fails_leaves_no_service_stopped_and_is_rolled_back(tmp_path: Path) -> None:
    lab = _lab(tmp_path)
    start = whole_footprint(lab.host)
    await lab.becomes(lab.text)
    running = lab.services
    lab.text = document(at_65=BACKED)
    lab.host.strike(CommandFails("sriov-manage", 50))
    assert (await lab.run()).endings[HOST].outcome is Outcome.FAILED
    assert lab.services == running == [DCGM, DAEMON, MANAGER]
    assert not [each for each in (await lab.observed()).require(ours.PROBE).claims if gpu_clients.KIND in each]
    lab.host.strike(CommandFails("sriov-manage", 0))
    await lab.goes_back()
    assert whole_footprint(lab.host) == start


@pytest.mark.parametrize(
    ("argv", "opened", "named"),
    [
        (("/usr/bin/python3", "train.py"), "/dev/nvidia1", "process {} (python3)"),
        (("/opt/agent/gpu-agent",), "/dev/nvidiactl", "process {} (gpu-agent)"),
    ],
)
async def test_whoever_else_has_the_gpu_open_is_named_and_nothing_is_begun(
    tmp_path: Path, argv: tuple[str, ...], opened: str, named: str
) -> None:
    lab = _lab(tmp_path)
    await lab.becomes(lab.text)
    pid = lab.host.add_process(argv, (opened,))
    lab.text = document(at_65=BACKED)
    before, written = whole_footprint(lab.host), lab.written
    assert named.format(pid) in await lab.refused()
    assert (await lab.apply((await lab.survey()).draft.plan)).endings[HOST].outcome is Outcome.REFUSED
    assert (whole_footprint(lab.host), lab.written) == (before, written)
    lab.host.end(pid)
    await lab.becomes(lab.text)


async def test_who_looks_at_the_gpu_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    lab = _lab(tmp_path)
    await lab.becomes(lab.text)
    lab.text = document(at_65=BACKED)
    plan = await lab.planned()
    pid = lab.host.add_process(("nvidia-smi",), ("/dev/nvidiactl",))

    async def ends() -> None:
        await lab.world.clock.sleep(8.0)
        lab.host.end(pid)

    ended, _ = await asyncio.gather(lab.apply(plan), ends())
    assert ended.done
    assert await lab.stands()


async def test_who_has_another_gpu_open_is_in_nobody_s_way(tmp_path: Path) -> None:
    lab = _lab(tmp_path)
    await lab.becomes(lab.text)
    lab.host.add_process(("/usr/bin/python3", "train.py"), ("/dev/nvidiactl", "/dev/nvidia0"))
    await lab.becomes(document(at_65=BACKED))


async def test_a_rollback_stops_and_starts_them_too(tmp_path: Path) -> None:
    lab = _lab(tmp_path, at_65=BACKED)
    start = whole_footprint(lab.host)
    await lab.becomes(lab.text)
    plan = await lab.planned(Purpose.ROLLBACK)
    assert _client_steps(plan.steps) == ["stopped", "started"]
    await lab.goes_back()
    assert whole_footprint(lab.host) == start
    assert GPU not in str(start["mig"])
