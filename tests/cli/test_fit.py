"""`gpucarve fit`: the best cut for people, programs and pictures, and a refusal that teaches."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Cli, Twin

STANDING = "0=1g.10gb@0,1g.10gb@1,1g.10gb@5"
ROOM = ("fit", "--gpu", "A100-SXM4-80GB=1", "--standing", STANDING, "--want", "3g.40gb=1", "--want", "1g.10gb=3")


def test_it_says_how_few_gpus_are_needed_that_it_is_proved_and_what_each_becomes(cli: Cli) -> None:
    said = cli("fit", "--gpu", "A100-SXM4-80GB=8", "--want", "3g.40gb=5", "--want", "1g.10gb=9")
    assert (said.status, said.err) == (0, "")
    assert "4 GPUs in use: the least there is, proved by prices" in said.out
    assert "[========3g.40gb========|========3g.40gb=========]" in said.out
    assert "4 x a100-sxm4-80gb, unused: GPU 4, 5, 6, 7" in said.out


def test_a_refusal_names_the_conflict_the_placements_in_the_way_and_the_moves_that_make_room(cli: Cli) -> None:
    said = cli(*ROOM, "--no-moves")
    assert said.status == 3
    told = " ".join(said.out.split())
    assert "these GPUs do not hold 1 of 3g.40gb." in told
    assert (
        "4 compute and 5 memory slices are free, but 3g.40gb may start only at 0 or 4: "
        "0:4 overlaps 1g.10gb at 0 and 1g.10gb at 1, 4:4 overlaps 1g.10gb at 5"
    ) in told
    assert "1 move would make room: 1g.10gb on 0 at 5:1 to GPU 0 at 2:1" in told


def test_where_things_may_move_the_new_place_comes_before_the_old_one_goes(cli: Cli) -> None:
    said = cli(*ROOM, "--objective", "fewest-moves")
    assert said.status == 0
    steps = said.out.partition("in this order:\n")[2].split("\n")[:3]
    assert [each.split()[0] for each in steps] == ["make", "drop", "make"]
    assert "1 move: the least there is, proved by prices" in said.out


def test_json_holds_the_layout_and_the_proof(cli: Cli) -> None:
    said = cli("fit", "--gpu", "a30=2", "--want", "2g.12gb=3", "-o", "json")
    document = json.loads(said.out)
    assert (document["kind"], document["fits"]) == ("Fit", True)
    (stage,) = document["objectives"]
    assert (stage["objective"], stage["value"], stage["bound"], stage["proof"]) == ("fewest-gpus", 2, 2, "prices")
    placed = [item["placement"] for gpu in document["gpus"] for item in gpu["items"]]
    assert sorted(placed) == ["0:2", "0:2", "2:2"]


def test_the_picture_is_well_formed_and_draws_every_instance(cli: Cli) -> None:
    said = cli("fit", "--gpu", "a30=2", "--want", "2g.12gb=3", "--want", "1g.6gb@a<b=1", "-o", "svg")
    assert said.status == 3
    root = ET.fromstring(said.out)  # noqa: S314 - our own picture
    fills = [each.get("fill") for each in root.iter() if each.tag.endswith("rect")]
    assert fills.count("#8fb3d9") == 3 or fills.count("#8fb3d9") == 4
    assert not [each for each in root.iter() if each.tag.endswith("script")]


@pytest.mark.parametrize(
    ("wants", "gpu", "used"),
    [
        (("A10-24Q=1", "A10-12Q=2"), "a10=9", 2),
        (("A10-8Q=6",), "a10=9", 2),
        (("A10-4Q=7",), "a10=9", 2),
        (("8Gi/Q=4",), "a10=9", 2),
        (("8Gi/Q=3", "A10-8C=1"), "a10=9", 2),
        (("whole=2", "1g.6gb=1"), "a30=9", 3),
        (("1g.6gb@red=1", "1g.6gb@blue=1"), "a30=9", 2),
        (("A100D-2-20C=3", "A100D-1-10C=1"), "a100-pcie-80gb=9", 1),
        (("DC-1-2Q=13",), "rtx-pro-6000-blackwell-se=9", 1),
    ],
)
def test_every_sort_of_wish_is_counted_by_its_own_rule(cli: Cli, wants: tuple[str, ...], gpu: str, used: int) -> None:
    options = [word for each in wants for word in ("--want", each)]
    said = cli("fit", "--gpu", gpu, *options, "-o", "json")
    assert said.status == 0
    document = json.loads(said.out)
    assert document["objectives"][0]["value"] == used
    assert document["objectives"][0]["proof"] != "none"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--gpu", "a30=1"), "fit needs GPUs and a demand"),
        (("--gpu", "a30", "--want", "1g.6gb=1"), "no NAME=COUNT"),
        (("--gpu", "a30=0", "--want", "1g.6gb=1"), "no NAME=COUNT"),
        (("--gpu", "A3O=1", "--want", "1g.6gb=1"), "there is no GPU model A3O"),
        (("--gpu", "a30=1", "--want", "pony=1"), "nothing that a GPU can carry"),
        (("--gpu", "a30=1", "--standing", "0=1g.6gb@9", "--want", "1g.6gb=1"), "does not stand from slice 9"),
        (("--gpu", "a30=1", "--standing", "3=1g.6gb@0", "--want", "1g.6gb=1"), "there is no GPU 3"),
        (("--gpu", "a30=1", "--standing", "0=2g.12gb@0,1g.6gb@1", "--want", "1g.6gb=1"), "overlaps"),
        (("--gpu", "a30=1", "--standing", "x", "--want", "1g.6gb=1"), "no GPU=PROFILE@SLICE"),
    ],
)
def test_what_is_written_wrong_is_told_with_what_to_write(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    said = cli("fit", *arguments)
    assert said.status == 64
    assert words in said.err
    assert "hint:" in said.err


DEMAND = """\
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {name: lab}
sites:
  - name: cci1
    platform: linux
    access: {ssh: {user: admin}}
    pools:
      - name: inference
        nodes: {names: [computegpu000]}
        workload: container
        demand: [{mig: 3g.40gb, count: 3}]
"""


def test_the_demand_of_a_document_is_fitted_to_the_gpus_of_its_hosts(cli: Cli, twin: Twin) -> None:
    cli.fleet.write_text(DEMAND)
    said = cli.on_fleet("fit")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("cci1, pool inference\nIt fits.")
    assert "2 GPUs in use: the least there is, proved by prices" in said.out
    assert "cci1/computegpu000 0000:17:00.0" in said.out


def test_another_demand_can_be_tried_on_the_gpus_of_a_document(cli: Cli, twin: Twin) -> None:
    cli.fleet.write_text(DEMAND)
    said = cli.on_fleet("fit", "--want", "7g.80gb=3", "-o", "json")
    assert said.status == 3
    (pool,) = json.loads(said.out)["pools"]
    assert pool["unmet"] == [{"want": "7g.80gb", "count": 1}]


def test_a_host_that_does_not_answer_is_named(cli: Cli, twin: Twin) -> None:
    cli.fleet.write_text(DEMAND.replace("computegpu000", "computegpu000, nobody"))
    said = cli.on_fleet("fit")
    assert said.status == 3
    assert "cci1/nobody" in said.out + said.err


def test_a_document_without_a_demand_needs_one(cli: Cli, twin: Twin) -> None:
    said = cli.on_fleet("fit")
    assert said.status == 64
    assert "no pool that is meant has a `demand`" in said.err
