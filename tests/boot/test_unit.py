"""The boot unit, as systemd reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gpucarve.facts import units
from gpucarve.resources.host import boot_unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze (apt: systemd)")
def test_systemd_finds_nothing_to_say_against_the_unit(tmp_path: Path) -> None:
    path = tmp_path / units.NAME
    path.write_bytes(boot_unit.unit())
    command = ("systemd-analyze", "verify", str(path))
    found = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_it_runs_after_the_vgpu_driver_s_daemons_and_before_all_that_would_use_what_it_makes() -> None:
    before, after = (
        {
            name
            for line in boot_unit.unit().decode().splitlines()
            if line.startswith(f"{word}=")
            for name in line.removeprefix(f"{word}=").split()
        }
        for word in ("Before", "After")
    )
    assert {"nvidia-vgpud.service", "nvidia-vgpu-mgr.service"} <= after
    assert {"libvirtd.service", "virtqemud.service", "kubelet.service", "docker.service"} <= before
    assert {"nvidia-persistenced.service", "nvidia-dcgm.service"} <= before, "they would hold the GPUs open"
    assert not before & after


def test_it_runs_the_script_where_it_is_put_once_a_boot() -> None:
    lines = boot_unit.unit().decode().splitlines()
    assert {f"ExecStart=/bin/sh {units.SCRIPT}", "Type=oneshot", "RemainAfterExit=yes"} <= set(lines)
