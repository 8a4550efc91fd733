"""vGPUs in their slots: which seat each has, what is written for it, what stands in its way, and how it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gpucarve.calls.predicates import Absent, AtLeast, LinksTo
from gpucarve.calls.primitives import Claim, Disown, Remove, Run
from gpucarve.facts import mediated, users
from gpucarve.facts.observed import Unreadable
from gpucarve.model.changes import Action
from gpucarve.model.hosts import ResourceKey
from gpucarve.resources.decisions import Outlook, Settled
from gpucarve.resources.host import slots
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_adoption import AdoptedVgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from tests.resources import sights
from tests.resources.sights import (
    FOREIGN,
    GPU,
    HOST,
    OTHER_GPU,
    TYPE,
    TYPE_ID,
    VFS,
    Sight,
    change,
    claim,
    decide,
    fact,
    functions,
    names,
    settled,
    uuid,
    vgpus,
    writes,
)

GUEST = (users.User(41, "vm-7"),)


def _earlier(number: int) -> tuple[ResourceKey, ...]:
    return tuple(slots.key(HOST, GPU, TYPE, lower) for lower in range(number))


def _slot(number: int = 0, **fields: Any) -> Vgpu:
    return Vgpu(slots.key(HOST, GPU, TYPE, number), GPU, TYPE, 2, _earlier(number), **fields)


def _argv(decision: Any, place: int) -> tuple[str, ...]:
    write = writes(decision)[place].write
    assert isinstance(write, Run)
    return write.argv


# --- making


def test_an_empty_slot_is_claimed_defined_and_started_on_the_first_free_function() -> None:
    decision = decide(_slot())
    assert names(decision) == ["Claim", "mdevctl define", "mdevctl start"]
    here = ("--uuid", uuid(0), "--parent", str(VFS[0]))
    assert _argv(decision, 1) == ("mdevctl", "define", *here, "--type", TYPE_ID)
    assert _argv(decision, 2) == ("mdevctl", "start", *here)


def test_each_write_is_done_only_where_it_is_still_true() -> None:
    claimed, define, start = writes(decide(_slot()))
    free = (
        Absent(mediated.device_path(uuid(0))),
        AtLeast(mediated.type_path(VFS[0], TYPE_ID, "available_instances"), 1),
    )
    assert claimed.before == start.before == free, "nobody took the seat meanwhile"
    assert define.before == (Absent(mediated.definition_path(VFS[0], uuid(0))),)
    running = LinksTo(f"{mediated.device_path(uuid(0))}/mdev_type", f"../mdev_supported_types/{TYPE_ID}")
    assert start.wanted == (running,)


def test_the_claim_says_the_seat_and_whether_the_folder_was_there() -> None:
    for folders, there in (((), False), ((VFS[0],), True)):
        write = writes(decide(_slot(), Sight(mediated=vgpus(folders=folders))))[0].write
        assert isinstance(write, Claim)
        assert json.loads(write.record) == claim()[f"vgpu@{GPU}#{TYPE}.0"] | {"directory_before": there}


def test_the_claim_of_an_adopted_vgpu_does_not_bring_it_back_after_a_boot() -> None:
    sight = Sight(mediated=vgpus({FOREIGN: VFS[2]}))
    (write,) = writes(decide(AdoptedVgpu(_slot().key, GPU, TYPE), sight))
    assert isinstance(write.write, Claim)
    assert "boot" not in json.loads(write.write.record)


@pytest.mark.parametrize(
    ("taken", "place"),
    [
        (Sight(mediated=vgpus({FOREIGN: VFS[0]})), 1),
        (Sight(mediated=vgpus(defined={FOREIGN: VFS[0]})), 1),
        (Sight(claims=claim(0) | {f"vgpu@{GPU}#{TYPE}.1": claim(0)[f"vgpu@{GPU}#{TYPE}.0"] | {"vf": str(VFS[1])}}), 0),
    ],
    ids=["a device", "a definition", "its own claim"],
)
def test_a_slot_takes_the_first_function_that_nobody_has(taken: Sight, place: int) -> None:
    assert str(VFS[place]) in change(decide(_slot(), taken)).after


def test_a_function_of_another_driver_is_not_taken() -> None:
    bound = tuple(
        each if each.address != VFS[0] else type(each)(VFS[0], "20b5", "0", "0302", "vfio-pci", physical_function=GPU)
        for each in functions()
    )
    assert str(VFS[1]) in change(decide(_slot(), Sight(functions=bound))).after


def test_slots_count_only_the_lower_ones_that_have_no_seat_yet() -> None:
    assert str(VFS[1]) in change(decide(_slot(1))).after
    assert str(VFS[1]) in change(decide(_slot(1), Sight(claims=claim(0)))).after


def test_a_slot_keeps_the_seat_of_its_claim_for_ever() -> None:
    seat = {f"vgpu@{GPU}#{TYPE}.0": claim(2)[f"vgpu@{GPU}#{TYPE}.2"]}
    assert str(VFS[2]) in change(decide(_slot(), Sight(claims=seat))).after


def test_a_definition_of_ours_without_its_device_is_only_started() -> None:
    sight = Sight(claims=claim(), mediated=vgpus(defined={uuid(0): VFS[0]}))
    assert names(decide(_slot(), sight)) == ["Claim", "mdevctl start"]


def test_a_device_of_ours_without_its_definition_is_only_defined() -> None:
    decision = decide(_slot(), Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[0]}, available=0)))
    assert names(decision) == ["Claim", "mdevctl define", "mdevctl start"]
    assert writes(decision)[0].before == ()
    assert writes(decision)[2].wanted, "it runs, so that is skipped"


def test_running_and_defined_is_settled() -> None:
    sight = Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[0]}, {uuid(0): VFS[0]}, available=0))
    assert uuid(0) in settled(decide(_slot(), sight)).note


def test_an_adopted_one_that_runs_is_settled_without_a_definition() -> None:
    seat = claim(0, adopted=True, uuid=FOREIGN)
    settled(decide(_slot(), Sight(claims=seat, mediated=vgpus({FOREIGN: VFS[0]}))))


@pytest.mark.parametrize("outlook", [Outlook(reboot=True), Outlook(unsettled=frozenset({sights.claimless("x")}))])
def test_before_its_functions_stand_it_is_predicted_only(outlook: Outlook) -> None:
    decision = change(decide(_slot(needs=(sights.claimless("x"),)), Sight(functions=functions(0)), outlook))
    assert decision.work is None
    assert [(each.fact, each.value) for each in decision.assumes] == [("vGPU type", TYPE)]


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (Sight(functions=functions(0)), "has no free virtual function"),
        (Sight(mediated=mediated.Mediated({}, {}, {})), f"{VFS[0]} does not offer {TYPE}"),
        (Sight(mediated=vgpus(available=0)), "and none is left"),
        (Sight(mediated=vgpus({FOREIGN: VFS[1], uuid(3): VFS[2]})), f"gpucarve did not make {FOREIGN}, {uuid(3)}"),
        (Sight(mediated=vgpus({FOREIGN: VFS[1], uuid(3): VFS[2]}, users=GUEST)), "(guest vm-7)"),
        (Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[0]}, type_id="nvidia-696")), "runs as A100D-20C"),
        (Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[2]})), f"runs on {VFS[2]}, not on {VFS[0]}"),
        (Sight(claims=claim(), mediated=vgpus(defined={uuid(0): VFS[2]})), f"is defined on {VFS[2]}"),
        (
            Sight(claims=claim(), mediated=vgpus(defined={uuid(0): VFS[0]}, defined_as="nvidia-696")),
            "is defined as nvidia-696",
        ),
    ],
)
def test_a_slot_that_cannot_be_filled_is_refused_and_what_is_in_the_way_is_named(sight: Sight, said: str) -> None:
    assert said in fact(decide(_slot(), sight))


def test_a_higher_slot_has_no_room_beside_one_of_others_and_a_lower_one_has() -> None:
    sight = Sight(mediated=vgpus({FOREIGN: VFS[3]}))
    assert "holds at most 2" in fact(decide(_slot(1), sight))
    change(decide(_slot(0), sight))


@pytest.mark.parametrize(
    "record",
    [{"vf": None}, {"vf": "somewhere"}, {"uuid": "*"}, {"uuid": 7}, {"uuid": "../../etc"}],
)
@pytest.mark.parametrize("slot", [0, 1])
def test_a_claim_that_somebody_damaged_is_never_built_on(record: dict[str, object], slot: int) -> None:
    with pytest.raises(Unreadable, match=r"vgpu@0000:65:00\.0#A100D-40C\.0/record is damaged"):
        decide(_slot(slot), Sight(claims=claim(0, **record)))


# --- adopting


def _adopt(number: int = 0) -> AdoptedVgpu:
    return AdoptedVgpu(slots.key(HOST, GPU, TYPE, number), GPU, TYPE, _earlier(number))


def test_adopting_writes_our_record_alone() -> None:
    decision = decide(_adopt(), Sight(mediated=vgpus({FOREIGN: VFS[2]})))
    assert (names(decision), change(decision).action) == (["Claim"], Action.ADOPT)
    write = writes(decision)[0].write
    assert isinstance(write, Claim)
    record = json.loads(write.record)
    assert (record["uuid"], record["vf"], record["adopted"]) == (FOREIGN, str(VFS[2]), True)


def test_each_slot_adopts_another() -> None:
    sight = Sight(mediated=vgpus({FOREIGN: VFS[0], uuid(3): VFS[3]}))
    assert FOREIGN in change(decide(_adopt(0), sight)).before
    assert uuid(3) in change(decide(_adopt(1), sight)).before
    assert "no further" in settled(decide(_adopt(2), sight)).note


@pytest.mark.parametrize(
    "sight",
    [
        Sight(),
        Sight(mediated=vgpus({FOREIGN: VFS[0]}, type_id="nvidia-696")),
        Sight(mediated=vgpus({FOREIGN: OTHER_GPU})),
        Sight(claims=claim(0), mediated=vgpus({uuid(0): VFS[0]})),
    ],
    ids=["none", "another type", "another GPU", "ours already"],
)
def test_what_does_not_fit_is_not_adopted(sight: Sight) -> None:
    assert isinstance(decide(_adopt(), sight), Settled)


# --- removing


def _gone(reason: str = "rolled back") -> NoVgpu:
    return NoVgpu(slots.key(HOST, GPU, TYPE, 0), GPU, reason)


STANDING = Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[0]}, {uuid(0): VFS[0]}))


def test_without_a_claim_there_is_nothing_to_remove() -> None:
    settled(decide(_gone(), Sight(mediated=vgpus({uuid(0): VFS[0]}, {uuid(0): VFS[0]}))))


def test_it_is_stopped_undefined_its_folder_removed_and_the_claim_let_go() -> None:
    decision = decide(_gone("not asked for"), STANDING)
    assert names(decision) == ["mdevctl stop", "mdevctl undefine", "Remove", "Disown"]
    assert (change(decision).action, change(decision).reason) == (Action.REMOVE, "not asked for")
    assert _argv(decision, 0) == ("mdevctl", "stop", "--uuid", uuid(0))
    assert _argv(decision, 1) == ("mdevctl", "undefine", "--uuid", uuid(0), "--parent", str(VFS[0]))
    assert writes(decision)[2].write == Remove(f"{mediated.DEFINITIONS}/{VFS[0]}")


def test_the_claim_goes_only_once_device_and_definition_are_gone() -> None:
    stop, undefine, _, disown = writes(decide(_gone(), STANDING))
    gone = Absent(mediated.device_path(uuid(0)))
    undefined = Absent(mediated.definition_path(VFS[0], uuid(0)))
    assert isinstance(stop.before[0], LinksTo)
    assert (stop.wanted, undefine.before, undefine.wanted) == ((gone,), (gone,), (undefined,))
    assert disown.write == Disown(f"vgpu@{GPU}#{TYPE}.0")
    assert disown.before == (gone, undefined)


@pytest.mark.parametrize(
    ("sight", "calls"),
    [
        (Sight(claims=claim()), ["Disown"]),
        (Sight(claims=claim(), mediated=vgpus(folders=(VFS[0],))), ["Remove", "Disown"]),
        (Sight(claims=claim(), mediated=vgpus({uuid(0): VFS[0]})), ["mdevctl stop", "Disown"]),
        (Sight(claims=claim(directory_before=True), mediated=vgpus(folders=(VFS[0],))), ["Disown"]),
        (Sight(claims=claim(), mediated=vgpus(defined={FOREIGN: VFS[0]})), ["Disown"]),
        (Sight(claims=claim(), mediated=vgpus(defined={uuid(0): VFS[2]})), ["Disown"]),
    ],
    ids=[
        "nothing left",
        "a folder",
        "a device",
        "a folder that was there",
        "another's definition",
        "defined elsewhere",
    ],
)
def test_only_what_is_there_and_ours_is_removed(sight: Sight, calls: list[str]) -> None:
    decision = decide(_gone(), sight)
    assert names(decision) == calls
    assert change(decision).action is (Action.RELEASE if calls == ["Disown"] else Action.REMOVE)


def test_what_was_adopted_stays_and_is_let_go() -> None:
    decision = decide(_gone(), Sight(claims=claim(adopted=True), mediated=vgpus({uuid(0): VFS[0]}, users=GUEST)))
    assert (names(decision), change(decision).action) == (["Disown"], Action.RELEASE)


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (vgpus({uuid(0): VFS[0]}, users=GUEST), "is used by guest vm-7"),
        (vgpus({uuid(0): VFS[2]}), f"runs on {VFS[2]}, not on {VFS[0]}"),
    ],
)
def test_what_a_guest_uses_or_somebody_moved_is_not_touched(devices: mediated.Mediated, said: str) -> None:
    assert said in fact(decide(_gone(), Sight(claims=claim(), mediated=devices)))


@pytest.mark.parametrize("adopted", [True, False])
def test_one_of_others_that_excludes_it_is_told_also_while_what_is_ours_has_yet_to_go(adopted: bool) -> None:
    other = slots.key(HOST, GPU, "A100D-20C", 0)
    claims = {other.local: claim(2, adopted=True)[f"vgpu@{GPU}#{TYPE}.2"]} if adopted else {}
    sight = Sight(claims=claims, mediated=vgpus({uuid(2): VFS[2]}, type_id="nvidia-696"))
    going = sights.claimless("vgpu")
    said = fact(decide(_slot(needs=(going,)), sight, Outlook(unsettled=frozenset({going}))))
    assert f"A100D-20C {uuid(2)} on {VFS[2]}, which gpucarve did not make, excludes {TYPE}" in said


def test_one_of_others_of_the_same_size_excludes_nothing() -> None:
    change(decide(_slot(), Sight(mediated=vgpus({FOREIGN: VFS[2]}))))
