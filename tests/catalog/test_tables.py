"""Every data file is whole: counted, sourced, without doubles, and read as typed values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from importlib.resources import files

import pytest

from gpucarve import catalog
from gpucarve.catalog import (
    disagreements,
    drivers,
    gpu_operator,
    host_interfaces,
    kubevirt,
    labels,
    loader,
    mig_rules,
    naming,
    nova,
    throughput,
    vgpu_limits,
    vgpu_software,
)
from gpucarve.errors import BugError

ALL = (*loader.HARDWARE, *loader.COMPATIBILITY)
CATALOG = catalog.load()
# What identifies a row; a table that is not here has one column for it, the first.
KEYS = {
    "mig-profiles": ("table", "name"),
    "cuda-toolkits": ("cuda", "update"),
    "vgpu-first-releases": ("gpus",),
    "vgpu-guests": ("guest", "host"),
    "kubevirt-minimums": ("what", "product"),
    "kubevirt-broken": ("product", "version"),
    "resource-names": ("rule", "given"),
    "disagreements": ("table", "text"),
}
# A profile's facts have the sources of its card's table.
SOURCED_ELSEWHERE = {"mig-profiles"}
TYPED: dict[str, Callable[[], tuple[object, ...]]] = {
    "gpus": CATALOG.gpus,
    "boards": lambda: tuple(CATALOG.board(code) for code in CATALOG.boards()),
    "vgpu-types": lambda: tuple(each for code in CATALOG.boards() for each in CATALOG.vgpu_types(code)),
    "mig-tables": CATALOG.mig_tables,
    "mig-profiles": lambda: tuple(
        each for table in CATALOG.mig_tables() for each in catalog.lookups.mig_profiles_of(table.id)
    ),
    "mig-attributes": mig_rules.attributes,
    "nvml-gi-profiles": mig_rules.nvml_profiles,
    "mig-requirements": mig_rules.mode_changes,
    "integer-throughput": throughput.integer_throughputs,
    "float-throughput": throughput.float_throughputs,
    "hash-rates": throughput.hash_rates,
    "vgpu-releases": vgpu_software.releases,
    "vgpu-branches": vgpu_software.branches,
    "vgpu-pairings": vgpu_software.pairings,
    "vgpu-first-releases": vgpu_software.first_releases,
    "vgpu-architectures": vgpu_software.architectures,
    "vgpu-guests": vgpu_software.guests,
    "vgpu-series": vgpu_software.all_series,
    "framebuffer-compression": vgpu_limits.compressions,
    "driver-branches": drivers.driver_branches,
    "cuda-toolkits": drivers.cuda_toolkits,
    "cuda-majors": drivers.cuda_majors,
    "cuda-compute-capabilities": drivers.first_cudas,
    "cuda-seen": drivers.cuda_seen,
    "kernel-modules": drivers.all_kernel_modules,
    "operator-releases": gpu_operator.releases,
    "operator-validated": gpu_operator.validated,
    "operator-lines": gpu_operator.lines,
    "operator-behaviour": gpu_operator.behaviour,
    "operator-vgpu-gpus": gpu_operator.vgpu_gpus,
    "kubevirt-minimums": kubevirt.minimums,
    "kubevirt-broken": kubevirt.broken,
    "kubevirt-apis": kubevirt.apis,
    "kubevirt-behaviour": kubevirt.behaviour,
    "node-labels": labels.labels,
    "node-operands": labels.all_operands,
    "mig-labels": labels.mig_labels,
    "resource-names": naming.examples,
    "naming-facts": naming.behaviour,
    "host-interfaces": host_interfaces.interfaces,
    "nova-changes": nova.changes,
    "nova-releases": nova.releases,
    "nova-live-migration": nova.live_migration,
    "disagreements": disagreements.disagreements,
}


def test_the_loader_knows_every_file_and_no_other() -> None:
    there = {file.name.removesuffix(".jsonl") for file in (files("gpucarve.catalog") / "data").iterdir()}
    assert there == set(ALL)
    assert len(ALL) == len(there)


@pytest.mark.parametrize("name", ALL)
def test_a_file_holds_as_many_entries_as_its_header_says(name: str) -> None:
    table = loader.read(name)
    assert len(table.rows) == table.header["entries"] > 0
    assert table.header["schema"] == f"gpucarve/catalog/{name}/v1"


@pytest.mark.parametrize("name", ALL)
def test_every_row_becomes_a_typed_value(name: str) -> None:
    values = TYPED[name]()
    assert len(values) == loader.read(name).header["entries"]
    assert None not in values
    assert len({type(value) for value in values}) == 1


@pytest.mark.parametrize("name", ALL)
def test_every_fact_of_every_row_has_a_source(name: str) -> None:
    table = loader.read(name)
    known = loader.sources(name)
    for row in table.rows:
        if name not in SOURCED_ELSEWHERE:
            assert set(loader.cited(name, row)) >= {key for key in row if not loader.is_source(key)}
        assert {value for key, value in row.items() if loader.is_source(key)} <= set(known)


@pytest.mark.parametrize("name", ALL)
def test_a_file_lists_the_sources_that_it_cites_and_no_others(name: str) -> None:
    table = loader.read(name)
    cited = {value for row in table.rows for key, value in row.items() if loader.is_source(key)}
    cited |= set(table.header["columns"].values())
    cited |= {table.header["source"]} if "source" in table.header else set()
    if name not in SOURCED_ELSEWHERE:
        assert cited == set(table.header["sources"])


def test_a_rows_own_word_about_its_source_goes_before_its_columns() -> None:
    found = CATALOG.sources_of("vgpu-types", "A100D-40C")
    assert (found["framebuffer_mib"].code, found["max_per_gpu"].code) == ("driver-510", "config-example")
    assert CATALOG.sources_of("mig-tables", "a100-80gb")["placements"].code == "slice-family"
    assert CATALOG.sources_of("vgpu-types", "nothing") == {}


def test_one_code_is_one_source_where_it_means_the_same() -> None:
    seen: dict[str, set[object]] = {}
    for name in ALL:
        for code, source in loader.sources(name).items():
            seen.setdefault(code, set()).add(source)
    assert [code for code, sources in seen.items() if len(sources) > 1] == []


@pytest.mark.parametrize("name", ALL)
def test_no_key_is_there_twice(name: str) -> None:
    rows = loader.read(name).rows
    columns = KEYS.get(name, (next(iter(rows[0])),))
    seen = Counter(tuple(str(row.get(column)) for column in columns) for row in rows)
    assert [key for key, count in seen.items() if count > 1] == []


def test_only_the_file_that_is_asked_for_is_read() -> None:
    loader.read.cache_clear()
    loader.entries.cache_clear()
    assert catalog.Catalog().gpu_model("t4") is not None
    assert loader.read.cache_info().currsize == 1
    assert nova.change("max-instances") is not None
    assert loader.read.cache_info().currsize == 2


def test_a_file_that_is_not_there_is_a_broken_installation() -> None:
    with pytest.raises(BugError, match="the catalog's nothing cannot be read"):
        loader.read("nothing")


@pytest.mark.parametrize("each", disagreements.disagreements(), ids=lambda each: each.text[:40])
def test_a_disagreement_is_about_entries_that_exist(each: disagreements.Disagreement) -> None:
    known = {str(value) for row in loader.read(each.table).rows for key in row for value in (row[key],)}
    assert each.table in ALL
    assert set(each.keys) <= known
    assert each in disagreements.about(each.table, each.keys[0])
