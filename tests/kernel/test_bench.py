"""The bench keeps its word: the guest is the host that its README describes, and snapshots bring it back."""

import contextlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kernel.bench import find_bench
from tests.kernel.guest import Guest, GuestError
from tests.kernel.machine import GPU_ADDRESS
from tests.kernel.missing import missing

GPU = f"/sys/bus/pci/devices/{GPU_ADDRESS}"
SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
KNOBS = "/sys/module/nvidia/parameters"
UUIDS = [f"7a0c6a3e-52f4-4b0b-8a35-00000000000{number}" for number in range(4)]

FORTY_GB, TWENTY_GB = "nvidia-697", "nvidia-696"


def virtual_functions(guest: Guest) -> list[str]:
    """Addresses of the GPU's VFs, in order."""
    listed = guest.shell(f"for link in {GPU}/virtfn*; do [ ! -e $link ] || basename $(readlink $link); done")
    return sorted(listed.split())


def available(guest: Guest, address: str, type_id: str) -> int:
    """How many vGPUs of this type a VF still takes."""
    return int(guest.shell(f"cat /sys/bus/pci/devices/{address}/mdev_supported_types/{type_id}/available_instances"))


def iommu_groups(guest: Guest) -> list[str]:
    """Numbers of the IOMMU groups."""
    return guest.shell("ls /sys/kernel/iommu_groups").split()


# ---- the bare host ----


def test_bare_host_has_no_iommu_group_and_no_virtual_function(bare_host: Guest) -> None:
    assert iommu_groups(bare_host) == []
    assert virtual_functions(bare_host) == []


def test_lspci_names_an_a100_bound_to_nvidia(bare_host: Guest) -> None:
    shown = bare_host.shell("lspci -Dnnk -d 10de:")
    assert shown.count("10de:20b5]") == 1
    assert shown.startswith(f"{GPU_ADDRESS} 3D controller [0302]: NVIDIA Corporation GA100 [A100 PCIe 80GB]")
    assert "Kernel driver in use: nvidia" in shown


def test_nvidia_smi_stand_in_prints_the_queried_fields(bare_host: Guest) -> None:
    query = "index,pci.bus_id,name,driver_version,memory.total,mig.mode.current"
    done = bare_host.ssh(("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"), user="admin")
    assert done.stdout == "0, 00000000:05:00.0, NVIDIA A100 80GB PCIe, 525.105.14, 81920, Disabled\n"


def test_stand_ins_say_that_they_are_stand_ins(bare_host: Guest) -> None:
    assert "stand-in" in bare_host.ssh(("nvidia-smi", "--version")).stdout
    assert "stand-in" in bare_host.ssh((SRIOV_MANAGE, "-e", "ALL")).stderr


def test_update_grub_with_unchanged_settings_writes_the_same_bytes(bare_host: Guest) -> None:
    before = bare_host.shell("sha256sum /boot/grub/grub.cfg")
    bare_host.shell("cp -a /etc/default/grub /srv/grub; echo GRUB_CMDLINE_LINUX=nonsense >>/etc/default/grub")
    bare_host.shell("update-grub")
    assert bare_host.shell("sha256sum /boot/grub/grub.cfg") != before
    bare_host.shell("cp -a /srv/grub /etc/default/grub; update-grub")
    assert bare_host.shell("sha256sum /boot/grub/grub.cfg") == before


def test_sudo_is_free_for_admin_and_asks_locked_for_a_password(bare_host: Guest) -> None:
    assert bare_host.ssh(("sudo", "-n", "id", "-u"), user="admin").stdout == "0\n"
    refused = bare_host.ssh(("sudo", "-n", "id", "-u"), user="locked", check=False)
    assert refused.returncode != 0
    assert "password is required" in refused.stderr


def test_a_wrong_host_key_is_refused(bare_host: Guest) -> None:
    right = bare_host.known_hosts.read_text()
    other = (bare_host.bench.folder / "client_key.pub").read_text().split()[1]
    try:
        bare_host.known_hosts.write_text(f"[{bare_host.host}]:{bare_host.port} ssh-ed25519 {other}\n")
        with pytest.raises(GuestError, match="Host key verification failed"):
            bare_host.ssh(("true",))
    finally:
        bare_host.known_hosts.write_text(right)


def test_without_iommu_virtual_functions_come_up_and_get_no_driver(bare_host: Guest) -> None:
    bare_host.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS}")
    assert len(virtual_functions(bare_host)) == 20
    assert bare_host.shell(f"ls -d {GPU}/virtfn0/* | grep -c -e /driver$ -e mdev_supported_types || true") == "0\n"


def test_writing_sriov_numvfs_is_refused_while_nvidia_is_bound(bare_host: Guest) -> None:
    with pytest.raises(GuestError, match=r"echo: I/O error"):
        bare_host.shell(f"echo 4 >{GPU}/sriov_numvfs")
    assert virtual_functions(bare_host) == []


# ---- virtual functions and vGPUs ----


def test_grub_change_and_reboot_bring_iommu_groups_and_all_virtual_functions(vgpu_host: Guest) -> None:
    arguments = vgpu_host.shell("cat /proc/cmdline").split()
    assert "intel_iommu=on" in arguments
    own = {"console=ttyS0,115200", "no_timer_check", "norandmaps", "nokaslr", "mitigations=off", "quiet"}
    assert own <= set(arguments)
    functions = virtual_functions(vgpu_host)
    assert functions[:5] == [f"0000:05:{place}" for place in ("00.4", "00.5", "00.6", "00.7", "01.0")]
    assert len(functions) == 20
    groups = vgpu_host.shell(f"readlink {GPU}/iommu_group {GPU}/virtfn*/iommu_group").split()
    assert len(set(groups)) == 21


def test_mdev_types_are_on_virtual_functions_only(vgpu_host: Guest) -> None:
    assert not vgpu_host.ssh(("ls", f"{GPU}/mdev_supported_types"), check=False).stdout
    types = f"{GPU}/virtfn3/mdev_supported_types"
    assert vgpu_host.shell(f"ls {types}").split() == [f"nvidia-{number}" for number in (*range(692, 704), 707)]
    assert vgpu_host.shell(f"cat {types}/{FORTY_GB}/name") == "GRID A100D-40C\n"
    assert vgpu_host.shell(f"cat {types}/{FORTY_GB}/description") == (
        "num_heads=1, frl_config=60, framebuffer=40960M, max_resolution=4096x2160, max_instance=2\n"
    )


def test_mdevctl_defines_starts_and_lists_a_vgpu(vgpu_host: Guest) -> None:
    vgpu_host.shell(f"mdevctl define -u {UUIDS[0]} -p 0000:05:00.4 -t {FORTY_GB}; mdevctl start -u {UUIDS[0]}")
    assert vgpu_host.shell("mdevctl list").split() == [UUIDS[0], "0000:05:00.4", FORTY_GB, "manual", "(defined)"]


def test_a_virtual_function_takes_one_vgpu_and_the_gpu_as_many_as_its_type_allows(vgpu_host: Guest) -> None:
    first, second, third = virtual_functions(vgpu_host)[:3]
    assert available(vgpu_host, first, FORTY_GB) == 1
    vgpu_host.shell(f"mdevctl start -u {UUIDS[0]} -p {first} -t {FORTY_GB}")
    assert available(vgpu_host, first, FORTY_GB) == 0
    assert available(vgpu_host, second, FORTY_GB) == 1
    vgpu_host.shell(f"mdevctl start -u {UUIDS[1]} -p {second} -t {FORTY_GB}")
    assert available(vgpu_host, third, FORTY_GB) == 0
    create = f"/sys/bus/pci/devices/{third}/mdev_supported_types/{FORTY_GB}/create"
    refused = vgpu_host.ssh(("/bin/bash", "-c", f"echo {UUIDS[2]} >{create}"), check=False)
    assert "No space left on device" in refused.stderr
    vgpu_host.shell(f"mdevctl stop -u {UUIDS[0]}")
    assert available(vgpu_host, third, FORTY_GB) == 1


def test_the_first_vgpu_decides_the_framebuffer_size_of_the_gpu(vgpu_host: Guest) -> None:
    first, second = virtual_functions(vgpu_host)[:2]
    assert available(vgpu_host, second, TWENTY_GB) == 1
    vgpu_host.shell(f"mdevctl start -u {UUIDS[0]} -p {first} -t {FORTY_GB}")
    assert available(vgpu_host, second, TWENTY_GB) == 0
    vgpu_host.shell(f"mdevctl stop -u {UUIDS[0]}")
    assert available(vgpu_host, second, TWENTY_GB) == 1


def test_debians_mdevctl_rule_names_a_path_that_is_not_there(vgpu_host: Guest) -> None:
    rule = vgpu_host.shell("cat /lib/udev/rules.d/60-mdevctl.rules")
    assert "/usr/sbin/mdevctl" in rule
    assert vgpu_host.ssh(("test", "-e", "/usr/sbin/mdevctl"), check=False).returncode == 1


# ---- refusals and half results ----


def test_refused_lock_fails_sriov_manage_as_often_as_the_knob_says(bare_host: Guest) -> None:
    bare_host.shell(f"echo 2 >{KNOBS}/refuse_unbind_locks")
    for _ in range(2):
        refused = bare_host.ssh((SRIOV_MANAGE, "-e", GPU_ADDRESS), check=False)
        assert refused.returncode == 1
        assert f"Cannot obtain unbindLock for {GPU_ADDRESS}" in refused.stderr
        assert virtual_functions(bare_host) == []
    bare_host.shell(f"{SRIOV_MANAGE} -e {GPU_ADDRESS}")
    assert len(virtual_functions(bare_host)) == 20


def test_an_open_device_node_refuses_the_lock(bare_host: Guest) -> None:
    lock = f"/proc/driver/nvidia/gpus/{GPU_ADDRESS}/unbindLock"
    shown = bare_host.shell(f"exec 9</dev/nvidia0; echo 1 >{lock}; cat {lock}; exec 9<&-; echo 1 >{lock}; cat {lock}")
    assert shown.split() == ["0", "1"]


def test_a_vgpu_refuses_the_lock(vgpu_host: Guest) -> None:
    lock = f"/proc/driver/nvidia/gpus/{GPU_ADDRESS}/unbindLock"
    vgpu_host.shell(f"mdevctl start -u {UUIDS[0]} -p 0000:05:00.4 -t {FORTY_GB}")
    assert vgpu_host.shell(f"echo 1 >{lock}; cat {lock}") == "0\n"


def test_unbinding_a_gpu_in_use_waits_until_its_last_vgpu_is_gone(vgpu_host: Guest) -> None:
    vgpu_host.shell(f"mdevctl start -u {UUIDS[0]} -p 0000:05:00.4 -t {FORTY_GB}")
    unbind = f"echo {GPU_ADDRESS} >/sys/bus/pci/drivers/nvidia/unbind"
    vgpu_host.shell(f"nohup sh -c '{unbind}' >/dev/null 2>&1 & sleep 2; kill -0 $!")
    assert vgpu_host.shell("mdevctl list").startswith(UUIDS[0])
    vgpu_host.shell(f"mdevctl stop -u {UUIDS[0]}")
    vgpu_host.shell(f"for _ in 1 2 3 4 5 6 7 8 9; do [ -e {GPU}/driver ] || exit 0; sleep 1; done; exit 1")


def test_limited_sriov_manage_succeeds_with_fewer_virtual_functions(bare_host: Guest) -> None:
    bare_host.shell(f"echo 3 >{KNOBS}/vf_limit; echo 1 >{KNOBS}/vf_limit_runs; {SRIOV_MANAGE} -e ALL")
    assert len(virtual_functions(bare_host)) == 3
    again = bare_host.ssh((SRIOV_MANAGE, "-e", GPU_ADDRESS))
    assert "already has VFs enabled" in again.stdout
    assert len(virtual_functions(bare_host)) == 3
    bare_host.shell(f"{SRIOV_MANAGE} -d ALL; {SRIOV_MANAGE} -e ALL")
    assert len(virtual_functions(bare_host)) == 20


# ---- the guest's life ----


def test_restore_brings_memory_devices_and_disk_back(vgpu_host: Guest) -> None:
    vgpu_host.shell("echo changed >/etc/motd; sync; echo 5 >/sys/module/nvidia/parameters/refuse_unbind_locks")
    vgpu_host.restore()
    assert vgpu_host.shell(f"cat /etc/motd {KNOBS}/refuse_unbind_locks").splitlines()[-1] == "0"
    assert "changed" not in vgpu_host.shell("cat /etc/motd")
    assert virtual_functions(vgpu_host) == []
    assert iommu_groups(vgpu_host) == []


def test_a_snapshot_with_virtual_functions_starts_in_another_process(vgpu_host: Guest, vgpu_host_snapshot: str) -> None:
    with vgpu_host.copy() as other:
        other.start(vgpu_host_snapshot)
        other.shell(f"mdevctl start -u {UUIDS[0]} -p 0000:05:00.4 -t {FORTY_GB}")
        assert len(virtual_functions(other)) == 20
    assert vgpu_host.shell("mdevctl list").split() == []


def test_a_power_cut_keeps_what_was_synced_and_takes_the_virtual_functions(
    vgpu_host: Guest, vgpu_host_snapshot: str
) -> None:
    with vgpu_host.copy() as other:
        other.start(vgpu_host_snapshot)
        before = other.boot_id()
        other.shell("echo kept >/srv/kept; sync")
        other.power_off()
        other.start(snapshot=None)
        assert other.boot_id() != before
        assert other.shell("cat /srv/kept") == "kept\n"
        assert virtual_functions(other) == []


def test_without_link_nothing_answers_until_it_is_back(bare_host: Guest) -> None:
    bare_host.link(up=False)
    with pytest.raises(GuestError):
        bare_host.ssh(("true",), timeout=4)
    bare_host.link(up=True)
    bare_host.wait_for_ssh()


def test_a_hung_guest_does_not_answer_until_it_goes_on(bare_host: Guest) -> None:
    bare_host.hang()
    with pytest.raises(GuestError):
        bare_host.ssh(("true",), timeout=4)
    bare_host.resume()
    bare_host.wait_for_ssh()


def test_the_guest_listens_on_loopback_only_and_reaches_nothing(bare_host: Guest) -> None:
    # /proc/net/tcp: local address and port in hexadecimal, the address in host byte order; state 0A is LISTEN.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{bare_host.port:04X}")}
    assert listening == {f"0100007F:{bare_host.port:04X}"}
    probe = "exec 3<>/dev/tcp/10.0.2.2/22"
    assert bare_host.ssh(("timeout", "3", "bash", "-c", probe), check=False).returncode != 0


def test_qemu_ends_and_its_files_go_when_its_owner_is_killed(bare_host: Guest) -> None:
    program = (
        "import time; from tests.kernel.bench import find_bench; from tests.kernel.guest import Guest; "
        "guest = Guest(find_bench()); guest.start(); print(guest.folder, flush=True); time.sleep(600)"
    )
    with subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        assert _qemus_in(folder)
        owner.kill()
    deadline = time.monotonic() + 30
    while _qemus_in(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _qemus_in(folder)
    with Guest(bare_host.bench):
        assert not folder.exists()


def _qemus_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{folder}/qmp.sock".encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def test_the_client_key_is_for_its_owner_only(bare_host: Guest) -> None:
    assert stat.S_IMODE(bare_host.key.stat().st_mode) == 0o600


def test_a_cached_bench_is_found_without_root_and_without_apt(
    bare_host: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> int:
        raise AssertionError("looking into the cache asked who the user is")

    monkeypatch.setattr(os, "geteuid", refuse)
    assert find_bench() == bare_host.bench


# ---- where there is no bench ----


def test_an_absent_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "the kernel bench needs qemu-system-x86_64 (package qemu-system-x86)" in missing()


def test_a_bench_that_was_never_built_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert any("not in the cache" in sentence for sentence in missing())
