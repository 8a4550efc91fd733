"""The JSON Schema and the loader agree on shape, and the words of later releases are refused by name."""

from typing import Any

import jsonschema_rs
import pytest

from gpucarve import spec
from gpucarve.errors import DocumentError
from gpucarve.spec import later
from gpucarve.spec.compose import compose
from gpucarve.spec.tree import Plain, plain
from tests.spec.documents import GOOD, changed

VALIDATOR = jsonschema_rs.validator_for(spec.json_schema())


def _lists(value: Plain) -> Any:
    """Plain data as JSON has it: lists for tuples."""
    if isinstance(value, tuple):
        return [_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return value


def _valid(text: str) -> bool:
    root = compose(text).root
    assert root is not None
    return VALIDATOR.is_valid(_lists(plain(root)))


def _loads(text: str) -> bool:
    try:
        spec.load(text, "f")
    except DocumentError:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        changed(('"0000:65:00.0"', "all")),
        changed(('"0000:65:00.0"', "00000000:65:00.0")),
        changed(
            ("user: admin", "user: admin, port: 2222, identityFile: ~/k, knownHosts: h, hosts: {gpu-1: '2001:db8::1'}")
        ),
        changed(("A100D-40C", "GRID A100D-40C")),
        changed(("{A100D-40C: 2}", "{T4-1B4: 1}")),
    ],
)
def test_what_loads_is_valid(text: str) -> None:
    assert _loads(text)
    assert _valid(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v1alpha1", "v1"),
        ("kind: Fleet", "kind: fleet"),
        ("{name: lab}", "{}"),
        ("{name: lab}", "{name: 7}"),
        ("{name: lab}", "{name: a b}"),
        ("linux", "openstack"),
        ("user: admin", "user: -x"),
        ("user: admin", "user: admin, port: 0"),
        ("user: admin", "user: admin, identity_file: x"),
        ("user: admin", "user: admin, hosts: {gpu-1: a b}"),
        ("[gpu-1, gpu-2]", "[]"),
        ("[gpu-1, gpu-2]", "gpu-1"),
        ("vm-vgpu", "container"),
        ('"0000:65:00.0"', "65.00.0"),
        ('"0000:65:00.0"', "0000:65:00.4"),
        ("{A100D-40C: 2}", "{}"),
        ("{A100D-40C: 2}", "{A100D-40C: 0}"),
        ("{A100D-40C: 2}", "{nvidia-697: 2}"),
        ("vgpu: {A100D-40C: 2}", "mig: {1g.10gb: 7}"),
    ],
)
def test_what_has_the_wrong_shape_neither_loads_nor_is_valid(old: str, new: str) -> None:
    text = changed((old, new))
    assert not _loads(text)
    assert not _valid(text)


def test_every_key_says_what_it_is() -> None:
    schema = spec.json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key, value in part["properties"].items():
            assert value.get("description"), key


PLACES = {
    "platform": ("platform: linux", "platform: {}"),
    "workload": ("workload: vm-vgpu", "workload: {}"),
    "site": ("platform: linux", "platform: linux\n    {}: x"),
    "access": ("{ssh: ", "{{{}: x, ssh: "),
    "pool": ("workload: vm-vgpu", "workload: vm-vgpu\n        {}: x"),
    "nodes": ("{names: ", "{{{}: x, names: "),
    "cut": ("vgpu: {A100D-40C: 2}", "{}: x"),
}


@pytest.mark.parametrize("word", later.words())
def test_a_word_of_a_later_release_is_refused_as_such_in_its_place(word: str) -> None:
    answers = []
    for old, new in PLACES.values():
        with pytest.raises(DocumentError) as caught:
            spec.load(changed((old, new.format(word))), "f")
        answers += [diagnostic.message for diagnostic in caught.value.diagnostics]
    assert any(f"`{word}` is not supported yet: " in answer for answer in answers)
