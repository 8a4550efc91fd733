"""`gpucarve catalog`: what is known is told so that it fits a terminal, and what is not known with what was meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gpucarve import catalog
from tests.cli.conftest import Cli

KNOWN = catalog.load()
Golden = Callable[[str, str], None]
EVERY_PAGE = [
    ("gpus",),
    ("vgpu",),
    ("mig",),
    *(("gpus", gpu.id) for gpu in KNOWN.gpus()),
    *(("vgpu", board) for board in KNOWN.boards()),
    *(("vgpu", str(KNOWN.vgpu_types(board)[-1].name)) for board in KNOWN.boards()),
    *(("mig", gpu.id) for gpu in KNOWN.gpus() if gpu.mig),
    *(("mig", name) for name in ("1g.10gb", "1c.3g.20gb", "1g.24gb+me.all", "7g.189gb", "1g.0gb")),
]


@pytest.fixture(autouse=True)
def _narrow(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def _json(cli: Cli, *arguments: str) -> dict[str, Any]:
    said = cli("catalog", *arguments, "-o", "json")
    assert (said.status, said.err) == (0, "")
    document: dict[str, Any] = json.loads(said.out)
    assert document["apiVersion"] == "gpucarve/v1alpha1"
    return document


@pytest.mark.parametrize(
    ("page", "arguments"),
    [
        ("catalog-gpus", ("gpus",)),
        ("catalog-gpu", ("gpus", "20b5")),
        ("catalog-boards", ("vgpu",)),
        ("catalog-types", ("vgpu", "A100D")),
        ("catalog-type", ("vgpu", "GRID A100D-40C")),
        ("catalog-mig", ("mig",)),
        ("catalog-card", ("mig", "a100-pcie-80gb")),
        ("catalog-profile", ("mig", "1g.10gb")),
    ],
)
def test_a_page_reads_as_it_did(cli: Cli, golden: Golden, page: str, arguments: tuple[str, ...]) -> None:
    said = cli("catalog", *arguments)
    assert (said.status, said.err) == (0, "")
    golden(page, said.out)


def test_every_page_fits_eighty_columns(cli: Cli) -> None:
    for arguments in EVERY_PAGE:
        said = cli("catalog", *arguments)
        assert said.status == 0, (arguments, said.err)
        assert [line for line in said.out.splitlines() if len(line) > 80] == [], arguments


@pytest.mark.parametrize(
    "arguments", [("gpus",), ("gpus", "a16"), ("vgpu", "A100D"), ("mig", "a30"), ("mig", "1g.10gb")]
)
def test_a_page_on_a_small_screen_loses_no_word(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    wide = cli("catalog", *arguments).out
    monkeypatch.setenv("COLUMNS", "40")
    narrow = cli("catalog", *arguments).out
    words = [{word.strip(",") for word in text.split()} for text in (wide, narrow)]
    assert words[0] - words[1] <= {"TYPE", "PROFILE", "CARD"}  # headings of what stands at the front of each line
    assert max(map(len, narrow.splitlines())) <= 60


def test_json_tells_every_gpu_with_its_facts_and_their_sources(cli: Cli) -> None:
    document = _json(cli, "gpus")
    assert document["kind"] == "CatalogGpus"
    assert [each["id"] for each in document["gpus"]] == [gpu.id for gpu in KNOWN.gpus()]
    a100 = next(each for each in document["gpus"] if each["id"] == "a100-pcie-80gb")
    assert (a100["deviceIds"], a100["memoryMib"], a100["boards"]) == (["20b5"], 81920, ["A100D"])
    assert a100["sources"]["deviceIds"] == "pci-ids"
    assert not [key for key in a100 if key.endswith("Source")]
    assert document["sources"]["pci-ids"]["confidence"] == "high"
    assert {code for each in document["gpus"] for code in each["sources"].values()} == set(document["sources"])


def test_json_tells_boards_types_and_one_type(cli: Cli) -> None:
    boards = _json(cli, "vgpu")
    assert boards["kind"] == "CatalogBoards"
    assert sum(len(each["typeNames"]) for each in boards["boards"]) == 1231
    types = _json(cli, "vgpu", "A100D")
    assert types["kind"] == "CatalogVgpuTypes"
    assert [each["name"] for each in types["types"]][:2] == ["A100D-80C", "A100D-40C"]
    one = _json(cli, "vgpu", "A100D-2-20C")["types"]
    assert [(each["name"], each["giProfile"], each["maxPerGpu"], each["mode"]) for each in one] == [
        ("A100D-2-20C", "2g.20gb", 3, "mig-backed")
    ]


def test_json_tells_cards_and_what_a_profile_is_on_each(cli: Cli) -> None:
    tables = _json(cli, "mig", "a30")
    assert tables["kind"] == "CatalogMigTables"
    assert [each["id"] for each in tables["tables"]] == ["a30-24gb"]
    assert tables["tables"][0]["balanced"] == [{"profile": "1g.6gb", "count": 2}, {"profile": "2g.12gb", "count": 1}]
    assert tables["tables"][0]["sources"]["placements"] == "mig-capture"
    meanings = _json(cli, "mig", "1g.10gb")
    assert meanings["kind"] == "CatalogMigProfiles"
    assert [(each["table"], each["maxCount"], each["placements"][1]) for each in meanings["profiles"]] == [
        ("a100-40gb", 4, "2:2"),
        ("a100-80gb", 7, "1:1"),
        ("h100-80gb", 7, "1:1"),
    ]


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("20B5", ["a100-pcie-80gb"]),
        ("10de:20b5", ["a100-pcie-80gb"]),
        ("NVIDIA A100 80GB PCIe", ["a100-pcie-80gb"]),
        ("Tesla T4", ["t4"]),
        ("a30", ["a30"]),
        ("A100D", ["a100-pcie-80gb", "a100x-converged"]),
        ("25b6", ["a2", "a16"]),
    ],
)
def test_a_gpu_is_found_by_what_people_call_it(cli: Cli, word: str, ids: list[str]) -> None:
    assert [each["id"] for each in _json(cli, "gpus", word)["gpus"]] == ids


def test_a_gpu_leads_to_its_vgpu_types(cli: Cli) -> None:
    assert {each["board"] for each in _json(cli, "vgpu", "a100-pcie-80gb")["types"]} == {"A100D"}


def test_a_profile_can_be_asked_for_on_one_gpu(cli: Cli) -> None:
    found = _json(cli, "mig", "1g.10gb", "--gpu", "a100-pcie-40gb")["profiles"]
    assert [(each["table"], each["maxCount"]) for each in found] == [("a100-40gb", 4)]
    assert cli("catalog", "mig", "--gpu", "a30").out == cli("catalog", "mig", "a30").out


def test_the_spelling_of_labels_is_understood(cli: Cli) -> None:
    assert cli("catalog", "mig", "1g.5gb.me").out == cli("catalog", "mig", "1g.5gb+me").out


@pytest.mark.parametrize(
    ("arguments", "fact", "hint"),
    [
        (("gpus", "a1000"), "no GPU called 'a1000'", "a100-pcie-40gb"),
        (("gpus", "zzz"), "no GPU called 'zzz'", "`gpucarve catalog gpus`"),
        (("vgpu", "A100D-30C"), "A100D has no vGPU type 'A100D-30C'; it has A100D-80C, A100D-40C", "A100D-40C"),
        (("vgpu", "a100d-40c"), "no vGPU type, board or GPU called 'a100d-40c'", "did you mean A100D-40C?"),
        (("vgpu", "pg506-232"), "no vGPU types are known for NVIDIA PG506-232", "`gpucarve catalog vgpu`"),
        (("mig", "1G.10GB"), "no MIG profile or GPU called '1G.10GB'", "did you mean 1g.10gb?"),
        (("mig", "6g.60gb"), "no card has a MIG profile 6g.60gb", "`gpucarve catalog mig`"),
        (("mig", "t4"), "Tesla T4 (t4) has no MIG", "`gpucarve catalog mig`"),
        (
            ("mig", "1g.5gb", "--gpu", "a100-pcie-80gb"),
            "(a100-pcie-80gb) has no MIG profile 1g.5gb; it has 1g.10gb, 1g.10gb+me",
            "did you mean 1g.10gb",
        ),
        (("mig", "1g.5gb", "--gpu", "zzz"), "no GPU called 'zzz'", "`gpucarve catalog gpus`"),
        (("mig", "3g20gb", "--gpu", "a30"), "'3g20gb' is no MIG profile name", "did you mean 3g.20gb"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_was_meant(
    cli: Cli, arguments: tuple[str, ...], fact: str, hint: str
) -> None:
    said = cli("catalog", *arguments)
    assert (said.status, said.out) == (64, "")
    assert fact in said.err
    assert hint in said.err.partition("hint: ")[2]


def test_a_long_or_hostile_word_is_cut_and_cannot_steer_the_terminal(cli: Cli) -> None:
    for subject in ("gpus", "vgpu", "mig"):
        said = cli("catalog", subject, "\x1b[2J" + "x" * 10_000)
        assert said.status == 64
        assert "\x1b" not in said.err
        assert len(said.err) < 500
