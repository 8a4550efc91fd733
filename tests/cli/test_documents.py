"""Data for programs: one JSON object on standard output, with apiVersion and kind, whatever happens."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
import yaml

from tests.cli.conftest import HOST, Cli, Twin


@pytest.mark.parametrize(
    ("arguments", "kind", "keys"),
    [
        (("validate",), "Diagnostics", {"diagnostics"}),
        (("discover",), "Discovery", {"hosts"}),
        (("plan",), "Plan", {"madeBy", "fleet", "document", "purpose", "resources", "rollouts", "stages"}),
        (("verify",), "Findings", {"findings"}),
        (("status",), "Status", {"hosts", "unfinishedRun"}),
        (("apply", "--yes"), "Result", {"purpose", "run", "done", "targets", "findings"}),
        (("rollback", "--yes"), "Result", {"purpose", "run", "done", "targets", "findings"}),
        (("adopt", "--yes"), "Result", {"purpose", "run", "done", "targets", "findings"}),
    ],
)
def test_each_verb_prints_one_object_of_its_kind(
    cli: Cli, twin: Twin, arguments: tuple[str, ...], kind: str, keys: set[str]
) -> None:
    verb, *options = arguments
    data = json.loads(cli.on_fleet(verb, *options, "-o", "json").out)
    assert list(data)[:2] == ["apiVersion", "kind"]
    assert (data["apiVersion"], data["kind"]) == ("gpucarve/v1alpha1", kind)
    assert set(data) == {"apiVersion", "kind"} | keys


def test_a_bad_document_is_a_list_of_diagnostics_with_places(cli: Cli) -> None:
    cli.fleet.write_text(cli.fleet.read_text().replace("platform", "platfrom"))
    found = json.loads(cli.on_fleet("plan", "-o", "json").out)["diagnostics"]
    assert (found[0]["line"], found[0]["column"], found[0]["length"]) == (6, 5, 8)
    assert "platform" in found[0]["message"]


def test_a_bad_document_is_shown_with_excerpt_caret_and_hint(cli: Cli) -> None:
    cli.fleet.write_text(cli.fleet.read_text().replace("platform", "platfrom"))
    said = cli.on_fleet("validate")
    assert said.out == ""
    assert " 6 |     platfrom: linux\n   |     ^^^^^^^^\n" in said.err
    assert said.err.endswith("error: 1 problem in the fleet document\n")


def test_a_document_can_come_from_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with cli.fleet.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert cli("validate", "-f", "-").status == 0


def test_the_schema_accepts_a_document_that_validate_accepts(cli: Cli) -> None:
    schema = json.loads(cli("schema").out)
    validator = jsonschema_rs.validator_for(schema)
    document = yaml.safe_load(cli.fleet.read_text())
    assert validator.is_valid(document)
    assert not validator.is_valid({**document, "kind": "Flock"})


def test_status_tells_programs_what_stands_on_each_gpu(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    host = json.loads(cli.on_fleet("status", "-o", "json").out)["hosts"][0]
    assert (host["target"], host["answers"], host["lease"]) == (HOST, True, None)
    assert [len(gpu["vgpus"]) for gpu in host["gpus"]] == [0, 2]
    assert host["gpus"][1]["vgpus"][0] == {
        "type": "A100D-40C",
        "uuid": "18676236-88e2-5b11-90d6-4f9202351bb5",
        "virtualFunction": "0000:65:00.4",
        "owned": True,
        "users": [],
    }
