"""Whatever is given to `load`, it answers with a Spec or with a bounded DocumentError, and shows no secret."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpucarve import spec
from gpucarve.errors import DocumentError
from gpucarve.model.diagnostics import render
from gpucarve.spec.fleet import WORKLOADS
from gpucarve.spec.problems import MOST_SHOWN
from gpucarve.spec.text import LARGEST
from tests.spec.documents import GOOD, changed

YAMLISH = st.text(alphabet=st.sampled_from("ab01:-[]{},&*!|>'\"#%@`?~ \n\t\\é名\u2028\x07."), max_size=200)
CUT = "          - {gpu: all, vgpu: {A1OO-4OC: 1}}\n"


def _answer(source: str | bytes) -> str:
    """What `load` says, rendered; empty for a good document."""
    try:
        spec.load(source, "f")
    except DocumentError as error:
        found = error.diagnostics
    else:
        return ""
    assert 1 <= len(found) <= MOST_SHOWN + 1
    return "\n".join(render(diagnostic) for diagnostic in found)


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200) | YAMLISH)
@example("\ud800")
@example("a: \ud800")
@example(b"\xff\xfea\x00")
@example("? ? ? a")
@example("&a *a : b")
@example("? *a\n: b\n")
@example("{[a]: b}")
@example("- - - -\n  - a")
@example("a: |\n  b\n\tc")
@example("--- |\n%a")
@example("sites: [[[]]]")
def test_anything_at_all_is_answered(source: str | bytes) -> None:
    _answer(source)


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), YAMLISH)
def test_a_good_document_with_a_hole_or_a_patch_anywhere_is_answered(start: int, length: int, patch: str) -> None:
    _answer(GOOD[:start] + patch + GOOD[start + length :])


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(
        [
            "{name: lab}",
            "{ssh: {user: admin}}",
            "{names: [gpu-1, gpu-2]}",
            '"0000:65:00.0"',
            "{A100D-40C: 2}",
            "vm-vgpu",
            "linux",
        ]
    ),
)
def test_any_value_in_any_place_is_answered(value: object, place: str) -> None:
    _answer(changed((place, json.dumps(value, ensure_ascii=False))))


AMOUNTS = st.dictionaries(
    st.sampled_from(["1g.10gb", "MIG 1g.10gb", "3g.40gb", "1c.3g.40gb", "A100D-40C", "A100D-1-10C", "DC-1-12Q", "x"]),
    st.sampled_from([0, 1, 7, 8, 10**17, "1", None]),
    max_size=3,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["gpu", "whole", "mig", "passthrough", "vgpu", "shared", "migs"]),
        st.sampled_from([True, False, None, 0, -1, "all", "A30", "T4", "A100D", "65:00.0", []]) | AMOUNTS,
        max_size=4,
    ),
    st.sampled_from(["container", "vm-passthrough", "vm-vgpu", "vm", "null"]),
    st.sampled_from([0, 1, 3, "10%", None]),
)
def test_any_entry_of_a_cut_is_a_cut_of_one_kind_or_answered(entry: object, workload: str, canary: object) -> None:
    text = changed(
        ('- gpu: "0000:65:00.0"\n            vgpu: {A100D-40C: 2}', "- " + json.dumps(entry)),
        ("vm-vgpu", workload),
        ("platform: linux", f"platform: linux\n    rollout: {json.dumps({'canary': canary})}"),
    )
    if not _answer(text):
        (cut,) = spec.load(text, "f").sites[0].pools[0].cut
        assert cut.kind in WORKLOADS[workload]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_is_bounded(opening: str) -> None:
    assert "nested deeper than 50 levels" in _answer(opening * 100_000)


def test_the_size_is_bounded() -> None:
    assert "longer than 1 MiB; at most that much is read" in _answer("#" * (LARGEST + 1))
    assert "longer than 1 MiB; at most that much is read" in _answer(b"#" * 3 * LARGEST)
    assert "the document is empty" in _answer("#" * LARGEST)


@pytest.mark.parametrize("digits", [19, 400, 100_000])
def test_a_number_of_any_length_is_too_large_wherever_a_number_is_wanted(digits: int) -> None:
    number = "9" * digits
    for old, new in (
        ("{A100D-40C: 2}", f"{{A100D-40C: {number}}}"),
        ("user: admin", f"user: admin, port: {number}"),
        ("platform: linux", f"platform: linux\n    rollout: {{canary: {number}}}"),
    ):
        answer = _answer(changed((old, new)))
        assert answer.count("error: ") == 1
        assert "is too large" in answer
    assert "is no index" in _answer(changed(('"0000:65:00.0"', number)))


def test_aliases_cannot_make_a_small_document_large() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    assert "the alias `*a0` is not allowed" in _answer("\n".join(lines))


def test_more_problems_than_anybody_reads_are_cut_off_and_said_to_be() -> None:
    answer = _answer(GOOD + CUT * 5_000)
    assert answer.count("error: ") == MOST_SHOWN + 1
    assert "there are more problems from here on" in answer


def test_all_problems_are_told_at_once_whatever_part_finds_them() -> None:
    answer = _answer(
        changed(
            ("user: admin", "usr: admin"),
            ('"0000:65:00.0"', "65.00.0"),
            ("A100D-40C: 2", "A100D-40C: 3, A100D-40C: 1"),
            ("gpu-2", "gpu-1"),
            ("vm-vgpu", "container"),
        )
    )
    for words in (
        "unknown key `usr`",
        "no PCI address",
        "stands here twice",
        "do not fit",
        "named twice",
        "does not serve the workload",
    ):
        assert words in answer
    assert answer.count("error: ") == 6


@pytest.mark.parametrize(
    "document",
    [
        changed(("user: admin", "user: admin, password: hunter2, prot: 1")),
        changed(("user: admin", "user: admin, 'api-key' : hunter2")),
        changed(("user: admin", 'user: admin, token: "hunter2')),
        changed(("user: admin", "user: admin, secret: [a, hunter2]")),
        changed(("    access: {ssh: {user: admin}}", "\taccess: {ssh: {user: admin, password: hunter2}}")),
        changed(
            (
                "{ssh: {user: admin}}",
                "\n      password: |\n        hunter2\n          and hunter2\n      password: hunter2",
            )
        ),
        changed(("user: admin", "user: admin, password: &a hunter2")),
        changed(("user: admin", "user: admin, password: !x hunter2")),
        changed(("user: admin", "user: admin, password: &a [hunter2], x: y")),
        changed(("user: admin", "user: admin, password: {a: {b: hunter2}}, password: hunter2")),
    ],
)
def test_a_secret_that_stands_in_a_document_is_not_repeated(document: str) -> None:
    answer = _answer(document)
    assert answer
    assert "hunter2" not in answer
