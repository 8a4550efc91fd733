"""Which kernel modules are loaded, kept out, and loaded at boot."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import modules
from tests.facts.answers import Content, known, why

KERNEL: dict[str, Content] = {
    modules.LOADED: "vfio_pci 16384 0 - Live 0x0\nnouveau 2437120 1 - Live 0x0\n",
    modules.COMMAND_LINE: "ro quiet\n",
}
SPECIAL = Failure(FailureKind.NOT_REGULAR, "not a regular file")


def test_loaded_modules_are_those_of_the_kernel() -> None:
    assert known(modules.PROBE, KERNEL).loaded == {"vfio_pci", "nouveau"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("blacklist nouveau\n", {"nouveau"}),
        ("# blacklist nouveau\n", set()),
        ("install nouveau /bin/false\n", {"nouveau"}),
        ("install nvidia-drm /usr/bin/true && echo\n", {"nvidia_drm"}),
        ("install nouveau /sbin/modprobe --ignore-install nouveau\n", set()),
        ("options nouveau modeset=0\n", set()),
        ("blacklist \\\n  nova-core\nblacklist nouveau", {"nova_core", "nouveau"}),
    ],
)
def test_a_module_is_kept_out_by_a_blacklist_or_by_an_install_that_does_nothing(text: str, names: set[str]) -> None:
    found = known(modules.PROBE, KERNEL | {"/usr/lib/modprobe.d/x.conf": text})
    assert found.blacklisted == dict.fromkeys(names, ("/usr/lib/modprobe.d/x.conf",))


def test_files_that_do_not_end_in_conf_say_nothing() -> None:
    assert known(modules.PROBE, KERNEL | {"/etc/modprobe.d/x": "blacklist nouveau\n"}).blacklisted == {}


@pytest.mark.parametrize("word", ["modprobe.blacklist=nvidiafb,nova-core", "module_blacklist=nvidiafb,nova-core"])
def test_the_kernels_command_line_keeps_modules_out(word: str) -> None:
    found = known(modules.PROBE, KERNEL | {modules.COMMAND_LINE: f"ro {word} quiet\n"})
    assert found.blacklisted == {"nvidiafb": ("/proc/cmdline",), "nova_core": ("/proc/cmdline",)}


@pytest.mark.parametrize("hiding", ["options nouveau modeset=0\n", SPECIAL])
def test_a_file_of_the_same_name_in_etc_hides_the_one_of_the_package(hiding: Content) -> None:
    files: dict[str, Content] = {
        "/etc/modprobe.d/nvidia.conf": hiding,
        "/usr/lib/modprobe.d/nvidia.conf": "blacklist nouveau\n",
    }
    assert known(modules.PROBE, KERNEL | files).blacklisted == {}


def test_every_file_that_keeps_a_module_out_is_named_once() -> None:
    files: dict[str, Content] = {
        "/etc/modprobe.d/a.conf": "blacklist nouveau\ninstall nouveau /bin/false\n",
        "/usr/lib/modprobe.d/b.conf": "blacklist nouveau\n",
    }
    found = known(modules.PROBE, KERNEL | files)
    assert found.blacklisted == {"nouveau": ("/etc/modprobe.d/a.conf", "/usr/lib/modprobe.d/b.conf")}


def test_modules_loaded_at_boot_stand_one_a_line_or_on_the_command_line() -> None:
    files: dict[str, Content] = {
        "/etc/modules-load.d/kvm.conf": "# for guests\n; too\nvfio-pci\n\n kvm \n",
        modules.COMMAND_LINE: "ro modules_load=vfio_pci\n",
    }
    found = known(modules.PROBE, KERNEL | files)
    assert found.loaded_at_boot == {
        "vfio_pci": ("/etc/modules-load.d/kvm.conf", "/proc/cmdline"),
        "kvm": ("/etc/modules-load.d/kvm.conf",),
    }


def test_the_content_of_our_own_files_is_kept() -> None:
    files: dict[str, Content] = {modules.BLACKLIST: "blacklist nouveau\n", "/etc/modprobe.d/other.conf": "\n"}
    found = known(modules.PROBE, KERNEL | files)
    assert found.ours == {modules.BLACKLIST: b"blacklist nouveau\n"}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/modprobe.d/x.conf", None),
        ("/etc/modprobe.d/x.conf", Failure(FailureKind.REFUSED, "Permission denied")),
        (modules.LOADED, Failure(FailureKind.REFUSED, "Permission denied")),
    ],
)
def test_what_cannot_be_read_makes_it_unknown(path: str, content: Content) -> None:
    assert path in why(modules.PROBE, KERNEL | {path: content})


def test_a_kernel_without_loadable_modules_has_none_loaded() -> None:
    found = known(modules.PROBE, {path: text for path, text in KERNEL.items() if path != modules.LOADED})
    assert found.loaded == frozenset()
