"""`gpucarve bench` and `verify --workload`, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpucarve.bench import codec
from gpucarve.report import amounts
from tests.cli.conftest import DOCUMENT, Cli, Twin
from tests.house.tracked import ROOT

OUTPUTS = ROOT / "tests" / "bench" / "outputs"


def test_a_host_without_python_is_refused_with_its_reason_and_status_3(cli: Cli, twin: Twin) -> None:
    said = cli("bench", "vectoradd", "copy", "--target", "cci1/computegpu000")
    assert said.status == 3
    assert "vectoradd: does not run: there is no python3 on this host" in said.out
    assert "RHCOS" in said.out
    assert "vectoradd ..." in said.err
    assert "copy" not in said.out  # what one workload lacks, the next lacks too


def test_a_host_that_does_not_answer_ends_with_69(cli: Cli, twin: Twin) -> None:
    assert cli("bench", "copy", "--target", "cci1/nobody").status == 69


def test_a_report_of_a_seeds_output_is_told_as_text_json_and_page(cli: Cli, tmp_path: Path) -> None:
    text = cli("bench", "read", OUTPUTS / "transpose-a100d-1-10c.txt")
    assert text.status == 0
    assert "runs at 95.6 % of the simple copy of the same run" in text.out
    report = cli("bench", "read", OUTPUTS / "transpose-a100d-1-10c.txt", "-o", "json").out
    assert codec.read(report, "x").workloads[0].name == "transpose"
    (tmp_path / "report.json").write_text(report)
    assert cli("bench", "read", tmp_path / "report.json").out.splitlines()[1:] == text.out.splitlines()[1:]
    assert cli("bench", "read", tmp_path / "report.json", "-o", "html").out.startswith("<!doctype html>")


def test_two_outputs_are_compared_as_ratios(cli: Cli) -> None:
    files = (OUTPUTS / "hashcat-cpu.txt", OUTPUTS / "hashcat-m60-8q.txt")
    said = cli("bench", "compare", *files)
    assert said.status == 0
    assert "7.20 times as fast (1.402 GH/s to 10.09 GH/s, of single samples)" in said.out
    told = json.loads(cli("bench", "compare", *files, "-o", "json").out)
    assert [round(each["ratio"], 3) for each in told["figures"]] == [7.201, 3.856, 2.919]


def test_reports_without_a_common_figure_cannot_be_compared(cli: Cli) -> None:
    said = cli("bench", "compare", OUTPUTS / "hashcat-cpu.txt", OUTPUTS / "vectoradd.txt")
    assert said.status == 1
    assert "no figure in common" in said.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("bench", "transpos"), "there is no workload 'transpos'; did you mean transpose?"),
        (("bench", "copy", "--size", "many"), "--size 'many' is no size"),
        (("bench", "copy", "--size", "0"), "--size '0' is no size"),
        (("bench", "copy", "--size", "1GK"), "--size '1GK' is no size"),
        (("bench", "read", "nowhere.txt"), "nowhere.txt cannot be read"),
        (("bench", "copy", "--target", "a b"), "is not a host"),
    ],
)
def test_a_wrong_use_is_told_with_status_64(cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    said = cli(*arguments)
    assert said.status == 64
    assert complaint in said.err


def test_a_file_that_is_no_output_is_refused_with_what_is_known(cli: Cli) -> None:
    said = cli("bench", "read", cli.fleet)
    assert said.status == 1
    assert "hashcat" in said.err


def test_a_host_without_slices_says_so_with_status_3(cli: Cli, twin: Twin) -> None:
    said = cli("bench", "slices", "--target", "cci1/computegpu000")
    assert said.status == 3
    assert "nvidia-smi -L" in said.err


def test_verify_does_not_believe_a_container_gpu_on_which_nothing_ran(cli: Cli, twin: Twin) -> None:
    cli.fleet.write_text(
        DOCUMENT.replace("workload: vm-vgpu", "workload: container").replace("vgpu: {A100D-40C: 2}", "whole: true")
    )
    said = cli.on_fleet("verify", "--workload", "-o", "json")
    assert said.status == 3
    (found,) = [each for each in json.loads(said.out)["findings"] if each["check"] == "workload"]
    assert found["verdict"] == "unknown"
    assert "no python3" in found["fact"]
    assert "workload" not in {
        each["check"] for each in json.loads(cli.on_fleet("verify", "-o", "json").out)["findings"]
    }


def test_verify_says_nothing_of_gpus_that_belong_to_guests(cli: Cli, twin: Twin) -> None:
    told = json.loads(cli.on_fleet("verify", "--workload", "-o", "json").out)
    assert "workload" not in {each["check"] for each in told["findings"]}


def test_rates_and_ratios_in_words() -> None:
    assert amounts.rate(4.2167e12, "B") == "4.217 TB/s"
    assert amounts.rate(12.0, "H") == "12 H/s"
    assert amounts.times(7.2013) == "7.20 times as fast"
    assert amounts.percent(0.9731) == "97.3 %"
