"""Server-side apply as the API server does it: a manager owns what it applied, no more and no less."""

from __future__ import annotations

import pytest

from gpucarve.calls.objects import ObjectRef
from gpucarve.twin.store import ConflictError, MemoryStore

NODE = ObjectRef("v1", "Node", "n1")


def _labels(**labels: str) -> dict[str, object]:
    return {"metadata": {"labels": labels}}


def _shown(store: MemoryStore) -> dict[str, str]:
    data = store.get(NODE)
    assert data is not None
    labels: dict[str, str] = data["metadata"].get("labels", {})
    return labels


def test_managers_merge_their_fields_into_one_object() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1"))
    store.apply(NODE, "b", _labels(y="2"))
    assert _shown(store) == {"x": "1", "y": "2"}


def test_a_field_left_out_goes_when_nobody_else_owns_it() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1", y="1"))
    store.apply(NODE, "b", _labels(y="1"))
    store.apply(NODE, "a", {})
    assert _shown(store) == {"y": "1"}
    store.apply(NODE, "b", {})
    data = store.get(NODE)
    assert data is not None
    assert "labels" not in data["metadata"]


def test_another_value_of_anothers_field_is_a_conflict_and_changes_nothing() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1"))
    before = store.get(NODE)
    with pytest.raises(ConflictError) as caught:
        store.apply(NODE, "b", _labels(x="2", y="2"))
    assert 'conflict with "a": .metadata.labels.x' in str(caught.value)
    assert store.get(NODE) == before


def test_force_takes_the_field_from_its_owner() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1", y="1"))
    store.apply(NODE, "b", _labels(x="2"), force=True)
    assert _shown(store) == {"x": "2", "y": "1"}
    store.apply(NODE, "b", {})
    assert _shown(store) == {"y": "1"}


def test_a_manager_may_change_what_only_it_owns() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1"))
    store.apply(NODE, "a", _labels(x="2"))
    assert _shown(store) == {"x": "2"}


def test_the_version_moves_only_when_something_changes() -> None:
    store = MemoryStore()
    first = store.apply(NODE, "a", _labels(x="1"))["metadata"]["resourceVersion"]
    assert store.apply(NODE, "a", _labels(x="1"))["metadata"]["resourceVersion"] == first
    second = store.apply(NODE, "b", _labels(x="1"))["metadata"]["resourceVersion"]
    assert int(second) > int(first)
    assert int(store.apply(NODE, "a", _labels(x="1", y="1"))["metadata"]["resourceVersion"]) > int(second)


def test_a_list_is_one_field() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", {"spec": {"taints": [{"key": "k"}]}})
    with pytest.raises(ConflictError):
        store.apply(NODE, "b", {"spec": {"taints": [{"key": "k"}, {"key": "l"}]}})
    store.apply(NODE, "a", {"spec": {"taints": []}})
    data = store.get(NODE)
    assert data is not None
    assert data["spec"] == {"taints": []}


def test_status_is_a_subresource_of_its_own() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", {**_labels(x="1"), "status": {"allocatable": {"cpu": "1"}}})
    data = store.apply(NODE, "k", {**_labels(x="2"), "status": {"allocatable": {"cpu": "64"}}}, subresource="status")
    assert data["metadata"]["labels"] == {"x": "1"}
    assert data["status"] == {"allocatable": {"cpu": "64"}}
    assert store.apply(NODE, "k", {})["status"] == {"allocatable": {"cpu": "64"}}


def test_managed_fields_say_who_owns_what() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1"))
    (entry,) = store.apply(NODE, "a", _labels(x="1"))["metadata"]["managedFields"]
    assert entry == {
        "manager": "a",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}},
    }


def test_what_is_handed_out_is_a_copy() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1"))["metadata"]["labels"]["x"] = "changed"
    (listed,) = store.list("v1", "Node")
    listed["metadata"]["labels"]["x"] = "changed"
    assert _shown(store) == {"x": "1"}
    assert store.list("v1", "Pod") == []


def test_a_store_is_its_objects() -> None:
    store = MemoryStore()
    store.apply(NODE, "a", _labels(x="1", y="1"))
    again = MemoryStore(store.objects())
    again.apply(NODE, "a", _labels(x="1"))
    assert _shown(again) == {"x": "1"}
    assert int(again.objects()[0]["metadata"]["resourceVersion"]) == 2
