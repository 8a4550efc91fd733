"""The page of facts and the probes tell the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gpucarve.calls.primitives import FindHolders, Inspect, Read, ReadFiles, ReadLinks, Stat
from gpucarve.facts.host import PROBES
from gpucarve.facts.observed import Probe
from gpucarve.facts.users import KNOWN_CLIENTS

PAGE = (Path(__file__).parents[2] / "docs" / "facts.md").read_text()
ROWS = {
    cells[0]: cells[2]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| fact ")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def test_each_fact_has_its_line_and_each_line_its_fact() -> None:
    assert ROWS.keys() == {probe.name for probe in PROBES}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_fact_s_line_names_every_place_that_it_is_read_from(probe: Probe[Any]) -> None:
    named = re.findall(r"`([^`]+)`", ROWS[probe.name])
    missing = [place for read in probe.reads for place in _places(read) if not any(map(place.startswith, named))]
    assert missing == []


def test_the_known_services_are_those_that_are_told() -> None:
    told = re.search(r"Known services are ([^.]+)\.", PAGE)
    assert told is not None
    assert re.split(r", | and ", told[1].replace("\n", " ")) == list(KNOWN_CLIENTS)


def _places(read: Read[Any]) -> tuple[str, ...]:
    match read:
        case ReadFiles(patterns) | ReadLinks(patterns) | Stat(patterns):
            return patterns
        case FindHolders(prefixes):
            return prefixes
        case Inspect(argv):
            return (argv[0], *(word for word in argv if word.startswith("/")))
        case _:
            raise AssertionError(read)
