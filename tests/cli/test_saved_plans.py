"""A plan that was saved and looked at is applied as it stands, or not at all."""

from __future__ import annotations

import json

import pytest

from gpucarve.calls.primitives import Run, WriteFile
from gpucarve.model.hosts import Target
from tests.cli.conftest import HOST, Cli, Twin

TARGET = Target.parse(HOST)


def test_a_saved_plan_that_still_fits_is_applied_without_asking(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    assert cli.on_fleet("plan", "--out", plan).status == 0
    said = cli.on_fleet("apply", plan)
    assert said.status == 0
    assert "6 checks: 6 as wanted" in said.out


def test_a_saved_plan_is_not_shown_a_second_time_unless_all_of_it_is_wanted(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", plan)
    said = cli.on_fleet("apply", plan)
    assert said.out.startswith("Plan to apply: fleet lab, 6 steps on 1 host\nApplied: 1 host.\n")


def test_the_saved_plan_is_what_json_output_shows(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    shown = cli.on_fleet("plan", "--out", plan, "-o", "json").out
    assert json.loads(shown) == json.loads(plan.read_text())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is not a plan"),
        ("[" * 100_000, "is not a plan"),
        ("[1]", "not a plan of gpucarve"),
        ('{"kind": "Plan", "apiVersion": "gpucarve/v1alpha1", "madeBy": "99"}', "made by version 99"),
    ],
)
def test_a_file_that_is_no_plan_of_this_version_is_refused(cli: Cli, twin: Twin, content: str, complaint: str) -> None:
    plan = cli.folder / "plan.json"
    plan.write_text(content)
    said = cli.on_fleet("apply", plan)
    assert said.status == 1
    assert complaint in said.err
    assert "gpucarve plan --out" in said.err


def test_a_plan_of_another_document_is_refused(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", plan)
    cli.fleet.write_text(cli.fleet.read_text() + "# edited since\n")
    said = cli.on_fleet("apply", plan)
    assert said.status == 1
    assert "another fleet document" in said.err


def test_a_plan_that_was_edited_is_refused_before_anything_is_written(cli: Cli, twin: Twin) -> None:
    plan = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", plan)
    plan.write_text(plan.read_text().replace("intel_iommu=on", "init=/bin/sh"))
    said = cli.on_fleet("apply", plan)
    assert said.status == 1
    assert f"not what its document asks for: {HOST} kernel-arguments" in said.err
    assert twin.do(lambda world: world.admin(TARGET).counts())["before write"] == 0


def test_the_command_that_applies_a_saved_plan_is_shown_as_a_shell_takes_it(cli: Cli, twin: Twin) -> None:
    said = cli.on_fleet("plan", "--out", cli.folder / "my plan.json")
    assert f"apply -f {cli.fleet} '{cli.folder}/my plan.json'" in said.err


def test_a_plan_that_cannot_be_saved_or_read_says_what_to_do(cli: Cli, twin: Twin) -> None:
    said = cli.on_fleet("plan", "--out", cli.folder / "nowhere" / "plan.json")
    assert said.status == 64
    assert "hint: name a file in a folder that is there" in said.err
    said = cli.on_fleet("apply", cli.folder / "nowhere.json")
    assert said.status == 64
    assert "hint: make the plan again" in said.err


def test_a_plan_that_the_facts_have_overtaken_is_refused_and_says_why(cli: Cli, twin: Twin) -> None:
    assert cli.on_fleet("apply", "--yes").status == 0
    stop = Run(("mdevctl", "stop", "--uuid", _first(cli)))
    twin.do(lambda world: world.admin(TARGET).by_hand(stop))
    plan = cli.folder / "plan.json"
    cli.on_fleet("plan", "--out", plan)
    defaults = WriteFile("/etc/default/grub", b'GRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=off"\n')
    twin.do(lambda world: world.admin(TARGET).by_hand(defaults))
    said = cli.on_fleet("apply", plan)
    assert said.status == 1
    assert "no longer fits" in said.err
    assert "kernel-arguments" in said.err


def _first(cli: Cli) -> str:
    vgpus = json.loads(cli.on_fleet("status", "-o", "json").out)["hosts"][0]["gpus"][1]["vgpus"]
    return str(vgpus[0]["uuid"])
