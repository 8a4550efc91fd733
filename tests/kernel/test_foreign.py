"""What others made or use on the host, and hosts that do not let us in: nothing is touched, and it is said why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpucarve.calls.programs import RefusalKind
from gpucarve.engine.endings import Outcome
from gpucarve.plan.plans import Purpose
from tests.kernel.guest import Guest
from tests.kernel.lab import HOST, GuestLab, traces, vgpus

# Made by uuidgen on a host of the StackHPC Kayobe guide for vGPU, so no rule leads to them.
UUIDS = ("73269d0f-b2c9-438d-8f28-f9e4bc6c6995", "dc352ef3-efeb-4a5d-a48e-912eb230bc76")
VIRTUAL_FUNCTIONS = ("0000:05:00.4", "0000:05:00.5", "0000:05:00.6")
TYPE_ID = "nvidia-697"

# `echo` waits at a pipe that is full, so that the words may be QEMU's.
_QEMU = """
mkfifo /run/bench-full
exec 4<>/run/bench-full
head -c 65536 /dev/zero >&4
exec 3<>/dev/vfio/{group}
exec -a qemu-system-x86_64 /bin/echo -name 'guest=instance-0000002a,debug-threads=on' >&4 2>/run/bench-qemu </dev/null
"""


def make_by_hand(guest: Guest, uuid: str, parent: str) -> None:
    """Somebody with root defines and starts a vGPU."""
    guest.shell(f"mdevctl define --uuid {uuid} --parent {parent} --type {TYPE_ID}\nmdevctl start --uuid {uuid}")


def make_in_sysfs(guest: Guest, uuid: str, parent: str) -> None:
    """Somebody with root makes a vGPU that the next boot forgets."""
    guest.shell(f"echo {uuid} >/sys/bus/pci/devices/{parent}/mdev_supported_types/{TYPE_ID}/create")


@contextmanager
def used_by_a_guest(guest: Guest, uuid: str) -> Iterator[None]:
    """A process with QEMU's name and words has the vGPU's VFIO group open."""
    group = guest.shell(f"basename $(readlink /sys/bus/mdev/devices/{uuid}/iommu_group)").strip()
    guest.ssh(("tee", "/run/bench-use"), stdin=_QEMU.format(group=group))
    guest.shell("setsid bash /run/bench-use >/run/bench-said 2>&1 </dev/null &\nsleep 1")
    assert f"/dev/vfio/{group}" in guest.shell("readlink /proc/$(pgrep -f ^qemu-system)/fd/3")
    yield
    guest.shell("pkill -f ^qemu-system")


def test_vgpus_made_by_hand_are_left_alone_and_named_when_they_are_in_the_way(vgpu_host: Guest, tmp_path: Path) -> None:
    make_by_hand(vgpu_host, UUIDS[0], VIRTUAL_FUNCTIONS[0])
    make_in_sysfs(vgpu_host, UUIDS[1], VIRTUAL_FUNCTIONS[1])
    lab, before = GuestLab(vgpu_host, tmp_path), traces(vgpu_host)
    survey = lab.survey()
    said = " ".join(each.sentence() for each in survey.problems)
    assert all(uuid in said for uuid in UUIDS)
    assert "gpucarve adopt" in said
    assert lab.ending(lab.apply(survey.draft.plan)).outcome is Outcome.REFUSED
    assert traces(vgpu_host) == before


def test_what_was_made_by_hand_is_adopted_without_a_write_to_it_and_survives_rollback(
    vgpu_host: Guest, tmp_path: Path
) -> None:
    make_by_hand(vgpu_host, UUIDS[0], VIRTUAL_FUNCTIONS[0])
    make_in_sysfs(vgpu_host, UUIDS[1], VIRTUAL_FUNCTIONS[1])
    lab, before = GuestLab(vgpu_host, tmp_path), traces(vgpu_host, ours=False)
    assert lab.run(Purpose.ADOPT).done
    assert traces(vgpu_host, ours=False) == before
    assert all(uuid in vgpu_host.shell("cat /var/lib/gpucarve/claims/*/record") for uuid in UUIDS)
    assert lab.stands()
    assert lab.run(Purpose.ROLLBACK).done
    assert traces(vgpu_host, ours=False) == before
    assert vgpu_host.shell("ls /var/lib/gpucarve/claims") == ""


def test_a_vgpu_made_by_hand_beside_ours_stays_when_ours_goes(vgpu_host: Guest, tmp_path: Path) -> None:
    lab = GuestLab(vgpu_host, tmp_path, cut=vgpus(1))
    assert lab.run().done
    make_by_hand(vgpu_host, UUIDS[0], VIRTUAL_FUNCTIONS[2])
    assert lab.stands()
    assert lab.run().done
    assert lab.run(Purpose.ROLLBACK).done
    assert vgpu_host.shell("mdevctl list").split()[:3] == [UUIDS[0], VIRTUAL_FUNCTIONS[2], TYPE_ID]


def test_a_vgpu_that_a_guest_uses_is_not_touched_and_the_guest_is_named(vgpu_host: Guest, tmp_path: Path) -> None:
    lab = GuestLab(vgpu_host, tmp_path)
    assert lab.run().done
    uuid = vgpu_host.shell("mdevctl list").split()[0]
    with used_by_a_guest(vgpu_host, uuid):
        before = traces(vgpu_host)
        survey = lab.survey(Purpose.ROLLBACK)
        said = " ".join(each.sentence() for each in survey.problems)
        assert "instance-0000002a" in said
        assert uuid in said
        assert lab.ending(lab.apply(survey.draft.plan)).outcome is Outcome.REFUSED
        assert traces(vgpu_host) == before
    assert lab.run(Purpose.ROLLBACK).done


def test_a_user_whom_sudo_asks_for_a_password_is_told_what_to_do_before_anything_is_written(
    bare_host: Guest, tmp_path: Path
) -> None:
    plan, before = GuestLab(bare_host, tmp_path / "admin").survey().draft.plan, traces(bare_host)
    locked = GuestLab(bare_host, tmp_path / "locked", user="locked")
    survey = locked.survey()
    assert survey.refused[HOST].kind is RefusalKind.NO_PERMISSION
    assert "NOPASSWD" in survey.problems[0].sentence()
    ending = locked.ending(locked.apply(plan))
    assert ending.outcome is Outcome.NO_PERMISSION
    assert "NOPASSWD" in ending.reasons[0]
    assert traces(bare_host) == before


def test_a_host_key_that_is_not_the_known_one_is_refused_before_anything_is_written(
    bare_host: Guest, tmp_path: Path
) -> None:
    lab = GuestLab(bare_host, tmp_path)
    plan, before = lab.survey().draft.plan, traces(bare_host)
    right = bare_host.known_hosts.read_text()
    other = (bare_host.bench.folder / "client_key.pub").read_text().split()[1]
    name = f"[{bare_host.host}]:{bare_host.port}"
    try:
        for known, advice in ((f"{name} ssh-ed25519 {other}\n", f"ssh-keygen -R '{name}'"), ("", "compare its finger")):
            bare_host.known_hosts.write_text(known)
            survey = lab.survey()
            assert survey.refused[HOST].kind is RefusalKind.HOST_KEY
            assert advice in survey.problems[0].sentence()
            assert lab.ending(lab.apply(plan)).outcome is Outcome.NO_PERMISSION
    finally:
        bare_host.known_hosts.write_text(right)
    assert traces(bare_host) == before
