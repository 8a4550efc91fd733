"""Calls, programs and replies survive JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucarve.calls import predicates, primitives, programs, replies, wire
from gpucarve.calls.objects import ApplyObject, ObjectRef
from gpucarve.calls.secret import Secret

_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _through_json(value: Any, **options: bool) -> Any:
    return wire.decode(json.loads(json.dumps(wire.encode(value, **options))))


@given(st.binary(max_size=64), st.integers(0, 255))
def test_any_bytes_survive(content: bytes, status: int) -> None:
    reply = replies.Exited(status, content, content[::-1], truncated=True)
    assert _through_json(reply) == reply


@given(st.dictionaries(st.text(max_size=6), _DATA, max_size=4))
def test_an_objects_data_survives_with_its_lists_and_odd_keys(data: dict[str, Any]) -> None:
    call = ApplyObject(ObjectRef("v1", "Node", "a"), "us", {"is": "Run", "metadata": data})
    assert _through_json(call) == call


def test_a_program_survives_with_guards_lease_and_reads() -> None:
    guard = predicates.AtLeast("/sys/a", 1)
    program = programs.Program(
        "laptop",
        "run",
        programs.Acquire(30, programs.Lease(3, 4, 30, "other", "r")),
        (programs.Guarded(primitives.Run(("true", "")), (guard,), (predicates.Absent("/b"),)),),
        (primitives.ReadFiles(("/proc/*",)), primitives.FindHolders(("/dev/vfio/",))),
    )
    assert _through_json(program) == program


def test_a_secret_is_not_recorded_and_travels_only_when_told_to() -> None:
    write = primitives.WriteFile("/a", Secret(b"token"))
    with pytest.raises(TypeError, match="not recorded"):
        wire.encode(write)
    assert _through_json(write, reveal=True) == write
    assert "token" not in repr(write)
    assert b"token".decode() not in str(write)


@pytest.mark.parametrize(
    "data",
    [
        {"is": "Popen", "args": ["rm"]},
        {"is": "Run", "argv": ["true"], "shell": True},
        {"is": "Failure", "kind": {"is": "FailureKind", "value": "no such"}, "detail": ""},
        {"b64": "!"},
        {"unknown": 1, "two": 2},
    ],
)
def test_what_is_not_of_the_vocabulary_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.decode(data)
