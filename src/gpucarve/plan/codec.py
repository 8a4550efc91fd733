"""A plan as JSON and back, so that another run can apply it.

Boundary: data alone; a plan of another version or of damaged form is a PlanError that says what to do.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from gpucarve import __version__
from gpucarve.calls import wire
from gpucarve.calls.predicates import Predicate
from gpucarve.errors import PlanError
from gpucarve.model.changes import (
    Action,
    Assumption,
    Compensate,
    Disruption,
    DisruptionKind,
    Irreversible,
    NothingToUndo,
    PutBack,
    Undo,
)
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.plan.rollouts import LeftOut, SiteRollout
from gpucarve.resources import codec as resources
from gpucarve.resources.order import Stage

API_VERSION = "gpucarve/v1alpha1"
_HINT = "make the plan again with `gpucarve plan --out FILE`"


def to_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, with apiVersion and kind."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Plan",
        "madeBy": __version__,
        "fleet": plan.fleet,
        "document": plan.document,
        "purpose": plan.purpose.value,
        "rollouts": [_rollout_data(rollout) for rollout in plan.rollouts],
        "resources": [resources.to_data(resource) for resource in plan.resources],
        "stages": [
            {
                "target": str(stage.target),
                "stage": stage.stage.name,
                "barrier": stage.stage.barrier,
                "steps": [_step_data(step) for step in stage.steps],
            }
            for stage in plan.stages
        ],
    }


def digest(plan: Plan) -> str:
    """Names a plan's content: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(to_data(plan), sort_keys=True).encode()).hexdigest()


def from_data(data: Any) -> Plan:
    """The plan again. Raises PlanError."""
    if not isinstance(data, dict) or data.get("kind") != "Plan" or data.get("apiVersion") != API_VERSION:
        raise PlanError("this is not a plan of gpucarve", hint=_HINT)
    if data.get("madeBy") != __version__:
        raise PlanError(f"the plan was made by version {data.get('madeBy')}, this is {__version__}", hint=_HINT)
    try:
        return Plan(
            fleet=_text(data["fleet"]),
            document=_text(data["document"]),
            purpose=Purpose(data["purpose"]),
            resources=tuple(resources.from_data(each) for each in data["resources"]),
            stages=tuple(
                StagePlan(Target.parse(stage["target"]), Stage[stage["stage"]], tuple(map(_step, stage["steps"])))
                for stage in data["stages"]
            ),
            rollouts=tuple(map(_rollout, data["rollouts"])),
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise PlanError(f"the plan is damaged: {error}", hint=_HINT) from error


def _step_data(step: Step) -> dict[str, Any]:
    return {
        "key": str(step.key),
        "action": step.action.value,
        "before": step.before,
        "after": step.after,
        "reason": step.reason,
        "predicted": step.predicted,
        "preconditions": wire.encode(step.preconditions),
        "undo": _undo_data(step.undo),
        "disruption": {"kind": step.disruption.kind.value, "scope": step.disruption.scope},
        "assumes": [{"fact": each.fact, "key": each.key, "value": each.value} for each in step.assumes],
        "needs": [str(key) for key in step.needs],
    }


def _step(data: dict[str, Any]) -> Step:
    return Step(
        key=ResourceKey.parse(data["key"]),
        action=Action(data["action"]),
        before=_text(data["before"]),
        after=_text(data["after"]),
        reason=_text(data["reason"]),
        predicted=_truth(data["predicted"]),
        preconditions=_preconditions(data["preconditions"]),
        undo=_undo(data["undo"]),
        disruption=Disruption(DisruptionKind(data["disruption"]["kind"]), _text(data["disruption"]["scope"])),
        assumes=tuple(
            Assumption(_text(each["fact"]), _text(each["key"]), _text(each["value"])) for each in data["assumes"]
        ),
        needs=tuple(ResourceKey.parse(key) for key in data["needs"]),
    )


def _rollout_data(rollout: SiteRollout) -> dict[str, Any]:
    return {
        "site": rollout.site,
        "hosts": [str(target) for target in rollout.hosts],
        "canary": rollout.canary,
        "maxUnavailable": rollout.max_unavailable,
        "maxFailures": rollout.max_failures,
        "leftOut": [{"target": str(each.target), "reasons": list(each.reasons)} for each in rollout.left_out],
    }


def _rollout(data: dict[str, Any]) -> SiteRollout:
    return SiteRollout(
        site=_text(data["site"]),
        hosts=tuple(map(Target.parse, data["hosts"])),
        canary=_number(data["canary"], 0),
        max_unavailable=_number(data["maxUnavailable"], 1),
        max_failures=_number(data["maxFailures"], 1),
        left_out=tuple(
            LeftOut(Target.parse(each["target"]), tuple(map(_text, each["reasons"]))) for each in data["leftOut"]
        ),
    )


def _number(value: Any, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r} is not a number from {least}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _preconditions(data: Any) -> tuple[Predicate, ...]:
    found = wire.decode(data)
    if not isinstance(found, tuple) or not all(isinstance(each, Predicate) for each in found):
        raise ValueError("a step's preconditions are not predicates")
    return found


def _undo_data(undo: Undo) -> dict[str, Any]:
    match undo:
        case PutBack(paths):
            return {"putBack": list(paths)}
        case Compensate(state):
            return {"compensate": state}
        case Irreversible(why):
            return {"irreversible": why}
        case NothingToUndo():
            return {}


def _undo(data: dict[str, Any]) -> Undo:
    match data:
        case {"putBack": list(paths)}:
            return PutBack(tuple(map(_text, paths)))
        case {"compensate": str(state)}:
            return Compensate(state)
        case {"irreversible": str(why)}:
            return Irreversible(why)
        case {} if not data:
            return NothingToUndo()
        case _:
            raise ValueError(f"{', '.join(map(str, data))} is no way back of this version")
