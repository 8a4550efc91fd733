"""The page about the fleet document says what the code does: its examples load, its table is the grammar."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpucarve import spec
from gpucarve.spec import later
from gpucarve.spec.fleet import KINDS, WORKLOADS
from gpucarve.spec.wants import USUAL, WANT_KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fleet-document.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
EXAMPLES = sorted((ROOT / "examples").glob("**/fleet.yaml"))


def table(schema: dict[str, Any]) -> list[str]:
    """The grammar as a Markdown table: one row a key."""
    rows = ["| key | | what it is |", "|---|---|---|"]
    return rows + [f"| `{path}` | {need} | {what} |" for path, need, what in _keys(schema, schema, "")]


def _keys(schema: dict[str, Any], here: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for key, value in here.get("properties", {}).items():
        default = value.get("default")
        one_of = any(each["required"] == [key] for each in here.get("oneOf", ()))
        need = (
            "one of"
            if one_of
            else "required"
            if key in here.get("required", ())
            else f"default {default}"
            if default is not None
            else ""
        )
        yield f"{prefix}{key}", need, value["description"]
        body, path = value, f"{prefix}{key}"
        if body.get("type") == "array":
            body, path = body["items"], f"{path}[]"
        if "$ref" in body:
            yield from _keys(schema, schema["$defs"][body["$ref"].rsplit("/", 1)[-1]], f"{path}.")


def test_the_table_of_keys_is_the_grammar() -> None:
    written = PAGE.partition("<!-- keys:")[2].partition("-->\n")[2].partition("<!-- end of keys -->")[0]
    assert written.strip().splitlines() == table(spec.json_schema())


def test_the_page_has_examples() -> None:
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_on_the_page_loads(block: str) -> None:
    assert spec.load(block, "docs/fleet-document.md").sites


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_file_loads(path: Path) -> None:
    assert spec.load(path.read_bytes(), str(path)).metadata.name == path.parent.name


def test_what_the_page_shows_being_said_is_said() -> None:
    shown = PAGE.partition("<!-- said:")[2].partition("```text\n")[2].partition("```")[0]
    told = re.split(r"^(?=[a-z-]+\.yaml:)", shown, flags=re.MULTILINE)[1:]
    assert len(told) >= 3
    for each in told:
        name = each.partition(".yaml:")[0]
        assert each in (Path(__file__).parent / "broken" / f"{name}.txt").read_text("utf-8")


def test_the_page_leads_to_every_example() -> None:
    linked = set(re.findall(r"\.\./examples/([a-z-]+)/fleet\.yaml", PAGE))
    assert linked == {path.parent.name for path in EXAMPLES}


def test_the_examples_show_every_workload_every_kind_and_every_way_to_choose_a_gpu() -> None:
    sites = [site for path in EXAMPLES for site in spec.load(path.read_bytes(), str(path)).sites]
    pools = [pool for site in sites for pool in site.pools]
    cuts = [cut for pool in pools for cut in pool.cut]
    assert {pool.workload for pool in pools} == set(WORKLOADS)
    assert {cut.kind for cut in cuts} == set(KINDS)
    assert {type(cut.gpu) for cut in cuts} == {spec.EveryGpu, spec.GpuAt, spec.GpuModelled, spec.GpuIndex}
    assert {name.time_sliced for cut in cuts for name in cut.vgpu or ()} == {True, False}
    assert any(site.rollout != spec.Rollout() for site in sites)


def test_the_examples_show_everything_that_a_demand_can_say() -> None:
    specs = [spec.load(path.read_bytes(), str(path)) for path in EXAMPLES]
    pools = [pool for each in specs for site in each.sites for pool in site.pools if pool.demand]
    wants = [want for pool in pools for want in pool.demand]
    assert {want.kind for want in wants} == set(WANT_KINDS)
    assert any(want.tenant for want in wants)
    assert any(want.spare for want in wants)
    assert {pool.objective == USUAL for pool in pools} == {True, False}


def test_the_page_names_every_word_of_a_later_release() -> None:
    later_part = PAGE.partition("## Not yet")[2]
    assert [word for word in later.words() if f"`{word}`" not in later_part] == []
