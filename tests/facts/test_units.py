"""What a host says of our boot unit."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Failure, FailureKind, Reply
from gpucarve.facts import units
from gpucarve.facts.observed import Unknown, observe
from tests.facts.answers import TARGET, Content, reply

NOTHING = b"ActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n"
BUS_IS_GONE = Exited(1, b"", b"Failed to connect to bus: No such file or directory\n")
NO_SYSTEMD = Failure(FailureKind.ABSENT, "systemctl: not found")
FILES: dict[str, Content] = {units.UNIT: "[Unit]\n", units.SCRIPT: "#!/bin/sh\n"}


def seen(
    said: Reply, files: dict[str, Content] | None = None, links: dict[str, str] | None = None
) -> units.BootUnit | Unknown:
    """The fact on a host with these files, whose systemctl says this."""
    replies = [
        said if isinstance(read, Inspect) else reply(read, files or {}, links or {}, (), ())
        for read in units.PROBE.reads
    ]
    return observe(TARGET, (units.PROBE,), replies).get(units.PROBE)


@pytest.mark.parametrize("said", [NO_SYSTEMD, BUS_IS_GONE], ids=["none", "its bus is gone"])
def test_a_host_without_systemd_that_never_saw_us_has_no_unit_and_no_state(said: Reply) -> None:
    assert seen(said) == units.BootUnit()


def test_a_host_that_never_saw_us_has_an_inactive_unit_of_nothing() -> None:
    assert seen(Exited(0, NOTHING)) == units.BootUnit(state="inactive")


def test_a_unit_is_read_with_its_script_and_what_systemd_says() -> None:
    said = b"ActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no\n"
    assert seen(Exited(0, said), FILES) == units.BootUnit(b"[Unit]\n", b"#!/bin/sh\n", enabled=True, state="active")


@pytest.mark.parametrize(
    ("said", "due"),
    [
        (b"ActiveState=inactive\nUnitFileState=enabled\nJob=132\n", True),
        (b"ActiveState=activating\nUnitFileState=enabled\nJob=132\n", True),
        (b"ActiveState=activating\nUnitFileState=enabled\n", True),
        (b"ActiveState=inactive\nUnitFileState=enabled\nJob=\n", False),
        (b"ActiveState=failed\nUnitFileState=enabled\n", False),
        (b"ActiveState=active\nUnitFileState=enabled\n", False),
    ],
)
def test_a_unit_is_due_while_a_job_waits_for_it_or_it_runs(said: bytes, due: bool) -> None:
    found = seen(Exited(0, said), FILES)
    assert isinstance(found, units.BootUnit)
    assert found.due is due


@pytest.mark.parametrize("state", ["disabled", "enabled-runtime", "masked", "static", ""])
def test_only_what_stays_enabled_over_boots_is_enabled(state: str) -> None:
    found = seen(Exited(0, f"ActiveState=inactive\nUnitFileState={state}\n".encode()), FILES)
    assert isinstance(found, units.BootUnit)
    assert not found.enabled


def test_a_file_that_systemd_has_not_read_again_is_stale() -> None:
    found = seen(Exited(0, b"ActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=yes\n"), FILES)
    assert isinstance(found, units.BootUnit)
    assert found.stale


def test_a_masked_unit_shows_where_its_link_leads() -> None:
    said = Exited(0, b"ActiveState=inactive\nUnitFileState=masked\n")
    found = seen(said, {units.UNIT: Failure(FailureKind.NOT_REGULAR)}, {units.UNIT: "/dev/null"})
    assert found == units.BootUnit(state="inactive", link="/dev/null")


@pytest.mark.parametrize("said", [BUS_IS_GONE, Failure(FailureKind.TIMED_OUT, "30 s")], ids=["bus", "late"])
def test_where_our_unit_is_and_systemd_says_nothing_it_is_unknown(said: Reply) -> None:
    assert isinstance(seen(said, FILES), Unknown)
