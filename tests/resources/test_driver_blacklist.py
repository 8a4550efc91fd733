"""Blacklisted drivers: the file, the image and the running kernel are each seen and mended on their own."""

from __future__ import annotations

from typing import Any

import pytest

from gpucarve.calls.primitives import Inspect, WriteFile
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure
from gpucarve.facts import initramfs, modules
from gpucarve.facts.initramfs import Initramfs
from gpucarve.facts.observed import Unknown, Unreadable
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.resources.host import driver_blacklist
from gpucarve.resources.host.driver_blacklist import DriverBlacklist, DriverBlacklistAsBefore
from tests.resources import sights
from tests.resources.sights import HOST, Driven, Sight, change, decide, fact, names, settled

KEY = driver_blacklist.key(HOST)
WANTED = DriverBlacklist(KEY, ("nouveau",))
BACK = DriverBlacklistAsBefore(KEY, "rolled back")
RECORD: dict[str, Any] = {"kind": "driver-blacklist", "modules": ["nouveau"], "loaded": ["nouveau"]}
OURS = b"# Written by gpucarve: these drivers would bind GPUs that are not for them\nblacklist nouveau\n"
THEIRS = "/etc/modprobe.d/blacklist-nouveau.conf"
INSIDE = Initramfs("initramfs-tools", frozenset({"nouveau"}), carries_blacklist=False)
OUTSIDE = Initramfs("initramfs-tools", frozenset(), carries_blacklist=False)


def _sight(
    *, loaded: bool = True, ours: bytes | None = None, claimed: bool = False, image: Initramfs | Unknown = OUTSIDE
) -> Sight:
    found = modules.Modules(
        frozenset({"nouveau", "ext4"} if loaded else {"ext4"}),
        {"nouveau": (modules.BLACKLIST,)} if ours else {},
        {},
        {modules.BLACKLIST: ours} if ours else {},
    )
    return Sight(modules=found, initramfs=image, claims={KEY.local: RECORD} if claimed else {})


def test_a_module_that_any_file_keeps_out_and_that_is_not_loaded_is_settled() -> None:
    found = modules.Modules(blacklisted={"nouveau": (THEIRS,)})
    assert THEIRS in settled(decide(WANTED, Sight(modules=found))).note


def test_without_a_file_one_is_written_under_a_claim_and_nothing_reboots() -> None:
    decision = decide(WANTED, _sight(loaded=False))
    assert names(decision) == ["Claim", "WriteFile"]
    write = sights.writes(decision)[1].write
    assert isinstance(write, WriteFile)
    assert (write.path, write.content) == (modules.BLACKLIST, OURS)
    assert not change(decision).takes_reboot


def test_a_loaded_module_needs_a_reboot_and_no_new_image_when_it_is_not_inside() -> None:
    decision = decide(WANTED, _sight())
    assert names(decision) == ["Claim", "WriteFile"]
    assert change(decision).takes_reboot
    assert change(decision).disruption.kind is DisruptionKind.REBOOT


@pytest.mark.parametrize(
    ("image", "command"),
    [
        (INSIDE, ["update-initramfs -u"]),
        (
            Initramfs("dracut", frozenset({"nouveau"}), carries_blacklist=False),
            ["WriteFile", "dracut --regenerate-all"],
        ),
        (Initramfs("dracut"), ["WriteFile", "dracut --regenerate-all"]),
    ],
    ids=["initramfs-tools", "dracut", "not looked at"],
)
def test_an_image_that_holds_a_loaded_module_is_made_anew_after_the_files(image: Initramfs, command: list[str]) -> None:
    """dracut has to be told of ours: it copies /etc/modprobe.d into an image for one host alone."""
    assert names(decide(WANTED, _sight(image=image))) == ["Claim", "WriteFile", *command]


def test_a_cut_between_file_and_image_is_mended_with_the_image_alone() -> None:
    decision = decide(WANTED, _sight(ours=OURS, claimed=True, image=INSIDE))
    assert names(decision) == ["Claim", "update-initramfs -u"]
    assert change(decision).takes_reboot


def test_a_file_that_changes_is_not_the_one_that_the_image_carries() -> None:
    """Another module joins: the image has a file of ours, and not this one."""
    image = Initramfs("initramfs-tools", frozenset({"nouveau"}), carries_blacklist=True)
    wider = DriverBlacklist(KEY, ("nouveau", "nova_core"))
    assert names(decide(wider, _sight(ours=OURS, claimed=True, image=image)))[-1] == "update-initramfs -u"


def test_with_file_and_image_right_only_the_reboot_is_left() -> None:
    image = Initramfs("initramfs-tools", frozenset({"nouveau"}), carries_blacklist=True)
    decision = decide(WANTED, _sight(ours=OURS, claimed=True, image=image))
    assert names(decision) == []
    assert change(decision).takes_reboot


def test_another_ones_blacklist_that_came_after_the_image_gets_ours_and_a_new_image() -> None:
    found = modules.Modules(frozenset({"nouveau"}), {"nouveau": (THEIRS,)})
    decision = decide(WANTED, Sight(modules=found, initramfs=INSIDE))
    assert names(decision) == ["Claim", "WriteFile", "update-initramfs -u"]
    assert all(getattr(each.write, "path", "") != THEIRS for each in sights.writes(decision))


def test_without_a_tool_the_file_is_all_that_can_be_written() -> None:
    assert names(decide(WANTED, _sight(image=Initramfs()))) == ["Claim", "WriteFile"]


def test_an_image_that_cannot_be_listed_leads_to_no_write() -> None:
    with pytest.raises(Unreadable, match="cannot be listed"):
        decide(WANTED, _sight(image=Unknown("it cannot be listed")))


@pytest.mark.parametrize("resource", [WANTED, BACK])
def test_a_file_of_our_name_with_more_in_it_is_left_alone(resource: DriverBlacklist | DriverBlacklistAsBefore) -> None:
    edited = OURS + b"options nouveau modeset=0\n"
    assert "did not write" in fact(decide(resource, _sight(ours=edited, claimed=True)))


# --- back


def test_without_a_claim_it_is_as_before() -> None:
    assert settled(decide(BACK, _sight(ours=OURS))).note == "as before"


def _driven(image: str, *, failing: str = "") -> Driven:
    """A host that answers the look at its image with these lines; one command may fail."""

    def reads(request: Any) -> Any:
        assert isinstance(request, Inspect)
        return Exited(0, image.encode())

    def programs(asked: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        return tuple(
            sights.exited(1, "it failed")
            if failing and failing in getattr(each.write, "argv", ())
            else CallOutcome(CallState.DONE, Done())
            for each in asked
        )

    return Driven(reads, programs)


def _back(driven: Driven, *, loaded: bool = False) -> Done | Failure:
    decision = change(decide(BACK, _sight(loaded=loaded, ours=OURS, claimed=True)))
    assert decision.action is Action.REMOVE
    assert callable(decision.work)
    return driven.run(decision.work())


def test_back_restores_the_file_and_loads_what_was_loaded_and_lets_go_last() -> None:
    driven = _driven("tool initramfs-tools\nlisted\n")
    assert _back(driven) == Done()
    assert driven.commands() == ["Restore", "modprobe --use-blacklist nouveau", "Disown"]


def test_back_makes_the_image_anew_when_it_carries_our_file() -> None:
    driven = _driven("tool dracut\nlisted\ncarries\n")
    assert _back(driven, loaded=True) == Done()
    assert driven.commands() == ["Restore", "dracut --regenerate-all --force", "Disown"]


def test_back_takes_dracut_s_setting_away_before_the_image_is_made() -> None:
    driven = _driven("tool dracut\nlisted\ncarries\n")
    sight = _sight(loaded=True, ours=OURS, claimed=True, image=Initramfs("dracut"))
    work = change(decide(BACK, sight)).work
    assert callable(work)
    assert driven.run(work()) == Done()
    assert driven.commands() == ["Restore", "Remove", "dracut --regenerate-all --force", "Disown"]


def test_a_module_that_does_not_load_any_more_does_not_hold_the_rollback_up() -> None:
    driven = _driven("tool initramfs-tools\nlisted\n", failing="modprobe")
    assert _back(driven) == Done()
    assert driven.commands()[-1] == "Disown"


@pytest.mark.parametrize("lost", ["look", "modprobe"])
def test_a_host_that_goes_away_on_the_way_back_keeps_the_claim_and_is_looked_at_again(lost: str) -> None:
    driven = _driven("tool initramfs-tools\nlisted\n")
    reads, programs = driven.reads, driven.programs
    if lost == "look":
        driven.reads = lambda _request: sights.LOST.reply
    else:
        driven.programs = lambda asked: (
            (sights.LOST,) if "modprobe" in getattr(asked[0].write, "argv", ()) else programs(asked)
        )
    assert _back(driven) == sights.LOST.reply
    assert "Disown" not in driven.commands()
    driven.reads, driven.programs = reads, programs
    assert _back(driven) == Done()


@pytest.mark.parametrize(
    ("image", "failing"), [("tool dracut\nlisted\ncarries\n", "dracut"), ("tool dracut\nfailed\n", "")]
)
def test_an_image_that_is_not_made_anew_keeps_the_claim(image: str, failing: str) -> None:
    driven = _driven(image, failing=failing)
    assert isinstance(_back(driven), Failure)
    assert "Disown" not in driven.commands()


def test_the_look_on_the_way_back_is_the_probes_own() -> None:
    assert initramfs.LISTED.argv[:3] == initramfs.READ.argv


@pytest.mark.parametrize("record", [{"loaded": "nouveau"}, {"loaded": [1]}, {}])
def test_a_claim_that_does_not_say_what_was_loaded_is_damaged(record: dict[str, Any]) -> None:
    sight = _sight(ours=OURS)
    sight.claims = {KEY.local: record}
    with pytest.raises(Unreadable, match="damaged"):
        decide(BACK, sight)
