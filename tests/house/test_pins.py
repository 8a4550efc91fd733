"""What is installed is pinned by version and hash, and the pins tell nothing of where they were resolved."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tracked import ROOT

PINNED = ("users", "extras", "build", "dev", "peers", "pins")
INPUTS = ("build", "dev", "peers", "pins")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _entries(path: Path) -> list[str]:
    """The entries of a requirements file, continued lines joined, comments dropped."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    entries = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [entry for entry in entries if entry]


def _pins(name: str) -> dict[str, Requirement]:
    requirements = (Requirement(entry.split("--hash")[0]) for entry in _entries(ROOT / f"requirements/{name}.txt"))
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def _declared(*extras: str) -> list[Requirement]:
    """What pyproject.toml says a user needs, with these extras, or with every one where none is named."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = (line for extra in extras or optional for line in optional[extra])
    return [Requirement(line) for line in (*project["dependencies"], *wanted)]


def _satisfied(wanted: Requirement, pins: dict[str, Requirement]) -> bool:
    pin = pins.get(canonicalize_name(wanted.name))
    return pin is not None and all(wanted.specifier.contains(exact.version) for exact in pin.specifier)


@pytest.mark.parametrize("name", PINNED)
def test_every_entry_is_one_exact_version_with_hashes(name: str) -> None:
    entries = _entries(ROOT / f"requirements/{name}.txt")
    assert entries
    for entry in entries:
        exact = [specifier.operator for specifier in Requirement(entry.split("--hash")[0]).specifier]
        assert exact == ["=="], f"{entry[:60]} is not one exact version"
        assert HASH.search(entry), f"{entry[:60]} has no hash"


@pytest.mark.parametrize("name", PINNED)
def test_no_line_names_an_index_a_link_or_a_folder(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host|^-[ifc] |^/", text, re.MULTILINE)


def test_the_pins_satisfy_what_the_package_declares() -> None:
    users, extras = _pins("users"), _pins("extras")
    assert [str(wanted) for wanted in _declared("ssh") if not _satisfied(wanted, users)] == []
    assert [str(wanted) for wanted in _declared() if not _satisfied(wanted, extras)] == []


def test_the_demo_installs_no_extra_but_ssh() -> None:
    optional = {wanted.name for wanted in _declared()} - {wanted.name for wanted in _declared("ssh")}
    assert optional
    assert optional.isdisjoint(_pins("users"))


@pytest.mark.parametrize("name", INPUTS)
def test_the_pins_satisfy_their_input(name: str) -> None:
    wanted = [Requirement(e) for e in _entries(ROOT / f"requirements/{name}.in") if not e.startswith("-")]
    pins = _pins(name)
    assert wanted
    assert [str(requirement) for requirement in wanted if not _satisfied(requirement, pins)] == []


def test_developers_run_the_very_versions_that_users_get() -> None:
    users, extras, developers = _pins("users"), _pins("extras"), _pins("dev")
    for one, other in ((users, extras), (users, developers), (extras, developers)):
        shared = one.keys() & other.keys()
        assert {name for name in shared if one[name].specifier != other[name].specifier} == set()
