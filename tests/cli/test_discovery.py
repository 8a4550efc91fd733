"""What discovery tells of machines: recorded ones, one that has everything, and this one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gpucarve import catalog
from gpucarve.cli.views import discovery
from gpucarve.cli.views.text import Style
from gpucarve.facts.observed import Observed
from tests.cli.conftest import Cli
from tests.facts.machines import busy, captured

Golden = Callable[[str, str], None]


def _render(seen: Observed, width: int = 100) -> str:
    return discovery.render({seen.target: seen}, catalog.load(), Style(width)) + "\n"


@pytest.mark.parametrize(("name", "width"), [("discover-busy", 100), ("discover-busy-narrow", 50)])
def test_a_busy_machine_is_told_whole_at_any_width(golden: Golden, name: str, width: int) -> None:
    golden(name, _render(busy(), width))


@pytest.mark.parametrize("name", ["no-gpu", "no-gpu-unprivileged"])
def test_a_machine_without_a_gpu_says_so(golden: Golden, name: str) -> None:
    shown = _render(captured(name))
    golden(f"discover-{name}", shown)
    assert "there is no NVIDIA GPU" in shown


def test_programs_get_the_same_facts_with_stable_names() -> None:
    seen = busy()
    (host,) = discovery.data({seen.target: seen}, catalog.load())["hosts"]
    assert json.loads(json.dumps(host)) == host
    assert host["security"] == {"secureBoot": True, "selinux": "enforcing"}
    assert host["iommu"] == {"on": True, "groups": 5}
    assert host["bootLoader"] == {"kind": "bls"}
    assert host["guests"]["render"] == {"running": True, "functions": ["0000:af:00.0"], "mdevs": []}
    assert host["services"]["nvidia-persistenced"] == {"active": True, "mainPid": 700}
    a100, l40s, t4 = host["gpus"]
    assert [(each["profile"], each["start"], each["size"]) for each in a100["mig"]["instances"]] == [
        ("2g.20gb", 0, 2),
        ("3g.40gb", 4, 4),
    ]
    assert [each["current"] for each in l40s["vendorVfio"]] == [1155, 0]
    assert l40s["vendorVfio"][1]["creatable"] == {"L40S-24Q": 1155}
    assert [each["guest"] or each["service"] or each["command"] for each in l40s["users"]] == [
        "python3",
        "nvidia-persistenced",
        "desk-1",
    ]
    assert (t4["driverOverride"], t4["numaNode"], t4["guests"]) == ("vfio-pci", None, ["render"])
    assert [each["address"] for each in t4["functions"]] == ["0000:af:00.0", "0000:af:00.1"]


def test_what_is_unknown_is_null_for_programs_and_has_its_reason() -> None:
    seen = captured("no-gpu-unprivileged")
    (host,) = discovery.data({seen.target: seen}, catalog.load())["hosts"]
    assert host["services"] is None
    assert "only root" in host["unknown"]["users"]


def test_this_machine_is_looked_at_without_a_document(cli: Cli) -> None:
    assert "local/localhost" in cli("discover", "--local").out
    said = cli("discover", "--local", "-o", "json")
    assert said.status == 0
    body = json.loads(said.out)
    assert (body["apiVersion"], body["kind"]) == ("gpucarve/v1alpha1", "Discovery")
    assert body["hosts"][0]["answers"]


@pytest.mark.parametrize("beside", [("--host", "gpu-1"), ("-f", "fleet.yaml"), ("--world", "socket")])
def test_this_machine_and_another_place_at_once_is_wrong_use(cli: Cli, beside: tuple[str, str]) -> None:
    said = cli("discover", "--local", *beside)
    assert said.status == 64
    assert "--local" in said.err
