"""The story on a real kernel: a bare guest becomes one with two vGPUs on its A100, through a reboot over SSH, and back.

The GPU, its driver and NVIDIA's tools are stand-ins (README.md); kernel, GRUB, systemd, sysfs, mdevctl, sudo, sshd are
real.
"""

from __future__ import annotations

from pathlib import Path

from gpucarve.engine.endings import Outcome
from gpucarve.plan.plans import Purpose
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.machine import GPU_ADDRESS as GPU


def test_a_bare_guest_gets_two_vgpus_through_a_reboot_and_rollback_restores_the_exact_start(
    bare_host: Guest, tmp_path: Path
) -> None:
    lab = GuestLab(bare_host, tmp_path)
    start, boot = footprint(bare_host), bare_host.boot_id()
    assert lab.run().done
    assert bare_host.boot_id() != boot
    assert lab.stands()
    assert bare_host.shell("mdevctl list").count("nvidia-697 manual (defined)") == 2
    writes = bare_host.shell("stat -c %y /var/lib/gpucarve/record")
    assert lab.run().done, "a second apply"
    assert bare_host.shell("stat -c %y /var/lib/gpucarve/record") == writes, "writes nothing"
    assert lab.run(Purpose.ROLLBACK).done
    assert footprint(bare_host) == start


def test_fewer_virtual_functions_than_predicted_stop_the_run_after_the_reboot(bare_host: Guest, tmp_path: Path) -> None:
    lab = GuestLab(bare_host, tmp_path)
    bare_host.shell("echo options nvidia vf_limit=8 > /etc/modprobe.d/bench.conf")
    ending = lab.ending(lab.run())
    assert ending.outcome is Outcome.DIVERGED
    assert f"virtual functions of {GPU} was predicted as 20, found 8" in ending.reasons[0]
    assert bare_host.shell("ls /sys/bus/mdev/devices").strip() == ""
