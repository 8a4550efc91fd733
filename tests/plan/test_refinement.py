"""Whether a later draft still is what was approved; each way in which it is not."""

from __future__ import annotations

from typing import Any

import pytest

from gpucarve.facts.observed import Observed
from gpucarve.model.changes import Action, Assumption, Disruption, DisruptionKind
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.plan.refinement import divergences
from gpucarve.resources.decisions import Change, Decision, Settled
from gpucarve.resources.order import Stage
from tests.plan.resources import Thing, key, some
from tests.resources.sights import HOST, Sight

SERVICE = Disruption(DisruptionKind.SERVICE, "0000:65:00.0")
RELOAD = Disruption(DisruptionKind.DRIVER_RELOAD, "0000:65:00.0")
ELSEWHERE = Disruption(DisruptionKind.DRIVER_RELOAD, "0000:17:00.0")
REBOOT = Disruption(DisruptionKind.REBOOT, "host")
PREDICTED = Assumption("virtual functions", "0000:65:00.0", "16")


def _draft(**said: Decision) -> Draft:
    resources: Any = tuple(
        Thing(key(HOST, kind.replace("_", "-")), Stage.CREATE_VGPUS, decision) for kind, decision in said.items()
    )
    return make(Aim("lab", "d", Purpose.APPLY, resources), {HOST: Observed(HOST, Sight().observed().facts)})


def _why(approved: Draft, now: Draft, **options: Any) -> str:
    return "; ".join(divergences(approved.plan, now, **options))


def _disturbs(disruption: Disruption) -> Draft:
    return _draft(a=some(disruption=disruption))


def test_the_same_draft_refines_itself() -> None:
    assert not _why(_draft(a=some(), b=some()), _draft(a=some(), b=some()))


def test_fewer_steps_refine_it() -> None:
    assert not _why(_draft(a=some(), b=some()), _draft(a=Settled("stands"), b=some()))


def test_what_was_predicted_may_be_filled_in() -> None:
    assert not _why(_draft(a=some(work=None, after="known then")), _draft(a=some(after="on 0000:65:00.4")))


def test_a_step_for_what_stood_when_it_was_approved_does_not() -> None:
    why = _why(_draft(a=some(), b=Settled("stands")), _draft(a=some(), b=some()))
    assert why == "lab/gpu-1 b: create was not part of the approved plan (none → some)"


def test_another_resource_does_not() -> None:
    assert "lab/gpu-1 b" in _why(_draft(a=some()), _draft(a=some(), b=some()))


@pytest.mark.parametrize("action", [Action.REMOVE, Action.CHANGE, Action.REBOOT])
def test_another_action_on_the_same_resource_does_not(action: Action) -> None:
    assert (
        _why(_draft(a=some()), _draft(a=some(action))) == f"lab/gpu-1 a: {action.value} instead of the approved create"
    )


def test_letting_go_of_what_the_plan_is_about_does() -> None:
    assert not _why(_draft(a=some(Action.REMOVE)), _draft(a=some(Action.RELEASE)))
    assert not _why(_draft(a=Settled("ours")), _draft(a=some(Action.RELEASE)))
    assert "release was not part" in _why(_draft(a=some()), _draft(a=some(), b=some(Action.RELEASE)))


@pytest.mark.parametrize(
    ("approved", "now", "wider"),
    [
        (Disruption(), Disruption(), False),
        (Disruption(), SERVICE, True),
        (SERVICE, Disruption(), False),
        (SERVICE, RELOAD, True),
        (RELOAD, SERVICE, False),
        (RELOAD, ELSEWHERE, True),
        (RELOAD, REBOOT, True),
        (REBOOT, RELOAD, False),
        (Disruption(DisruptionKind.DRIVER_RELOAD, "pool"), RELOAD, False),
    ],
)
def test_what_disturbs_more_or_elsewhere_does_not(approved: Disruption, now: Disruption, wider: bool) -> None:
    assert ("disturbs more than approved" in _why(_disturbs(approved), _disturbs(now))) is wider


@pytest.mark.parametrize(("found", "why"), [("16", ""), ("8", "was predicted as 16, found 8")])
def test_a_prediction_is_compared_as_soon_as_the_fact_can_be_seen(found: str, why: str) -> None:
    approved = _draft(a=some(work=None, assumes=(PREDICTED,)))
    seen = Assumption(PREDICTED.fact, PREDICTED.key, found)
    for decision in (Settled("", (seen,)), some(knows=(seen,))):
        assert why in _why(approved, _draft(a=decision))
        assert bool(_why(approved, _draft(a=decision))) is bool(why)


def test_a_fact_of_another_key_says_nothing_about_a_prediction() -> None:
    approved = _draft(a=some(work=None, assumes=(PREDICTED,)))
    assert not _why(approved, _draft(a=Settled("", (Assumption(PREDICTED.fact, "0000:17:00.0", "8"),))))


def test_a_second_reboot_of_the_same_run_does_not() -> None:
    change: Change = some(Action.CHANGE, takes_reboot=True)
    approved, now = _draft(a=change), _draft(a=change)
    assert not _why(approved, now)
    assert "has been rebooted by this run, and still" in _why(approved, now, rebooted=(HOST,))
    assert not _why(approved, _draft(a=Settled("")), rebooted=(HOST,))
