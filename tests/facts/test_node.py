"""A node as its cluster's API has it."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Failure, FailureKind, Object, Reply
from gpucarve.facts import node
from gpucarve.facts.observed import Unknown, observe
from tests.facts.answers import TARGET


def _seen(reply: Reply) -> node.Node | Unknown:
    probe = node.probe("gpu-1")
    return observe(TARGET, (probe,), (reply,)).get(probe)


def test_labels_and_allocatable_are_read_as_they_stand() -> None:
    data = {"metadata": {"labels": {"a": "b"}}, "status": {"allocatable": {"nvidia.com/gpu": "2"}}}
    assert _seen(Object(data)) == node.Node("gpu-1", {"a": "b"}, {"nvidia.com/gpu": "2"})


@pytest.mark.parametrize("data", [{}, {"metadata": {}, "status": {}}, {"metadata": {"labels": None}}])
def test_a_node_that_says_nothing_has_no_labels_and_offers_nothing(data: dict[str, object]) -> None:
    assert _seen(Object(data)) == node.Node("gpu-1")


@pytest.mark.parametrize(
    "reply", [Failure(FailureKind.ABSENT, "no such node"), Object({"metadata": None}), Object({"status": [1]})]
)
def test_a_node_that_is_not_there_or_makes_no_sense_is_unknown(reply: Reply) -> None:
    assert isinstance(_seen(reply), Unknown)
