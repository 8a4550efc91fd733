"""MIG on a page: which cards, the profiles of one, what a profile's name means where.

Boundary: pure; entries in, text or plain data out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpucarve.catalog import Catalog, GpuModel, MigProfile, MigTable, mig_rules
from gpucarve.cli.views.catalog import codes, columns, page, plain, titles
from gpucarve.cli.views.text import Role, Style
from gpucarve.model.mig import MigProfileName

Meanings = Sequence[tuple[MigTable, MigProfile]]
_EVIDENCE = {
    "measured": "ids and placements seen on such a card",
    "family": "ids and placements of the cards with as many slices",
    "names": "names alone: placements have to be asked of the driver",
}


def tables(found: Sequence[tuple[MigTable, Sequence[MigProfile]]], style: Style) -> str:
    """One entry a kind of card: its GPUs and its profiles."""
    lines: list[str] = []
    for table, profiles in found:
        lines.append(style.paint(Role.HEAD, table.name))
        rows = [
            ("GPUs", ", ".join(table.gpus) or "no PCI card"),
            ("profiles", ", ".join(str(each.name) for each in profiles)),
        ]
        lines += style.table(rows, indent="  ")
    return "\n".join(lines)


def card(gpu: GpuModel, table: MigTable, profiles: Sequence[MigProfile], catalog: Catalog, style: Style) -> str:
    """The profiles of one GPU with their placements."""
    head = ("PROFILE", "ID", "COUNT", "MEMORY", "SM", "START:SIZE")
    rows = [
        (
            str(each.name), _or(each.profile_id), str(each.max_count), memory(each), _or(each.multiprocessors),
            " ".join(str(place) for place in each.placements) or "ask the driver",
        )
        for each in profiles
    ]  # fmt: skip
    change = mig_rules.mode_change(gpu)
    facts = [
        ("slices", _slices(table)),
        ("switching MIG", _change(change.mode_change, change.note) if change else ""),
        ("balanced mix", ", ".join(f"{number} x {name}" for name, number in table.balanced)),
        ("also called", ", ".join(f"{alias} ({each.name})" for each in profiles for alias in each.aliases)),
        ("known by", _EVIDENCE[table.evidence.value]),
        *(("note", note) for note in table.notes),
    ]
    cited = catalog.sources_of("mig-tables", table.id)
    body = columns(rows, style, head=head, indent="  ")
    return page(f"MIG on {gpu.name} ({gpu.id})", facts, cited, ("mig-tables", table.id), style, body)


def meanings(name: MigProfileName, found: Meanings, style: Style) -> str:
    """What a profile's name means on each kind of card that has it."""
    head = ("CARD", "COUNT", "SLICES", "MEMORY", "START:SIZE")
    rows = [
        (
            table.name, str(each.max_count), _share(table, each), memory(each),
            " ".join(str(place) for place in each.placements) or "ask the driver",
        )
        for table, each in found
    ]  # fmt: skip
    lines = [style.paint(Role.HEAD, f"MIG profile {name}")]
    if name.compute:
        whole = name.gpu_instance
        text = f"a compute instance with {name.compute} of the {name.slices} compute slices of a GPU instance {whole}"
        lines += style.paragraph(text, first="  ")
    rule = mig_rules.attribute(name.attribute)
    lines += style.paragraph(f"{name.attribute.value}: {rule.meaning}", first="  ") if rule else []
    lines += columns(rows, style, head=head, indent="  ")
    if len({(each.memory_slices, each.max_count) for _, each in found}) > 1:
        lines += style.paragraph("The name alone does not say what it is: it depends on the card.", first="  ")
    for table, each in found:
        if name.gpu_instance != each.name:
            lines += style.paragraph(f"{table.name} calls it {each.name} now.", first="  ")
    return "\n".join(lines)


def tables_data(found: Sequence[tuple[MigTable, Sequence[MigProfile]]], catalog: Catalog) -> dict[str, Any]:
    """The body of `CatalogMigTables`."""
    cited = [catalog.sources_of("mig-tables", table.id) for table, _ in found]
    return {
        "tables": [
            {**_table(table), "profiles": [plain(each) for each in profiles], "sources": codes(sources)}
            for (table, profiles), sources in zip(found, cited, strict=True)
        ],
        "sources": titles(cited),
    }


def meanings_data(name: MigProfileName, found: Meanings, catalog: Catalog) -> dict[str, Any]:
    """The body of `CatalogMigProfiles`; the sources are those of the card's table."""
    cited = [catalog.sources_of("mig-tables", table.id) for table, _ in found]
    return {
        "name": str(name),
        "profiles": [
            {**plain(each), "gpus": list(table.gpus), "sources": codes(sources)}
            for (table, each), sources in zip(found, cited, strict=True)
        ],
        "sources": titles(cited),
    }


def memory(each: MigProfile) -> str:
    """What a card showed as the instance's memory."""
    if each.memory_mib is not None:
        return f"{each.memory_mib} MiB"
    return "-" if each.memory_gib is None else f"{each.memory_gib:g} GiB"


def _table(table: MigTable) -> dict[str, Any]:
    balanced = [{"profile": str(name), "count": number} for name, number in table.balanced]
    return {**plain(table), "balanced": balanced}


def _slices(table: MigTable) -> str:
    parts = [
        f"{table.compute_slices} of compute" if table.compute_slices else "",
        f"{table.memory_slices} of memory" if table.memory_slices else "",
    ]
    return ", ".join(filter(None, parts))


def _share(table: MigTable, each: MigProfile) -> str:
    return f"{each.memory_slices}/{table.memory_slices}" if each.memory_slices else "-"


def _change(what: str, note: str | None) -> str:
    said = "resets the GPU" if what == "gpu-reset" else "needs no reset"
    return f"{said}; {note}" if note else said


def _or(value: object) -> str:
    return "-" if value is None else str(value)
