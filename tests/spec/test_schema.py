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

CUT = """cut:
          - gpu: "0000:65:00.0"
            vgpu: {A100D-40C: 2}"""
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
        changed(("{A100D-40C: 2}", "{A100D-2-20C: 1, A100D-1-10CME: 1}")),
        changed(('"0000:65:00.0"', "A100D")),
        changed(('"0000:65:00.0"', '"20b5"')),
        changed(('"0000:65:00.0"', "10de:20b5")),
        changed(('"0000:65:00.0"', "NVIDIA A100 80GB PCIe")),
        changed(('"0000:65:00.0"', "10000:65:00.0")),
        changed(('"0000:65:00.0"', "0")),
        changed(("vm-vgpu", "container"), ("vgpu: {A100D-40C: 2}", "whole: true")),
        changed(("vm-vgpu", "container"), ("vgpu: {A100D-40C: 2}", "mig: {1g.10gb+me: 1, MIG 3g.40gb: 1}")),
        changed(("vm-vgpu", "vm-passthrough"), ("vgpu: {A100D-40C: 2}", "passthrough: true")),
        changed(("platform: linux", "platform: linux\n    rollout: {}")),
        changed((CUT, "demand: [{vgpu: A100D-40C, count: 2}, {vgpuOf: {memory: 8Gi, series: Q}, count: 1, spare: 2}]")),
        changed((CUT, "demand: [{vgpu: A100D-40C, count: 2, tenant: red}]\n        objective: [least-stranded]")),
        changed(("vm-vgpu", "container"), (CUT, "demand: [{mig: 1g.10gb+me, count: 2}, {whole: true, count: 1}]")),
        changed(("vm-vgpu", "vm-passthrough"), (CUT, "demand: [{passthrough: true, count: 1}]")),
        changed(("platform: linux", "platform: linux\n    rollout: {canary: 0, maxUnavailable: 4, maxFailures: 2}")),
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
        ("vgpu: {A100D-40C: 2}", "passthrough: true"),
        ("            vgpu: {A100D-40C: 2}\n", ""),
        ("vgpu: {A100D-40C: 2}", "vgpu: {A100D-40C: 2}\n            whole: true"),
        ("vgpu: {A100D-40C: 2}", "vgpu:"),
        ('"0000:65:00.0"', "64"),
        ('"0000:65:00.0"', "-1"),
        ('"0000:65:00.0"', "'0'"),
        ('"0000:65:00.0"', "true"),
        ("platform: linux", "platform: linux\n    rollout: {canary: -1}"),
        ("platform: linux", "platform: linux\n    rollout: {maxUnavailable: 0}"),
        ("platform: linux", "platform: linux\n    rollout: {maxFailures: '25%'}"),
        ("platform: linux", "platform: linux\n    rollout: {max_failures: 1}"),
        ("platform: linux", "platform: linux\n    rollout: 1"),
        (CUT, "demand: []"),
        (CUT, "demand: [{count: 2}]"),
        (CUT, "demand: [{vgpu: A100D-40C}]"),
        (CUT, "demand: [{vgpu: A100D-40C, count: 0}]"),
        (CUT, "demand: [{vgpu: A100D-40C, count: 2, spare: -1}]"),
        (CUT, "demand: [{vgpu: A100D-40C, vgpuOf: {memory: 8Gi, series: Q}, count: 2}]"),
        (CUT, "demand: [{vgpuOf: {memory: 8GB, series: Q}, count: 2}]"),
        (CUT, "demand: [{vgpuOf: {memory: 8Gi, series: Z}, count: 2}]"),
        (CUT, "demand: [{vgpu: , count: 2}]"),
        (CUT, "demand: [{mig: 1g.10gb, count: 2}]"),
        (CUT, "demand: [{vgpu: A100D-40C, count: 2, tenant: a b}]"),
        (CUT, "demand: [{vgpu: A100D-40C, count: 2}]\n        objective: []"),
        (CUT, "demand: [{vgpu: A100D-40C, count: 2}]\n        objective: [cheap]"),
        (CUT, f"demand: [{{vgpu: A100D-40C, count: 2}}]\n        {CUT}"),
        (CUT, f"objective: [fewest-gpus]\n        {CUT}"),
        (CUT, ""),
    ],
)
def test_what_has_the_wrong_shape_neither_loads_nor_is_valid(old: str, new: str) -> None:
    text = changed((old, new))
    assert not _loads(text)
    assert not _valid(text)


CONTAINERS = changed(("vm-vgpu", "container"), ("vgpu: {A100D-40C: 2}", "mig: {1g.10gb: 7}"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{1g.10gb: 7}", "{}"),
        ("{1g.10gb: 7}", "{1g.10gb: 0}"),
        ("{1g.10gb: 7}", "{1c.3g.40gb: 1}"),
        ("{1g.10gb: 7}", "{1g.10gb.me: 1}"),
        ("{1g.10gb: 7}", "{A100D-1-10C: 1}"),
        ("{1g.10gb: 7}", "[1g.10gb]"),
        ("mig: {1g.10gb: 7}", "mig:"),
        ("mig: {1g.10gb: 7}", "whole: false"),
        ("mig: {1g.10gb: 7}", "whole: yes"),
        ("mig: {1g.10gb: 7}", "whole:"),
        ("mig: {1g.10gb: 7}", "passthrough: true"),
        ("container", "vm-vgpu"),
        ("container", "vm-passthrough"),
    ],
)
def test_what_has_the_wrong_shape_for_containers_neither_loads_nor_is_valid(old: str, new: str) -> None:
    assert _loads(CONTAINERS)
    assert _valid(CONTAINERS)
    assert old in CONTAINERS
    text = CONTAINERS.replace(old, new)
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
