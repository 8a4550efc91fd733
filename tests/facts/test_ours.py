"""What gpucarve keeps on a host, and what it makes of it when somebody edited it."""

from __future__ import annotations

import pytest

from gpucarve.calls import state
from gpucarve.calls.programs import Lease
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.facts import ours
from gpucarve.facts.observed import Unreadable
from tests.facts.answers import Content, known, why

CLAIM = f"{state.CLAIMS}/vgpu@0000:65:00.0#A100D-40C.0/record"
RECORD = "run=r fence=3 boot=b1 pid=7 writes=1\n0 begun\n"


def test_a_host_never_touched_has_nothing_of_ours() -> None:
    assert known(ours.PROBE) == ours.Ours()


def test_lease_record_and_claims_are_read() -> None:
    lease = Lease(3, 9, 30, "laptop", "run")
    found = known(ours.PROBE, {state.LEASE: state.lease_text(lease), state.RECORD: RECORD, CLAIM: '{"kind": "vgpu"}'})
    assert found.lease == lease
    assert found.claims == {"vgpu@0000:65:00.0#A100D-40C.0": {"kind": "vgpu"}}
    assert found.record is not None


@pytest.mark.parametrize(
    ("text", "boot_id", "answer"),
    [
        (RECORD, "b1", True),
        (RECORD, "b2", False),
        (RECORD + "0 done\nend\n", "b1", False),
        ("", "b1", False),
        ("no record", "b1", False),
    ],
)
def test_a_program_is_interrupted_while_its_record_has_no_end_under_the_same_boot(
    text: str, boot_id: str, answer: bool
) -> None:
    assert known(ours.PROBE, {state.RECORD: text}).interrupted(boot_id) is answer


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (state.LEASE, "fence=three"),
        (state.LEASE, Failure(FailureKind.REFUSED, "Permission denied")),
        (CLAIM, "{"),
        (CLAIM, "[1, 2]"),
        (CLAIM, "null"),
        (CLAIM, "[" * 30_000),
        (CLAIM, None),
        (CLAIM, Failure(FailureKind.OTHER, "Input/output error")),
    ],
)
def test_what_is_damaged_or_cannot_be_read_is_unknown_and_never_nothing(path: str, content: Content) -> None:
    why(ours.PROBE, {path: content})


def test_a_claim_that_vanished_while_we_looked_is_none() -> None:
    assert known(ours.PROBE, {CLAIM: Failure(FailureKind.ABSENT)}).claims == {}


@pytest.mark.parametrize("record", [{}, {"vf": 7}, {"vf": None}])
def test_an_entry_that_a_record_lacks_is_named_with_its_file(record: dict[str, object]) -> None:
    found = ours.Ours(claims={"vgpu@0000:65:00.0#A100D-40C.0": record})
    with pytest.raises(Unreadable, match=r"vgpu@0000:65:00\.0#A100D-40C\.0/record is damaged: it does not say 'vf'"):
        found.text("vgpu@0000:65:00.0#A100D-40C.0", "vf")
