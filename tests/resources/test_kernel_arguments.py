"""Kernel arguments: the defaults, the menu and the running kernel are each seen and mended on their own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gpucarve.calls.predicates import Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, Run, WriteFile
from gpucarve.facts import boot, driver, grub, ours
from gpucarve.facts.observed import Observed, Unreadable
from gpucarve.layout.layouts import CutKind, GpuLayout, HostLayout, Slot
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.platforms import linux
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import kernel_arguments
from gpucarve.resources.host.kernel_arguments import KernelArguments, KernelArgumentsAsBefore
from tests.resources import sights
from tests.resources.sights import (
    BARE,
    GPU,
    HOST,
    MERGED,
    PLAIN,
    TYPE,
    WITH_IOMMU,
    Sight,
    change,
    decide,
    fact,
    names,
    settled,
)

KEY = kernel_arguments.key(HOST)
WANTED = ("intel_iommu=on", "iommu=pt")
THERE = KernelArguments(KEY, WANTED)
DIGEST = Sha256.of(grub.DEFAULTS, MERGED.encode()).digest
RECORD: dict[str, Any] = {
    "kind": "kernel-arguments",
    "arguments": list(WANTED),
    "command_line": " ".join(PLAIN),
    "written": DIGEST,
}
Menu = tuple[tuple[str, ...], ...]
BACK = KernelArgumentsAsBefore(KEY, WANTED, " ".join(PLAIN), DIGEST, "rolled back")


def _sight(
    defaults: str,
    entries: Menu,
    running: tuple[str, ...],
    kept: str | None = None,
    link: str = "",
) -> Sight:
    loader = grub.Grub(defaults.encode(), entries, None if kept is None else kept.encode(), link)
    claims = {} if kept is None else {KEY.local: RECORD}
    return Sight(boot=boot.Boot("b1", "6.1", running, "GenuineIntel"), grub=loader, claims=claims)


def _bare(**facts: Any) -> Sight:
    """A host that runs without them."""
    return replace(_sight(BARE, (PLAIN,), PLAIN), **facts)


def test_in_force_everywhere_is_settled() -> None:
    assert "iommu=pt" in settled(decide(THERE)).note


def test_a_bare_host_gets_claim_file_and_menu_and_needs_a_reboot() -> None:
    decision = decide(THERE, _sight(BARE, (PLAIN,), PLAIN))
    assert names(decision) == ["Claim", "WriteFile", "update-grub"]
    assert change(decision).takes_reboot
    assert change(decision).disruption.kind is DisruptionKind.REBOOT
    write = sights.writes(decision)[1].write
    assert isinstance(write, WriteFile)
    assert write.content == MERGED.encode()


def test_each_write_is_bound_to_the_text_that_it_was_decided_on() -> None:
    claim, write, derive = sights.writes(decide(THERE, _sight(BARE, (PLAIN,), PLAIN)))
    before, after = Sha256.of(grub.DEFAULTS, BARE.encode()), Sha256.of(grub.DEFAULTS, MERGED.encode())
    assert claim.before == (before,)
    assert (write.before, write.wanted) == ((before,), (after,))
    assert derive.before == (after,)


def test_the_claim_keeps_the_file_and_the_command_line_as_they_are() -> None:
    claim = sights.writes(decide(THERE, _sight(BARE, (PLAIN,), PLAIN)))[0].write
    assert isinstance(claim, Claim)
    assert claim.preserve == (grub.DEFAULTS,)
    assert json.loads(claim.record) == RECORD


def test_a_cut_between_file_and_menu_is_mended_by_the_menu_alone() -> None:
    decision = decide(THERE, _sight(MERGED, (PLAIN,), PLAIN))
    assert names(decision) == ["Claim", "update-grub"]
    assert not change(decision).preconditions


def test_one_entry_of_the_menu_that_lacks_them_is_enough_to_make_it_anew() -> None:
    assert names(decide(THERE, _sight(MERGED, (WITH_IOMMU, PLAIN), WITH_IOMMU))) == ["Claim", "update-grub"]


def test_a_menu_without_entries_carries_nothing() -> None:
    assert names(decide(THERE, _sight(MERGED, (), WITH_IOMMU))) == ["Claim", "update-grub"]


def test_a_cut_before_the_reboot_leaves_the_reboot_alone() -> None:
    decision = decide(THERE, _sight(MERGED, (WITH_IOMMU,), PLAIN))
    assert names(decision) == []
    assert change(decision).takes_reboot


def test_a_file_that_was_put_back_while_the_kernel_runs_with_them_needs_no_reboot() -> None:
    decision = decide(THERE, _sight(BARE, (PLAIN,), WITH_IOMMU))
    assert names(decision) == ["Claim", "WriteFile", "update-grub"]
    assert not change(decision).takes_reboot
    assert change(decision).disruption.kind is DisruptionKind.NONE


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (_bare(grub=None), "give intel_iommu=on iommu=pt in GRUB_CMDLINE_LINUX of /etc/default/grub"),
        (_bare(driver=driver.Driver("525.105.14", True, True, False)), "or grub2-mkconfig"),
        (_sight('GRUB_CMDLINE_LINUX="$X"\n', (PLAIN,), PLAIN), "line 1 is not a plain assignment"),
        (_sight(BARE, (PLAIN,), PLAIN, link="/srv/grub"), "is a symbolic link to /srv/grub"),
    ],
)
def test_a_boot_loader_that_is_not_ours_to_change_is_refused_with_what_to_do(sight: Sight, said: str) -> None:
    assert said in fact(decide(THERE, sight))


@pytest.mark.parametrize(
    "loader",
    [
        grub.Grub(MERGED.encode(), (WITH_IOMMU,), None, "/srv/grub"),
        grub.Grub(b'GRUB_CMDLINE_LINUX="$X"\n', (WITH_IOMMU,)),
    ],
    ids=["linked", "computed"],
)
def test_a_file_that_is_not_ours_to_change_is_no_hindrance_where_nothing_is_to_change(loader: grub.Grub) -> None:
    assert "in force" in settled(decide(THERE, Sight(grub=loader))).note


@pytest.mark.parametrize(
    ("vendor", "table", "arguments"),
    [
        ("GenuineIntel", "DMAR", WANTED),
        ("AuthenticAMD", "IVRS", ("iommu=pt",)),
        ("AuthenticAMD", "DMAR", WANTED),
        ("GenuineIntel", "", WANTED),
        ("", "", ("iommu=pt",)),
    ],
)
def test_only_hosts_with_an_intel_iommu_are_told_to_turn_it_on(
    vendor: str, table: str, arguments: tuple[str, ...]
) -> None:
    observed = Sight(boot=boot.Boot("b1", "6.1", PLAIN, vendor, table)).observed()
    layout = HostLayout((GpuLayout(GPU, CutKind.VGPU, slots=(Slot(TYPE, 0, 2),)),))
    (found,) = (each for each in linux.resources(layout, observed) if isinstance(each, KernelArguments))
    assert found.arguments == arguments


# --- and back


def _back(defaults: str, entries: Menu, running: tuple[str, ...], kept: str = BARE) -> Sight:
    return _sight(defaults, entries, running, kept)


def test_without_a_claim_there_is_nothing_to_take_back() -> None:
    settled(decide(BACK, _sight(MERGED, (WITH_IOMMU,), WITH_IOMMU)))


def test_our_own_text_gives_way_to_the_kept_file_as_it_was() -> None:
    decision = decide(BACK, _back(MERGED, (WITH_IOMMU,), WITH_IOMMU))
    assert names(decision) == ["Restore", "update-grub"]
    restore, derive = sights.writes(decision)
    assert restore.before == (Sha256.of(grub.DEFAULTS, MERGED.encode()),)
    assert restore.wanted == derive.before == (Sha256.of(grub.DEFAULTS, BARE.encode()),)
    assert restore.write == Restore(KEY.local, grub.DEFAULTS)
    assert change(decision).takes_reboot


def test_what_others_edited_since_stays_and_only_our_keys_go() -> None:
    edited = MERGED.replace("quiet", "quiet hugepages=4") + "GRUB_TIMEOUT=9\n"
    decision = decide(BACK, _back(edited, (WITH_IOMMU,), WITH_IOMMU))
    assert names(decision) == ["WriteFile", "update-grub"]
    write = sights.writes(decision)[0].write
    assert isinstance(write, WriteFile)
    assert write.content == (BARE.replace("quiet", "quiet hugepages=4") + "GRUB_TIMEOUT=9\n").encode()


def test_what_others_made_unreadable_since_is_refused_with_the_line() -> None:
    assert "line 3 is not a plain assignment" in fact(
        decide(BACK, _back(MERGED + 'GRUB_CMDLINE_LINUX="$X"\n', (WITH_IOMMU,), WITH_IOMMU))
    )


@pytest.mark.parametrize("entries", [(WITH_IOMMU,), (), (PLAIN, WITH_IOMMU)])
def test_a_menu_that_is_not_as_before_is_made_anew_alone(entries: Menu) -> None:
    decision = decide(BACK, _back(BARE, entries, WITH_IOMMU))
    assert names(decision) == ["update-grub"]
    assert sights.writes(decision)[0].before == (Sha256.of(grub.DEFAULTS, BARE.encode()),)


def test_the_reboot_alone_is_left_when_file_and_menu_are_as_before() -> None:
    decision = decide(BACK, _back(BARE, (PLAIN,), WITH_IOMMU))
    assert names(decision) == []
    assert change(decision).takes_reboot


def test_the_claim_goes_last_and_only_while_the_file_is_as_before() -> None:
    decision = decide(BACK, _back(BARE, (PLAIN,), PLAIN))
    assert change(decision).action is Action.RELEASE
    (disown,) = sights.writes(decision)
    assert disown.write == Disown(KEY.local)
    assert disown.before == (Sha256.of(grub.DEFAULTS, BARE.encode()),)


def test_arguments_that_somebody_had_written_and_never_derived_come_back_as_the_file_gives_them() -> None:
    kept = BARE.replace('LINUX=""', 'LINUX="intel_iommu=on"')
    half = ("ro", "intel_iommu=on", "quiet")
    assert change(decide(BACK, _back(kept, (half,), half, kept))).action is Action.RELEASE
    assert change(decide(BACK, _back(kept, (PLAIN,), PLAIN, kept))).action is Action.RELEASE
    assert names(decide(BACK, _back(kept, (WITH_IOMMU,), half, kept))) == ["update-grub"]
    assert change(decide(BACK, _back(kept, (half,), WITH_IOMMU, kept))).takes_reboot


def test_a_copy_that_is_gone_from_the_claim_is_refused() -> None:
    sight = _back(MERGED, (WITH_IOMMU,), WITH_IOMMU)
    assert isinstance(sight.grub, grub.Grub)
    sight.grub = replace(sight.grub, kept=None)
    assert "the copy of /etc/default/grub is gone" in fact(decide(BACK, sight))


def test_a_file_that_became_a_link_since_is_refused() -> None:
    assert "symbolic link" in fact(decide(BACK, _sight(MERGED, (WITH_IOMMU,), WITH_IOMMU, BARE, "/srv/grub")))


def test_update_grub_gets_the_time_it_takes() -> None:
    run = sights.writes(decide(THERE, _sight(MERGED, (PLAIN,), PLAIN)))[1].write
    assert isinstance(run, Run)
    assert run.deadline >= 120


@pytest.mark.parametrize("name", ["arguments", "command_line", "written"])
@pytest.mark.parametrize("value", [None, 7, [1]])
def test_a_damaged_claim_is_named_and_no_way_back_is_guessed(name: str, value: object) -> None:
    claims = ours.Ours(claims={KEY.local: RECORD | {name: value}})
    with pytest.raises(Unreadable, match=f"kernel-arguments/record is damaged: it does not say '{name}'"):
        kernel_arguments.before(KEY, claims, "rolled back", ())


def test_a_fact_that_could_not_be_read_is_not_decided_on() -> None:
    with pytest.raises(Unreadable):
        THERE.decide(Observed(HOST), Outlook())
