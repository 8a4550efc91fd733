"""Recorded machines, through every probe."""

from __future__ import annotations

import re

import pytest

from gpucarve.facts import boot, driver, loader, mediated, pci, users
from gpucarve.facts.observed import Unknown
from tests.facts.machines import CAPTURED, busy, captured


@pytest.mark.parametrize("name", ["no-gpu", "no-gpu-unprivileged"])
def test_a_machine_with_none_of_it_gives_a_clean_answer(name: str) -> None:
    found = captured(name)
    assert {boot.PROBE.name, loader.PROBE.name, driver.PROBE.name, pci.PROBE.name} <= found.facts.keys()
    of_processes = {users.PROBE.name, mediated.PROBE.name} if name.endswith("unprivileged") else set()
    assert {name for name, fact in found.facts.items() if isinstance(fact, Unknown)} == of_processes
    assert found.require(pci.PROBE).gpus == ()


def test_who_is_not_root_is_told_that_processes_are_not_known_and_never_that_there_are_none() -> None:
    assert "only root" in str(captured("no-gpu-unprivileged").get(users.PROBE))


def test_a_machine_with_all_of_it_is_known_whole() -> None:
    assert [fact for fact in busy().facts.values() if isinstance(fact, Unknown)] == []


def test_recordings_name_no_host_and_no_address_of_a_network() -> None:
    for file in CAPTURED.glob("*.json"):
        text = file.read_text()
        assert "hostname" not in text
        assert re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text) == []
