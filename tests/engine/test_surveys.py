"""A look at a fleet: what a host that gives no answer is told to be in want of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.calls.programs import Refusal, RefusalKind
from gpucarve.plan.plans import Purpose
from tests.engine.places import WorldBetween, between
from tests.story.lab import Lab

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("refusal", "fix"),
    [
        (Refusal(RefusalKind.NO_PERMISSION, "the key is refused", fix="add a key"), "add a key"),
        (Refusal(RefusalKind.NO_PERMISSION, "sudo wants a password", fix="allow it"), "allow it"),
        (Refusal(RefusalKind.HOST_KEY, "another key", fix="ssh-keygen -R"), "ssh-keygen -R"),
        (Refusal(RefusalKind.UNREACHABLE, "no route"), "check the address and the network"),
        (Refusal(RefusalKind.UNREACHABLE, "ssh needs asyncssh", fix="install it"), "install it"),
        (Refusal(RefusalKind.UNFIT, "no flock"), ""),
    ],
)
async def test_the_fix_is_the_refusal_s_own_and_never_that_of_another_cause(
    refusal: Refusal, fix: str, tmp_path: Path
) -> None:
    lab = Lab(tmp_path)
    stand = between(lab.world)
    stand.gathers = lambda _reads: refusal
    (problem,) = (await app.survey(WorldBetween(lab.world, stand), lab.fleet, Purpose.APPLY)).problems
    assert (problem.fact, problem.fix) == (f"{refusal.kind.value}: {refusal.detail}", fix)
