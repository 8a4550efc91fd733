"""The story on a real kernel: a bare guest becomes one with two vGPUs on its A100, through a reboot over SSH, and back.

The GPU, its driver and NVIDIA's tools are stand-ins (README.md); kernel, GRUB, systemd, sysfs, mdevctl, sudo, sshd are
real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.calls.programs import Refusal
from gpucarve.engine.endings import Outcome
from gpucarve.facts import units
from gpucarve.plan.plans import Purpose
from gpucarve.transports.exchange import Answer
from gpucarve.transports.ssh import SshTransport
from tests.kernel.alike.judging import judge
from tests.kernel.alike.recording import Recording, portrait_of
from tests.kernel.booting import second_apply_writes_nothing, unit_ended
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.machine import GPU_ADDRESS as GPU

_TOOL = "/usr/lib/nvidia/sriov-manage"


def test_a_bare_guest_gets_two_vgpus_that_outlive_boots_and_rollback_restores_the_exact_start(
    bare_host: Guest, tmp_path: Path
) -> None:
    portrait = portrait_of(bare_host)
    lab = GuestLab(bare_host, tmp_path, exchanges=[])
    start, boot = footprint(bare_host), bare_host.boot_id()
    assert lab.run().done
    assert bare_host.boot_id() != boot
    assert lab.stands()
    recording = Recording("through a reboot", portrait, tuple(lab.exchanges or ()))
    assert judge(recording).different == [], "a twin of the guest gives the same answers"
    before = _stand(bare_host)
    assert before[0] == "20\n"
    assert before[1].count("nvidia-697 manual (defined)") == 2
    second_apply_writes_nothing(lab)
    bare_host.reboot()
    assert unit_ended(bare_host) == "active"
    assert _stand(bare_host) == before
    record = state.parse_record(bare_host.shell(f"cat {state.RECORD}"))
    assert record is not None
    assert (record.run, record.boot, record.ended) == ("boot", bare_host.boot_id(), True)
    assert record.states == {0: "done", 1: "done", 2: "done"}
    second_apply_writes_nothing(lab)
    plan = lab.survey().draft.plan
    with _slowed(bare_host):
        bare_host.reboot()
        lab.events.clear()
        assert lab.apply(plan).done
    assert _stand(bare_host) == before
    waits = [event for event in lab.events if units.NAME in getattr(event, "reason", "")]
    steps = [event for event in lab.events if type(event).__name__ == "StepBegun"]
    assert (len(waits), steps) == (1, []), "an apply right after a boot waits for the unit, and builds nothing"
    assert lab.run(Purpose.ROLLBACK).done
    assert footprint(bare_host) == start


def _stand(guest: Guest) -> tuple[str, str]:
    """What is carved: the number of virtual functions, the vGPUs as mdevctl lists them."""
    return guest.shell(f"cat /sys/bus/pci/devices/{GPU}/sriov_numvfs"), guest.shell("mdevctl list | sort")


@contextmanager
def _slowed(guest: Guest) -> Iterator[None]:
    """sriov-manage takes its time."""
    shim = f'#!/bin/sh\nsleep 15\nexec {_TOOL}.real "$@"\n'
    guest.shell(f"mv {_TOOL} {_TOOL}.real && printf '%s' '{shim}' >{_TOOL} && chmod 755 {_TOOL}")
    yield
    guest.shell(f"mv {_TOOL}.real {_TOOL}")


def test_a_look_is_one_round_trip_and_so_is_a_run_of_batches(
    vgpu_host: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    trips: list[tuple[bytes, int]] = []
    carry = SshTransport.carry

    async def counted(self: SshTransport, program: bytes, seconds: float) -> Answer | Refusal:
        answer = await carry(self, program, seconds)
        assert isinstance(answer, Answer), answer
        trips.append((program, len(answer.stdout)))
        return answer

    monkeypatch.setattr(SshTransport, "carry", counted)
    lab = GuestLab(vgpu_host, tmp_path)
    survey = lab.survey()
    assert len(trips) == 1
    _note(record_property, "a gather", trips.pop())
    assert lab.apply(survey.draft.plan).done
    writing = [trip for trip in trips if b"mdevctl define" in trip[0]]
    assert len(writing) == 1, "the boot unit and two vGPUs, claimed, made, started and looked at again"
    _note(record_property, "a batch of two vGPUs, read back", writing[0])
    record_property("round trips of that apply", len(trips))
    assert len(trips) == 2, "a look, and the batch, which gives the lease back"


def _note(record: Callable[[str, object], None], what: str, trip: tuple[bytes, int]) -> None:
    record(what, f"1 round trip, {len(trip[0])} bytes there, {trip[1]} bytes back")


def test_fewer_virtual_functions_than_predicted_stop_the_run_after_the_reboot(bare_host: Guest, tmp_path: Path) -> None:
    lab = GuestLab(bare_host, tmp_path)
    bare_host.shell("echo options nvidia vf_limit=8 > /etc/modprobe.d/bench.conf")
    ending = lab.ending(lab.run())
    assert ending.outcome is Outcome.DIVERGED
    assert f"virtual functions of {GPU} was predicted as 20, found 8" in ending.reasons[0]
    assert bare_host.shell("ls /sys/bus/mdev/devices").strip() == ""
