"""grubby and GRUB's environment block as a host like RHEL 9 has them, with what surprises people.

Each expectation was compared once with what the scripts of grubby 8.40-48.el8 and 8.40-63.el9 do to the same files.
"""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Remove, Run, WriteFile
from gpucarve.calls.replies import Exited
from gpucarve.twin import entries
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.rocky_9 import ARGUMENTS, KERNEL, RESCUE, RUNNING, entry
from gpucarve.twin.worlds import ROCKY_VGPUS, World, rocky_9_scene

pytestmark = pytest.mark.anyio

CMDLINE, DEFAULTS = "/etc/kernel/cmdline", "/etc/default/grub"
ALL = "--update-kernel=ALL"


@pytest.fixture
def host() -> SimulatedHost:
    return World(rocky_9_scene()).hosts[ROCKY_VGPUS]


def _run(host: SimulatedHost, *argv: str) -> Exited:
    reply = host.by_hand(Run(argv))
    assert isinstance(reply, Exited), reply
    return reply


def _options(host: SimulatedHost, path: str) -> str:
    return entries.value(entries.text(host.machine, path), "options")


def _write(host: SimulatedHost, path: str, text: bytes) -> None:
    host.by_hand(WriteFile(path, text))


def test_arguments_go_to_the_end_of_every_entry_in_place_of_those_of_their_key(host: SimulatedHost) -> None:
    _write(host, RUNNING, entry(KERNEL, f"iommu=soft a=1,2 {ARGUMENTS} iommu=off"))
    assert _run(host, "grubby", ALL, "--args=iommu=pt a").status == 0
    assert _options(host, RUNNING) == f"{ARGUMENTS} $tuned_params iommu=pt a"
    assert _options(host, RESCUE) == f"{ARGUMENTS} $tuned_params iommu=pt a"


def test_arguments_are_removed_by_key_or_as_one_exact_word(host: SimulatedHost) -> None:
    _write(host, RUNNING, entry(KERNEL, "ro a=1 b=2 b=3 c"))
    _run(host, "grubby", ALL, "--remove-args=a b=2 c=4")
    assert _options(host, RUNNING) == "ro b=3 c $tuned_params"


def test_every_line_of_the_defaults_that_begins_so_becomes_that_one_unless_told_otherwise(host: SimulatedHost) -> None:
    _write(host, DEFAULTS, b'GRUB_CMDLINE_LINUX="ro"\nGRUB_CMDLINE_LINUX_DEFAULT="splash"\n')
    _run(host, "grubby", ALL, "--args=a=1", "--no-etc-grub-update")
    assert "splash" in entries.text(host.machine, DEFAULTS)
    _run(host, "grubby", ALL, "--args=a=1")
    assert entries.text(host.machine, DEFAULTS) == 'GRUB_CMDLINE_LINUX="ro a=1"\n' * 2


def test_that_option_swallows_the_next_one(host: SimulatedHost) -> None:
    assert _run(host, "grubby", "--no-etc-grub-update", ALL, "--args=a=1").status == 1
    assert "a=1" not in _options(host, RUNNING)


def test_what_new_kernels_get_is_made_from_the_oldest_entry_where_there_is_none(host: SimulatedHost) -> None:
    host.by_hand(Remove(CMDLINE))
    _write(host, RESCUE, entry("0-rescue", "ro single"))
    _run(host, "grubby", ALL, "--args=a=1")
    assert entries.text(host.machine, CMDLINE) == "ro single $tuned_params a=1\n"


def test_an_entry_that_refers_to_the_environment_block_stays_and_the_block_is_changed(host: SimulatedHost) -> None:
    _write(host, RUNNING, entry(KERNEL, "$kernelopts"))
    assert _run(host, "grub2-editenv", "-", "set", "kernelopts=ro quiet").status == 0
    _run(host, "grubby", ALL, "--args=a=1")
    assert _options(host, RUNNING) == "$kernelopts $tuned_params"
    assert b"kernelopts=ro quiet a=1\n" in _run(host, "grub2-editenv", "-", "list").stdout
    assert len(entries.text(host.machine, entries.BLOCK)) == 1024
    assert b'args="ro quiet a=1 $tuned_params"' in _run(host, "grubby", "--info=ALL").stdout


@pytest.mark.parametrize(
    ("saved", "words"),
    [("1f0e3dad99908345f7439f8ffabdffc4-6.0.0", "newest"), ("0", "newest"), ("1", ARGUMENTS), ("gone", "newest")],
)
def test_the_saved_entry_is_started_by_name_or_number_and_else_the_newest(
    host: SimulatedHost, saved: str, words: str
) -> None:
    _write(host, RUNNING.replace(KERNEL, "6.0.0"), entry("6.0.0", "newest"))
    _run(host, "grub2-editenv", "-", "set", f"saved_entry={saved}")
    line = entries.command_line(host.machine)
    assert line is not None
    assert line.partition(" ")[2] == words


@pytest.mark.parametrize("argv", [("grubby", "--args=a=1"), ("grubby", "--frob"), ("grub2-editenv", "-", "frob")])
def test_a_wrong_use_changes_nothing_and_is_said(host: SimulatedHost, argv: tuple[str, ...]) -> None:
    files = host.machine.files
    said = _run(host, *argv)
    assert said.status == 1
    assert said.stderr
    assert host.machine.files is files
