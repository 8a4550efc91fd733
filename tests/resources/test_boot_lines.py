"""What a claim may say about boots."""

from __future__ import annotations

import json
import re

import pytest

from gpucarve.resources.host import boot_lines, boot_unit
from tests.resources.sights import GPU


def test_a_line_is_a_verb_and_its_words() -> None:
    assert boot_lines.line("gpu-instance", GPU, 9, 4, "compute") == f"gpu-instance {GPU} 9 4 compute"


@pytest.mark.parametrize(
    "words", [("frob", GPU), ("vgpu",), ("vgpu", ""), ("vgpu", 'a"b'), ("vgpu", "a\nb"), ("vgpu", "$x")]
)
def test_what_the_script_would_refuse_is_no_line(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="is no boot line"):
        boot_lines.line(*words)


def test_claims_without_a_line_have_none() -> None:
    assert boot_lines.of([{"boot": "a b"}, {"kind": "x"}, {"boot": 5}]) == ("a b",)


def test_the_script_goes_by_the_same_verbs_in_the_same_order() -> None:
    order = re.search(r"^order='(.*)'$", boot_unit.script().decode(), re.MULTILINE)
    assert order is not None
    assert tuple(order[1].split()) == boot_lines.VERBS


def test_a_claim_s_json_cannot_hold_the_mark_by_which_a_line_is_found_but_before_a_line() -> None:
    assert '"boot": "' not in json.dumps({"note": '"boot": "vgpu x y"'})
