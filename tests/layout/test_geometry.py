"""MIG instances of a document on the cards of the catalog: placed, kept where they stand, or refused with the cause."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from gpucarve import catalog
from gpucarve.facts import mig, ours, pci
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.layout import geometry
from gpucarve.layout.cards import card as look_up
from gpucarve.layout.layouts import CutKind, GpuLayout, Instance
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from tests.layout.hosts import GPU, card, claim_of, cut, function, host, laid_out, refused, spots, standing

OTHER = PciAddress.parse("0000:17:00.0")
A100 = f"{GPU} (NVIDIA A100 PCIe 80GB)"
KNOWN = catalog.load()


def _spots(observed: Observed, **counts: int) -> list[str]:
    (layout,) = laid_out(observed, cut(mig={_name(name): count for name, count in counts.items()}))
    return spots(layout)


def _name(word: str) -> str:
    """`g3_40` for `3g.40gb`, which is no word of Python."""
    slices, _, gigabytes = word[1:].partition("_")
    return f"{slices}g.{gigabytes}gb"


@pytest.mark.parametrize("order", sorted(permutations({"1g.10gb": 1, "2g.20gb": 3}.items())))
def test_one_small_and_three_double_ones_stand_on_an_a100_in_whichever_order_they_are_listed(
    order: tuple[tuple[str, int], ...],
) -> None:
    assert laid_out(card("A100-80"), cut(mig=dict(order))) == (
        GpuLayout(
            GPU,
            CutKind.MIG,
            mig_mode=True,
            mode_takes_reset=True,
            instances=(
                *(Instance(MigProfileName(2, 20), 14, Placement(at, 2), compute=True) for at in (0, 2, 4)),
                Instance(MigProfileName(1, 10), 19, Placement(6, 1), compute=True),
            ),
        ),
    )


REFUSALS = {
    "what overlaps, and what is left for nothing": (
        "A100-80",
        {"3g.40gb": 2, "1g.10gb": 1},
        f"3g.40gb x2 take all 8 memory slices of {A100}, so no 1g.10gb is left, although 1 compute slice is",
    ),
    "one that plays no part is not named": (
        "A100-80",
        {"1g.20gb": 4, "1g.10gb": 1, "1g.10gb+me": 1},
        f"1g.20gb x4 take all 8 memory slices of {A100}, so no 1g.10gb+me is left, although 3 compute slices are",
    ),
    "more compute slices than there are": (
        "A100-80",
        {"4g.40gb": 2},
        f"4g.40gb x2 need 8 compute slices, and {A100} has 7",
    ),
    "all of them together": ("A30", {"4g.24gb": 1, "1g.6gb": 1}, "4g.24gb and 1g.6gb need 5 compute slices, and"),
    "two with the engines that a card has once": ("H100", {"1g.10gb+me": 2}, "is to have 1g.10gb+me x2"),
    "two of one ending, of different sizes": (
        "A30",
        {"1g.6gb+me": 1, "2g.12gb+me": 1},
        "is to have 2g.12gb+me and 1g.6gb+me",
    ),
    "one that takes every engine, and one that wants some": (
        "RTX PRO 6000",
        {"1g.24gb+me.all": 1, "1g.24gb": 1, "2g.48gb-me": 1},
        "is to have 1g.24gb beside 1g.24gb+me.all",
    ),
    "a name of another card": ("A100-80", {"1g.5gb": 7}, "has no MIG profile 1g.5gb"),
    "a part of an instance": ("A100-80", {"1c.3g.40gb": 3}, "is to have 1c.3g.40gb"),
    "a card without MIG": ("T4", {"1g.10gb": 1}, "0000:65:00.0 (Tesla T4) has no MIG"),
}


@pytest.mark.parametrize(("name", "counts", "fact"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_what_is_in_the_way(name: str, counts: dict[str, int], fact: str) -> None:
    (found,) = refused(card(name), cut(mig=counts))
    assert found.verdict is Verdict.DIFFERS
    assert fact in found.fact


def test_a_refusal_says_where_the_one_without_a_place_could_stand() -> None:
    (found,) = refused(card("A100-80"), cut(mig={"3g.40gb": 2, "1g.10gb": 1}))
    assert found.rule == (
        "1g.10gb takes 1 memory slice, from 0, 1, 2, 3, 4, 5 or 6, and instances share no memory slice"
    )


def test_a_name_of_another_card_is_answered_with_the_names_of_this_one() -> None:
    (found,) = refused(card("A100-80"), cut(mig={"1g.5gb": 7}))
    assert "1g.10gb, 1g.10gb+me, 1g.20gb, 2g.20gb" in found.rule
    assert found.fix == "did you mean 1g.10gb or 1g.20gb?"


@pytest.mark.parametrize(("name", "number", "size"), [("A100-80", 19, 1), ("A100-40", 15, 2)])
def test_one_name_is_another_instance_on_another_card(name: str, number: int, size: int) -> None:
    (layout,) = laid_out(card(name), cut(mig={"1g.10gb": 1}))
    assert [(each.profile_id, each.placement.size) for each in layout.instances] == [(number, size)]


def test_two_names_of_one_profile_are_added_up_under_the_one_that_the_driver_prints() -> None:
    assert _spots(card("GB200"), g1_24=1, g1_23=1) == ["1g.23gb@0:1", "1g.23gb@1:1"]


def test_places_that_no_source_gives_are_not_guessed() -> None:
    (found,) = refused(card("RTX PRO 4500"), cut(mig={"1g.16gb": 1}))
    assert found.verdict is Verdict.UNKNOWN
    assert "`nvidia-smi mig -lgipp`" in found.fix


def test_a_card_that_the_catalog_does_not_know_is_not_cut() -> None:
    (found,) = refused(card("unknown", subsystem="1533"), cut(mig={"1g.10gb": 1}))
    assert found.verdict is Verdict.UNKNOWN
    assert "device ffff, subsystem 1533" in found.fact


def test_a_card_whose_driver_shows_no_mig_is_not_cut_though_its_model_has_it() -> None:
    (found,) = refused(host(function(str(GPU), "A100-80"), told=[mig.GpuMig(GPU)]), cut(mig={"1g.10gb": 1}))
    assert "shows no MIG" in found.fact
    assert "[N/A]" in found.rule


def _most(device: str, name: MigProfileName) -> int:
    """How many of a profile can be laid out on a card, one more at a time."""
    gpu, seen = function(str(GPU), device), card(device)
    one = look_up(gpu, seen.require(pci.PROBE), seen, KNOWN)
    return next(n for n in range(20) if isinstance(geometry.instances(one, {name: n + 1}, compute=True), Finding))


@pytest.mark.parametrize("table", [each.id for each in KNOWN.mig_tables() if each.gpus and each.memory_slices])
def test_as_many_of_each_profile_fit_as_the_catalog_says(table: str) -> None:
    gpu = next(each.gpus[0] for each in KNOWN.mig_tables() if each.id == table)
    model = KNOWN.gpu_model(gpu)
    assert model is not None
    for profile in KNOWN.mig_profiles(gpu):
        assert _most(model.device_ids[0], profile.name) == profile.max_count, profile.name


@pytest.mark.parametrize("table", [each.id for each in KNOWN.mig_tables() if each.balanced])
def test_the_balanced_mix_of_each_card_fits(table: str) -> None:
    found = next(each for each in KNOWN.mig_tables() if each.id == table)
    model = KNOWN.gpu_model(found.gpus[0])
    assert model is not None
    (layout,) = laid_out(card(model.device_ids[0]), cut(mig={str(name): count for name, count in found.balanced}))
    assert len(layout.instances) == sum(count for _, count in found.balanced)


def test_an_instance_that_stands_at_a_wanted_profile_keeps_its_place() -> None:
    seen = host(function(str(GPU), "A100-80"), told=[standing("2g.20gb@4:2", "1g.10gb@1:1")])
    assert _spots(seen, g2_20=1, g1_10=2) == ["1g.10gb@0:1", "1g.10gb@1:1", "2g.20gb@4:2"]


def test_it_keeps_its_place_under_whichever_name_the_driver_prints() -> None:
    seen = host(function(str(GPU), "GB200"), told=[standing("1g.24gb@3:1")])
    assert _spots(seen, g1_23=1) == ["1g.23gb@3:1"]


def test_a_place_that_is_ours_is_kept_though_a_reboot_has_taken_the_instance() -> None:
    seen = host(function(str(GPU), "H100"), claims={claim_of("1g.10gb@5:1"): {}, claim_of("1g.10gb+me@2:1"): {}})
    (found,) = laid_out(seen, cut(mig={"1g.10gb": 1, "1g.10gb+me": 1}))
    assert spots(found) == ["1g.10gb+me@2:1", "1g.10gb@5:1"]


def test_the_places_of_another_gpu_are_no_wish_for_this_one() -> None:
    claims: dict[str, dict[str, Any]] = {claim_of("1g.10gb@5:1", OTHER): {}}
    seen = host(function(str(GPU), "A100-80"), told=[standing("1g.10gb@4:1", on=OTHER)], claims=claims)
    assert _spots(seen, g1_10=1) == ["1g.10gb@0:1"]


@pytest.mark.parametrize(
    "claim", [f"gpu-instance@{GPU}#nonsense@0:1", f"gpu-instance@{GPU}#1g.10gb@1", "kernel-arguments"]
)
def test_a_claim_that_names_no_place_is_no_wish(claim: str) -> None:
    assert _spots(host(function(str(GPU), "A100-80"), claims={claim: {}}), g1_10=1) == ["1g.10gb@0:1"]


def test_what_others_made_is_built_around_and_what_is_ours_and_goes_is_not() -> None:
    there = standing("1g.10gb@0:1")
    others = host(function(str(GPU), "A100-80"), told=[there])
    ours_ = host(function(str(GPU), "A100-80"), told=[there], claims={claim_of("1g.10gb@0:1"): {}})
    assert _spots(others, g3_40=1) == ["3g.40gb@4:4"]
    assert _spots(ours_, g3_40=1) == ["3g.40gb@0:4"]


def test_what_cannot_be_read_leaves_the_layout_without_a_wish() -> None:
    facts = card("A100-80").facts
    blind = Observed(card("A100-80").target, {**facts, mig.PROBE.name: Unknown("no"), ours.PROBE.name: Unknown("no")})
    assert _spots(blind, g1_10=1) == ["1g.10gb@0:1"]


MODES = {
    "a whole A100 leaves MIG, by a reset": (card("A100-80"), {"whole": True}, (False, True)),
    "a whole H100 leaves it without": (card("H100"), {"whole": True}, (False, False)),
    "a whole T4 has none": (card("T4"), {"whole": True}, (None, False)),
    "an A30 enters it by a reset": (card("A30"), {"mig": {"1g.6gb": 1}}, (True, True)),
    "a card whose driver shows none has none": (
        host(function(str(GPU), "A100-80"), told=[mig.GpuMig(GPU)]),
        {"whole": True},
        (None, False),
    ),
    "an unknown card in MIG mode leaves it": (
        host(function(str(GPU), "unknown"), told=[standing()]),
        {"whole": True},
        (False, True),
    ),
    "an unknown card without a driver has none": (card("unknown"), {"whole": True}, (None, False)),
    "a passed-through A100 is not in MIG mode": (card("A100-80"), {"passthrough": True}, (False, True)),
    "nor is one with time-sliced vGPUs": (card("A100-80"), {"vgpu": {"A100D-40C": 1}}, (False, True)),
}


@pytest.mark.parametrize(("seen", "kind", "expected"), MODES.values(), ids=MODES)
def test_each_cut_has_its_mode(seen: Observed, kind: dict[str, Any], expected: tuple[bool | None, bool]) -> None:
    (layout,) = laid_out(seen, cut(**kind))
    assert (layout.mig_mode, layout.mode_takes_reset) == expected
