"""Who uses GPUs: processes, guests, and the services known to be among them."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind, Holder
from gpucarve.facts import users
from gpucarve.facts.users import Service, User
from gpucarve.model.pci import PciAddress
from tests.facts.answers import Content, exited, known, why

FIRST, SECOND = PciAddress.parse("0000:17:00.0"), PciAddress.parse("0000:65:00.0")
INFORMATION: dict[str, Content] = {
    f"/proc/driver/nvidia/gpus/{gpu}/information": f"Model: \t\t NVIDIA A30\nDevice Minor: \t {n}\n"
    for n, gpu in ((1, FIRST), (0, SECOND))  # a minor is no index
}
TRAINER = Holder("/dev/nvidia1", 41, ("/usr/bin/python3", "train.py", "--token=geheim"))
SYSTEMD = """\
Id=nvidia-persistenced.service
LoadState=loaded
ActiveState=active
MainPID=700

Id=nvidia-dcgm.service
LoadState=loaded
ActiveState=inactive
MainPID=0

Id=nvsm.service
LoadState=not-found
ActiveState=inactive
MainPID=0
"""
NOT_BOOTED = "System has not been booted with systemd as init system (PID 1). Can't operate.\n"


def test_a_process_uses_the_gpu_whose_minor_it_has_open_and_no_other() -> None:
    found = known(users.PROBE, INFORMATION, holders=(TRAINER,))
    assert found.on_gpu(FIRST) == (User(41, "", "", "python3"),)
    assert found.on_gpu(SECOND) == ()


def test_a_user_is_told_without_its_arguments() -> None:
    (user,) = known(users.PROBE, INFORMATION, holders=(TRAINER,)).on_gpu(FIRST)
    assert str(user) == "process 41 (python3)"


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/dev/nvidiactl", True),
        ("/dev/nvidia-uvm", True),
        ("/dev/nvidia-modeset", True),
        ("/dev/nvidia-nvswitch0", False),
        ("/dev/nvidia-caps/nvidia-cap1", False),
        ("/dev/nvidia7", False),
    ],
)
def test_who_has_the_driver_as_a_whole_open_uses_every_gpu(path: str, counts: bool) -> None:
    found = known(users.PROBE, INFORMATION, holders=(Holder(path, 5, ("tool",)),))
    assert [bool(found.on_gpu(gpu)) for gpu in (FIRST, SECOND)] == [counts, counts]


def test_a_gpu_that_nvidia_s_driver_does_not_have_is_not_used_through_it() -> None:
    found = known(users.PROBE, INFORMATION, holders=(Holder("/dev/nvidiactl", 5, ("tool",)),))
    assert found.on_gpu(PciAddress.parse("0000:af:00.0")) == ()


def test_one_process_with_several_devices_open_is_one_user() -> None:
    again = [Holder(path, 41, TRAINER.argv) for path in ("/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia1 (deleted)")]
    assert len(known(users.PROBE, INFORMATION, holders=again).on_gpu(FIRST)) == 1


def test_who_has_one_gpu_open_does_not_use_the_others_through_the_driver_as_a_whole() -> None:
    held = [Holder(path, 41, TRAINER.argv) for path in ("/dev/nvidia-uvm", "/dev/nvidia1", "/dev/nvidiactl")]
    assert known(users.PROBE, INFORMATION, holders=held).on_gpu(SECOND) == ()


@pytest.mark.parametrize(
    "path", ["/dev/vfio/12", "/dev/vfio/devices/vfio3"], ids=["its group is open", "the device itself is open"]
)
def test_a_guest_uses_the_group_of_its_device(path: str) -> None:
    argv = ("qemu-system-x86_64", "-name", "guest=vm-7,debug-threads=on")
    links = {"/sys/class/vfio-dev/vfio3/device/iommu_group": "../../../kernel/iommu_groups/12"}
    found = known(users.PROBE, links=links, holders=(Holder(path, 9, argv), Holder("/dev/vfio/vfio", 9, argv)))
    assert found.on_group(12) == (User(9, "vm-7", "", "qemu-system-x86_64"),)
    assert str(found.on_group(12)[0]) == "guest vm-7"
    assert found.on_group(13) == ()


def test_installed_services_are_known_and_those_that_run_are_told_by_their_processes() -> None:
    members: dict[str, Content] = {"/sys/fs/cgroup/system.slice/nvidia-persistenced.service/cgroup.procs": "700\n701\n"}
    holders = [Holder("/dev/nvidiactl", pid, ("nvidia-persistenced",)) for pid in (700, 701, 702)]
    commands = {"systemctl": exited(SYSTEMD)}
    found = known(users.PROBE, INFORMATION | members, holders=holders, commands=commands)
    assert found.services == {"nvidia-persistenced": Service(True, 700), "nvidia-dcgm": Service(False)}
    assert [user.unit for user in found.on_gpu(FIRST)] == ["nvidia-persistenced", "nvidia-persistenced", ""]
    assert str(found.on_gpu(FIRST)[0]) == "service nvidia-persistenced"


def test_the_fabric_manager_is_known_beside_those_that_may_be_stopped() -> None:
    shown = (
        "Id=nvidia-fabricmanager.service\nLoadState=loaded\nActiveState=active\nMainPID=900\nUnitFileState=enabled\n"
    )
    holders = (Holder("/dev/nvidiactl", 900, ("/usr/bin/nv-fabricmanager", "-c", "fabricmanager.cfg")),)
    found = known(users.PROBE, INFORMATION, holders=holders, commands={"systemctl": exited(shown)})
    assert found.services == {users.FABRIC_MANAGER: Service(True, 900, enabled=True)}
    assert [user.unit for user in found.on_gpu(FIRST)] == [users.FABRIC_MANAGER]
    assert users.FABRIC_MANAGER not in users.KNOWN_CLIENTS


@pytest.mark.parametrize(
    "answer",
    [Failure(FailureKind.ABSENT, "no such command"), exited("", status=1, stderr=NOT_BOOTED)],
    ids=["no systemctl", "not booted with it"],
)
def test_a_host_without_systemd_has_no_services(answer: object) -> None:
    assert known(users.PROBE, commands={"systemctl": answer}) == users.Users()


@pytest.mark.parametrize(
    "answer",
    [
        exited("", status=1, stderr="Failed to connect to bus: Connection refused\n"),
        Failure(FailureKind.TIMED_OUT, "too late"),
        exited("Id=dcgm.service\nLoadState=loaded\nActiveState=active\nMainPID=many\n"),
    ],
    ids=["no bus", "too late", "nonsense"],
)
def test_a_systemd_that_does_not_answer_makes_it_unknown_and_never_nobody(answer: object) -> None:
    why(users.PROBE, INFORMATION, commands={"systemctl": answer})


def test_a_gpu_whose_minor_is_not_told_makes_it_unknown() -> None:
    path = f"/proc/driver/nvidia/gpus/{FIRST}/information"
    assert path in why(users.PROBE, {path: "Model: \t\t NVIDIA A30\n"})
