"""GPU instances: what is made, filled, adopted, refused and destroyed at a placement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gpucarve.calls.primitives import Claim
from gpucarve.calls.programs import CallOutcome, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind
from gpucarve.facts import driver, mediated, mig, users
from gpucarve.facts.observed import Unreadable
from gpucarve.model.changes import Action
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.resources import codec
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import instances
from gpucarve.resources.host.gpu_instance import AdoptedGpuInstance, GpuInstance
from gpucarve.resources.host.gpu_instance_removal import NoGpuInstance
from tests.resources import sights
from tests.resources.sights import (
    GPU,
    HOST,
    OK,
    VFS,
    WRITTEN,
    Driven,
    Sight,
    change,
    decide,
    exited,
    fact,
    modes,
    settled,
    writes,
)

PROFILE, PLACE = MigProfileName.parse("2g.20gb"), Placement(2, 2)
KEY = instances.key(HOST, GPU, PROFILE, PLACE)
FILLED = GpuInstance(KEY, GPU, PROFILE, 14, PLACE, compute=True)
BARE = replace(FILLED, compute=False)
ADOPTED = AdoptedGpuInstance(KEY, GPU, PROFILE, PLACE)
GONE = NoGpuInstance(KEY, GPU, "not wanted")
WHOLE = mig.ComputeInstance(0, PROFILE, Placement(0, 2))
HOLLOW = mig.GpuInstance(5, PROFILE, 14, PLACE)
STANDING = replace(HOLLOW, compute=(WHOLE,))
OTHER = mig.GpuInstance(1, MigProfileName.parse("3g.40gb"), 9, Placement(0, 4))


def _claim(how: str = "compute", **more: Any) -> dict[str, dict[str, Any]]:
    record = {"kind": "gpu-instance", "gpu": str(GPU), "profile": "2g.20gb", "placement": "2:2", "adopted": False}
    boot = {} if more.get("adopted") else {"boot": f"gpu-instance {GPU} 14 2 {how}"}
    return {KEY.local: record | boot | more}


def _sight(*standing: mig.GpuInstance, claims: dict[str, dict[str, Any]] | None = None, **more: Any) -> Sight:
    return Sight(mig=modes(True, True, standing), claims=claims or {}, **more)


def _commands(decision: Any) -> list[str]:
    return [" ".join(getattr(each.write, "argv", (type(each.write).__name__,))) for each in writes(decision)]


def test_its_identity_is_gpu_profile_and_place_and_safe_in_paths() -> None:
    media = instances.key(HOST, GPU, MigProfileName.parse("1g.10gb+me"), Placement(6, 1))
    assert media.local == "gpu-instance@0000:65:00.0#1g.10gb.me@6:1"


@pytest.mark.parametrize("resource", [FILLED, BARE, ADOPTED, GONE])
def test_it_comes_back_from_a_saved_plan(resource: GpuInstance | AdoptedGpuInstance | NoGpuInstance) -> None:
    assert codec.from_data(codec.to_data(resource)) == resource


@pytest.mark.parametrize(("wanted", "end"), [(FILLED, " -C"), (BARE, "")])
def test_it_is_claimed_with_its_boot_line_and_made_at_its_place(wanted: GpuInstance, end: str) -> None:
    decision = decide(wanted, _sight())
    assert _commands(decision) == ["Claim", f"nvidia-smi mig -i {GPU} -cgi 14:2{end}"]
    claim = writes(decision)[0].write
    assert isinstance(claim, Claim)
    assert f'"boot": "gpu-instance {GPU} 14 2 {"compute" if end else "bare"}"' in claim.record


@pytest.mark.parametrize(("wanted", "standing", "how"), [(FILLED, STANDING, "compute"), (BARE, HOLLOW, "bare")])
def test_what_stands_and_is_ours_is_settled(wanted: GpuInstance, standing: mig.GpuInstance, how: str) -> None:
    settled(decide(wanted, _sight(standing, claims=_claim(how))))


def test_compute_instances_that_a_guest_made_do_not_matter_to_one_for_vgpus() -> None:
    settled(decide(BARE, _sight(STANDING, claims=_claim("bare"))))


def test_one_without_its_compute_instance_gets_that_alone_by_the_id_it_has_now() -> None:
    decision = decide(FILLED, _sight(HOLLOW, claims=_claim()))
    assert _commands(decision) == [f"nvidia-smi mig -i {GPU} -gi 5 -cci"]


def test_one_that_somebody_cut_into_parts_is_named() -> None:
    parts = replace(HOLLOW, compute=(mig.ComputeInstance(0, MigProfileName.parse("1c.2g.20gb"), Placement(0, 1)),))
    assert "is cut into 1c.2g.20gb by somebody else" in fact(decide(FILLED, _sight(parts, claims=_claim())))


def test_a_claim_that_a_boot_would_fill_otherwise_is_written_anew() -> None:
    decision = decide(BARE, _sight(STANDING, claims=_claim("compute")))
    assert _commands(decision) == ["Disown", "Claim"]


@pytest.mark.parametrize("kind", ["mig-mode", "virtual-functions"])
def test_what_wipes_instances_before_makes_it_a_prediction(kind: str) -> None:
    sight = _sight(STANDING, claims=_claim())
    decision = change(decide(FILLED, sight, Outlook(unsettled=frozenset({sights.claimless(kind)}))))
    assert decision.work is None
    assert change(decide(FILLED, sight, Outlook(reboot=True))).work is None


def test_another_ones_removal_before_leaves_what_stands_settled_and_what_does_not_waiting() -> None:
    outlook = Outlook(unsettled=frozenset({sights.claimless("gpu-instance")}))
    settled(decide(FILLED, _sight(STANDING, claims=_claim()), outlook))
    assert change(decide(FILLED, _sight(OTHER), outlook)).work is None


def test_the_same_made_by_others_can_be_adopted() -> None:
    said = fact(decide(FILLED, _sight(STANDING)))
    assert "stands on 0000:65:00.0 already, and gpucarve did not make it" in said
    assert "gpucarve adopt" in said


def test_an_instance_of_others_in_the_way_is_named() -> None:
    said = fact(decide(FILLED, _sight(OTHER)))
    assert (
        "GPU instance 1 (3g.40gb at 0:4) on 0000:65:00.0, that gpucarve did not make, overlaps 2g.20gb at 2:2" in said
    )


def test_one_beside_it_is_not_in_the_way() -> None:
    beside = replace(OTHER, placement=Placement(4, 4))
    assert change(decide(FILLED, _sight(beside))).work is not None


@pytest.mark.parametrize("seen", [modes(), modes(None, None), mig.Mig(), modes(True, False)])
def test_without_mig_mode_it_is_refused(seen: mig.Mig) -> None:
    assert "MIG mode of 0000:65:00.0 is" in fact(decide(FILLED, Sight(mig=seen)))


def test_a_driver_that_takes_no_placements_is_refused() -> None:
    old = driver.Driver("460.32.03", True, True, True)
    assert "placements can be chosen from 470 on" in fact(decide(FILLED, _sight(driver=old)))


def test_adopting_writes_our_record_alone_and_no_boot_line() -> None:
    decision = change(decide(ADOPTED, _sight(STANDING)))
    assert decision.action is Action.ADOPT
    (claim,) = (each.write for each in writes(decision))
    assert isinstance(claim, Claim)
    assert '"adopted": true' in claim.record
    assert "boot" not in claim.record


def test_there_is_nothing_to_adopt_where_nothing_stands_or_it_is_ours() -> None:
    settled(decide(ADOPTED, _sight(OTHER)))
    settled(decide(ADOPTED, _sight(STANDING, claims=_claim())))


def test_what_was_adopted_is_wanted_and_settled() -> None:
    settled(decide(FILLED, _sight(STANDING, claims=_claim(adopted=True))))


def test_nothing_of_ours_is_gone_already() -> None:
    settled(decide(GONE, _sight(STANDING)))


@pytest.mark.parametrize(
    "sight",
    [
        _sight(STANDING, claims=_claim(adopted=True)),
        _sight(claims=_claim()),
        _sight(OTHER, claims=_claim()),
        Sight(mig=mig.Mig(), claims=_claim()),
    ],
)
def test_what_was_adopted_or_went_by_itself_only_loses_its_claim(sight: Sight) -> None:
    decision = decide(GONE, sight)
    assert change(decision).action is Action.RELEASE
    assert _commands(decision) == ["Disown"]


def test_it_waits_for_its_vgpu_to_go() -> None:
    outlook = Outlook(unsettled=frozenset({sights.claimless("vgpu")}))
    assert change(decide(GONE, _sight(STANDING, claims=_claim()), outlook)).work is None


def _carried(*guests: users.User) -> mediated.Mediated:
    offered = {"A100D-2-20C": mediated.MdevType("nvidia-700", "A100D-2-20C", 0)}
    device = mediated.Mdev(sights.FOREIGN, VFS[0], "nvidia-700", guests)
    return mediated.Mediated(dict.fromkeys(VFS, offered), {device.uuid: device}, {})


def test_a_vgpu_that_surely_stands_in_it_is_named_with_its_guest() -> None:
    sight = _sight(HOLLOW, claims=_claim("bare"), mediated=_carried(users.User(7, "vm7")))
    assert f"carries a vGPU: {sights.FOREIGN} (guest vm7)" in fact(decide(GONE, sight))


def test_where_it_may_stand_in_another_one_the_driver_decides() -> None:
    twin = replace(HOLLOW, instance_id=6, placement=Placement(4, 2))
    sight = _sight(HOLLOW, twin, claims=_claim("bare"), mediated=_carried())
    assert change(decide(GONE, sight)).work is not None


@pytest.mark.parametrize("text", ["placement", "profile", "gpu"])
def test_a_damaged_claim_decides_nothing(text: str) -> None:
    with pytest.raises(Unreadable):
        decide(GONE, _sight(STANDING, claims=_claim(**{text: "x y"})))


# --- destroying

LGI = "|   {}  MIG 2g.20gb         14        {}          2:2     |\n"
LCI = b"|   1      9       MIG 2g.20gb          1         0          0:2     |\n"
NOTHING = Exited(6, b"No GPU instances found: Not Found\n")


def _drive(
    seen: list[tuple[Exited, Exited]], outcome: CallOutcome = OK, mode: bytes = b"Enabled, Enabled"
) -> tuple[Done | Failure, Driven]:
    modes_line = Exited(0, b"1, 00000000:65:00.0, " + mode + b"\n")

    def programs(request: tuple[Guarded, ...]) -> tuple[CallOutcome, ...]:
        return tuple(outcome if hasattr(each.write, "argv") else WRITTEN for each in request)

    driven = Driven(lambda _: (modes_line, *seen.pop(0)), programs)
    work = change(decide(GONE, _sight(STANDING, claims=_claim()))).work
    assert callable(work)
    return driven.run(work()), driven


def test_compute_instances_go_first_by_the_ids_of_that_moment_and_the_claim_last() -> None:
    stands = (Exited(0, LGI.format(1, 9).encode()), Exited(0, LCI))
    result, driven = _drive([stands, (NOTHING, NOTHING)])
    assert result == Done()
    where = f"nvidia-smi mig -i {GPU} -gi 9"
    assert driven.commands() == [f"{where} -ci 0 -dci", f"{where} -dgi", "Disown"]


def test_one_that_went_meanwhile_leaves_its_claim_to_be_dropped() -> None:
    result, driven = _drive([(NOTHING, NOTHING)])
    assert result == Done()
    assert driven.commands() == ["Disown"]


def test_one_that_is_in_use_stays_with_its_claim() -> None:
    stands = (Exited(0, LGI.format(1, 9).encode()), NOTHING)
    result, driven = _drive([stands], exited(19, "Unable to destroy GPU instance ID  9: In use by another client"))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.BUSY
    assert "Disown" not in driven.commands()


def test_a_tool_that_says_done_and_did_nothing_is_not_believed() -> None:
    stands = (Exited(0, LGI.format(1, 9).encode()), NOTHING)
    result, driven = _drive([stands, stands])
    assert isinstance(result, Failure)
    assert "and it stands" in result.detail
    assert "Disown" not in driven.commands()


def test_what_cannot_be_read_is_not_destroyed() -> None:
    result, driven = _drive([(NOTHING, NOTHING)], mode=b"who knows")
    assert isinstance(result, Failure)
    assert driven.commands() == []
