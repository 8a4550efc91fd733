"""The boot script, run as it is under every shell that a host may have."""

from __future__ import annotations

import fcntl
import json
import subprocess

import pytest

from gpucarve.calls import state
from gpucarve.calls.programs import Lease
from gpucarve.resources.host import boot_unit
from tests.boot.rooted import BOOT_ID, DEVICES, Rooted

GPU, OTHER = "0000:65:00.0", "0000:17:00.0"
VF = "0000:65:00.4"
UUID = "30820a6f-b1a5-4503-91ca-0c10ba58692a"
SHELLS = {"dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
every_shell = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
DASH = SHELLS["dash"]
NO_SUCH = "0000:99:00.0"


def claims(root: Rooted, *lines: str) -> None:
    """One claim a line, as a resource writes it, in an order of names that is not the order of verbs."""
    for number, line in enumerate(lines):
        root.claim(f"x@{number:02}", json.dumps({"kind": "x", "note": 'a "quoted" word', "boot": line}))


def ran(done: subprocess.CompletedProcess[str]) -> None:
    """It ended well and had nothing to say."""
    assert (done.returncode, done.stderr) == (0, "")


def failed(done: subprocess.CompletedProcess[str]) -> str:
    """It ended with 1; what it said."""
    assert done.returncode == 1, done.stderr
    return done.stderr


@every_shell
def test_everything_stands_again_after_a_boot_in_the_order_of_a_host_and_once(
    root: Rooted, shell: tuple[str, ...]
) -> None:
    root.add_gpu(GPU, vfs=4)
    root.add_mig(GPU, "Disabled")
    root.add_gpu(OTHER, driver="nouveau")
    root.add_gpu("0000:17:00.1", driver="")
    wanted = (
        f"vgpu {UUID} {VF}",
        f"gpu-instance {GPU} 19 4 compute",
        f"gpu-instance {GPU} 9 0 bare",
        f"virtual-functions {GPU}",
        f"mig-mode {GPU} on",
        f"passthrough {OTHER} {OTHER} 0000:17:00.1",
    )
    claims(root, *wanted)
    ran(root.run(*shell))
    assert root.changes == [
        "modprobe vfio-pci",
        f"nvidia-smi -i {GPU} -mig 1",
        f"sriov-manage -e {GPU}",
        f"nvidia-smi mig -i {GPU} -cgi 19:4",
        f"nvidia-smi mig -i {GPU} -gi 0 -cci",
        f"nvidia-smi mig -i {GPU} -cgi 9:0",
        f"mdevctl start --uuid {UUID} --parent {VF}",
    ]
    assert root.driver(OTHER) == root.driver("0000:17:00.1") == "vfio-pci"
    assert root.at(f"{DEVICES}/{VF}/{UUID}").is_dir()
    assert root.text(f"var/tools/{GPU}/instances").splitlines() == ["0 19 4:1 1", "1 9 0:1 0"]
    before = len(root.changes)
    ran(root.run(*shell))
    assert len(root.changes) == before, "what stands is left alone"


@every_shell
def test_it_leaves_a_record_that_every_controller_reads(root: Rooted, shell: tuple[str, ...]) -> None:
    root.add_gpu(GPU, vfs=4)
    root.put(state.LEASE, state.lease_text(Lease(17, 3, 30, "laptop", "r1")))
    claims(root, f"vgpu {UUID} {VF}", f"virtual-functions {GPU}", f"virtual-functions {NO_SUCH}")
    failed(root.run(*shell))
    record = root.record
    assert record is not None
    assert (record.run, record.fence, record.boot, record.writes) == ("boot", 17, BOOT_ID, 3)
    assert record.states == {0: "done", 1: "failed", 2: "done"}
    assert record.ended
    assert root.at(state.RECORD).stat().st_mode & 0o777 == 0o600


@every_shell
def test_without_claims_it_does_nothing_and_says_that_it_ended(root: Rooted, shell: tuple[str, ...]) -> None:
    ran(root.run(*shell))
    assert root.log == []
    assert root.record is not None
    assert (root.record.writes, root.record.fence, root.record.ended) == (0, 0, True)


@every_shell
def test_what_fails_is_said_and_keeps_no_other_gpu_from_its_turn(root: Rooted, shell: tuple[str, ...]) -> None:
    root.add_gpu(GPU, vfs=4)
    root.add_gpu(OTHER, vfs=4)
    root.put(f"var/tools/{OTHER}/broken")
    claims(root, f"virtual-functions {OTHER}", f"vgpu {UUID} 0000:17:00.4", f"virtual-functions {GPU}")
    said = failed(root.run(*shell))
    assert "the driver is in use" in said
    assert f"failed: virtual-functions {OTHER}" in said
    assert f"failed: vgpu {UUID} 0000:17:00.4" in said
    assert root.text(f"{DEVICES}/{GPU}/sriov_numvfs") == "4\n"


@every_shell
@pytest.mark.parametrize(
    "line", ["vgpu $(touch /pwned) x", "vgpu `touch /pwned` x", "vgpu * x", "vgpu a;touch /pwned", "vgpu a\\nb"]
)
def test_a_line_with_other_characters_is_named_and_not_carried_out(
    root: Rooted, shell: tuple[str, ...], line: str
) -> None:
    root.claim("x", f'{{"kind": "x", "boot": "{line}"}}')
    assert "damaged, and skipped" in failed(root.run(*shell))
    assert root.log == []
    assert not root.at("pwned").exists()
    assert root.record is not None
    assert root.record.states == {}


@every_shell
def test_a_verb_of_another_version_is_named_and_skipped(root: Rooted, shell: tuple[str, ...]) -> None:
    root.add_gpu(GPU, vfs=4)
    claims(root, f"power-limit {GPU} 250", f"virtual-functions {GPU}")
    done = root.run(*shell)
    assert done.returncode == 0
    assert f"unknown, and skipped: power-limit {GPU} 250" in done.stderr
    assert root.changes == [f"sriov-manage -e {GPU}"]


@every_shell
def test_claims_that_say_nothing_of_boots_are_passed_over(root: Rooted, shell: tuple[str, ...]) -> None:
    root.claim("a", json.dumps({"kind": "vgpu", "note": '"boot": "virtual-functions x"'}))
    root.at(f"{state.CLAIMS}/b").mkdir()
    ran(root.run(*shell))
    assert root.log == []


@pytest.mark.parametrize(
    "line",
    [
        f"virtual-functions {GPU} x",
        f"mig-mode {GPU}",
        f"mig-mode {GPU} maybe",
        f"gpu-instance {GPU} 9 0",
        f"gpu-instance {GPU} 9 x bare",
        f"gpu-instance {GPU} 9 0 both",
        f"vgpu {UUID}",
        "passthrough",
    ],
)
def test_a_line_with_wrong_words_fails_before_anything_is_done(root: Rooted, line: str) -> None:
    root.add_gpu(GPU, vfs=4)
    root.add_mig(GPU, "Disabled")
    claims(root, line)
    assert f"failed: {line}" in failed(root.run(*DASH))
    assert root.changes == []


@pytest.mark.parametrize("shell", [SHELLS["dash"], SHELLS["bash"]], ids=["dash", "bash"])
def test_nothing_is_done_while_another_program_holds_the_lock(root: Rooted, shell: tuple[str, ...]) -> None:
    """Not under busybox, whose own sleep cannot be told to take no time."""
    root.add_gpu(GPU, vfs=4)
    claims(root, f"virtual-functions {GPU}")
    root.put(state.LOCK)
    with root.at(state.LOCK).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "has held" in failed(root.run(*shell))
    assert root.changes == []
    assert root.record is None


def test_children_have_the_lock_so_that_an_orphan_is_waited_for(root: Rooted) -> None:
    root.add_gpu(GPU, vfs=4)
    claims(root, f"virtual-functions {GPU}")
    root.put(
        "usr/lib/nvidia/sriov-manage",
        "#!/bin/sh\nif flock -n /var/lib/gpucarve/lock true; then echo free; else echo held; fi >/var/tools/lock\n"
        "flock -n 9 && echo ours >>/var/tools/lock\nexit 1\n",
        0o755,
    )
    failed(root.run(*DASH))
    assert root.text("var/tools/lock").split() == ["held", "ours"]


# --- looking, acting, looking again


def test_the_tool_s_lock_message_is_tried_again_with_growing_pauses(root: Rooted) -> None:
    root.add_gpu(GPU, vfs=4)
    root.put(f"var/tools/{GPU}/refusals", "3\n")
    claims(root, f"virtual-functions {GPU}")
    done = root.run(*DASH)
    assert done.returncode == 0
    assert done.stderr.count("Cannot obtain unbindLock") == 3
    assert root.changes == [f"sriov-manage -e {GPU}"] * 4
    assert [each for each in root.log if each in ("sleep 4", "sleep 8", "sleep 12", "sleep 16")] == [
        "sleep 4",
        "sleep 8",
        "sleep 12",
    ]


@pytest.mark.parametrize(("ailment", "attempts"), [("refusals", 5), ("lies", 5), ("broken", 1)])
def test_virtual_functions_that_do_not_come_are_a_failure_in_the_end(root: Rooted, ailment: str, attempts: int) -> None:
    root.add_gpu(GPU, vfs=4)
    root.put(f"var/tools/{GPU}/{ailment}", "9\n")
    claims(root, f"virtual-functions {GPU}")
    assert f"{GPU} has no virtual functions" in failed(root.run(*DASH))
    assert len(root.changes) == attempts


def test_virtual_functions_that_are_there_are_left_alone_with_the_instances_on_them(root: Rooted) -> None:
    root.add_gpu(GPU, vfs=4)
    claims(root, f"virtual-functions {GPU}")
    ran(root.run(*DASH))
    ran(root.run(*DASH))
    assert root.changes == [f"sriov-manage -e {GPU}"]


def test_a_gpu_that_no_driver_takes_is_waited_for_and_then_named(root: Rooted) -> None:
    root.add_gpu(GPU, driver="", vfs=4)
    claims(root, f"virtual-functions {GPU}")
    assert f"{GPU} is bound to no driver, not to nvidia" in failed(root.run(*DASH))
    assert root.log == ["sleep 1"] * 60


@pytest.mark.parametrize("line", [f"virtual-functions {NO_SUCH}", f"mig-mode {NO_SUCH} on", f"vgpu {UUID} {NO_SUCH}"])
def test_what_is_not_in_the_machine_any_more_is_named_at_once(root: Rooted, line: str) -> None:
    claims(root, line)
    assert f"there is no {NO_SUCH}" in failed(root.run(*DASH))
    assert root.log == []


def test_a_mode_that_waits_for_a_reset_gets_one(root: Rooted) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Disabled")
    root.put(f"var/tools/{GPU}/ampere")
    claims(root, f"mig-mode {GPU} on")
    ran(root.run(*DASH))
    assert root.changes == [f"nvidia-smi -i {GPU} -mig 1", f"nvidia-smi --gpu-reset -i {GPU}"]


def test_a_mode_that_is_kept_over_the_boot_is_not_set(root: Rooted) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    claims(root, f"mig-mode {GPU} on")
    ran(root.run(*DASH))
    assert root.changes == []


@every_shell
def test_a_warning_about_the_inforom_hides_no_mode(root: Rooted, shell: tuple[str, ...]) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    root.put(f"var/tools/{GPU}/inforom")
    claims(root, f"mig-mode {GPU} on")
    ran(root.run(*shell))
    assert root.changes == []


def test_a_mode_is_turned_off_where_it_is_to_be_off(root: Rooted) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    claims(root, f"mig-mode {GPU} off")
    ran(root.run(*DASH))
    assert root.changes == [f"nvidia-smi -i {GPU} -mig 0"]


def test_an_instance_of_the_same_profile_elsewhere_is_not_taken_for_ours(root: Rooted) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    root.put(f"var/tools/{GPU}/instances", "3 19 5:1 0\n")
    claims(root, f"gpu-instance {GPU} 19 4 bare")
    ran(root.run(*DASH))
    assert root.changes == [f"nvidia-smi mig -i {GPU} -cgi 19:4"]


def test_an_instance_without_its_compute_instance_is_completed(root: Rooted) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    root.put(f"var/tools/{GPU}/instances", "3 19 4:1 0\n7 19 5:1 1\n")
    claims(root, f"gpu-instance {GPU} 19 4 compute", f"gpu-instance {GPU} 19 5 compute")
    ran(root.run(*DASH))
    assert root.changes == [f"nvidia-smi mig -i {GPU} -gi 3 -cci"]


@pytest.mark.parametrize(
    ("ailment", "words"), [("taken", "Insufficient Resources"), ("no-compute", "compute instance")]
)
def test_an_instance_that_cannot_be_made_is_tried_thrice_and_its_tool_is_quoted(
    root: Rooted, ailment: str, words: str
) -> None:
    root.add_gpu(GPU)
    root.add_mig(GPU, "Enabled")
    root.put(f"var/tools/{GPU}/{ailment}")
    claims(root, f"gpu-instance {GPU} 19 4 compute")
    said = failed(root.run(*DASH))
    assert words in said
    assert f"{GPU} has no whole instance of profile 19 at 4" in said
    assert len([each for each in root.changes if each.endswith(("-cci", "-cgi 19:4"))]) == (
        3 if ailment == "taken" else 4
    )


def test_a_vgpu_that_is_refused_is_tried_thrice_and_its_tool_is_quoted(root: Rooted) -> None:
    root.add_gpu(GPU, vfs=4)
    root.put(f"var/tools/{UUID}")
    claims(root, f"virtual-functions {GPU}", f"vgpu {UUID} {VF}")
    said = failed(root.run(*DASH))
    assert "No available instances" in said
    assert root.changes.count(f"mdevctl start --uuid {UUID} --parent {VF}") == 3


def test_a_function_that_is_another_driver_s_is_taken_from_it(root: Rooted) -> None:
    root.add_gpu(GPU, driver="nouveau")
    root.at("sys/bus/pci/drivers/vfio-pci").mkdir()
    claims(root, f"passthrough {GPU} {GPU}")
    ran(root.run(*DASH))
    assert root.driver(GPU) == "vfio-pci"
    assert root.text(f"{DEVICES}/{GPU}/driver_override") == "vfio-pci"
    assert root.changes == [], "nothing is loaded that is there"


@every_shell
@pytest.mark.parametrize("granted", [True, False])
def test_nvidias_driver_is_asked_for_its_unbind_lock_and_kept_without_it(
    root: Rooted, shell: tuple[str, ...], granted: bool
) -> None:
    root.add_gpu(GPU)
    lock = f"proc/driver/nvidia/gpus/{GPU}/unbindLock"
    if granted:
        root.put(lock, "0\n")
    else:
        root.at(lock).mkdir(parents=True)  # there, and never to say 1
    claims(root, f"passthrough {GPU} {GPU}")
    if granted:
        ran(root.run(*shell))
        assert (root.text(lock), root.driver(GPU)) == ("1", "vfio-pci")
    else:
        assert f"does not give {GPU} up" in failed(root.run(*shell))
        assert root.driver(GPU) == "nvidia"


@every_shell
def test_what_another_vendor_has_at_the_address_by_now_is_left_alone(root: Rooted, shell: tuple[str, ...]) -> None:
    root.add_gpu(GPU, driver="nvme", vendor="144d")
    claims(root, f"passthrough {GPU} {GPU}")
    assert f"{GPU} is another vendor's now" in failed(root.run(*shell))
    assert root.driver(GPU) == "nvme"
    assert root.text(f"{DEVICES}/{GPU}/driver_override") == "(null)\n"


def test_a_function_that_is_not_there_keeps_no_other_from_being_given_away(root: Rooted) -> None:
    root.add_gpu(GPU, driver="")
    claims(root, f"passthrough {GPU} {NO_SUCH} {GPU}")
    assert f"there is no {NO_SUCH}" in failed(root.run(*DASH))
    assert root.driver(GPU) == "vfio-pci"


# --- what is packaged


def test_the_script_parses_under_every_shell_and_is_ascii() -> None:
    script = boot_unit.script()
    script.decode("ascii")
    for shell in SHELLS.values():
        subprocess.run((*shell, "-n"), input=script, check=True, capture_output=True)
