"""The catalog on a page: GPUs, and what the three subjects share.

Boundary: pure; entries in, text or plain data out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import groupby
from shlex import quote
from typing import Any

from gpucarve.catalog import Catalog, GpuModel, Source, disagreements, loader
from gpucarve.cli.views.text import Role, Style
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.vgpu import VgpuTypeName

_NAMES = (VgpuTypeName, MigProfileName, Placement)
_LAST = 16


def gpus(found: Sequence[GpuModel], style: Style) -> str:
    """One line a GPU, by architecture."""
    rows = [(gpu.architecture, (gpu.id, ", ".join(gpu.device_ids), gib(gpu.memory_mib), _uses(gpu))) for gpu in found]
    return "\n".join(grouped(rows, style))


def gpu(each: GpuModel, catalog: Catalog, style: Style) -> str:
    """Everything about one GPU."""
    rows = [
        ("architecture", f"{each.architecture}, compute capability {each.compute_capability}"),
        ("PCI ids", _ids(each)),
        ("PCI name", "; ".join(dict.fromkeys(each.pci_names))),
        ("driver's name", "; ".join(each.driver_names)),
        (
            "memory",
            gib(each.memory_mib) + (f" on each of {each.gpus_per_board} GPUs" if each.gpus_per_board > 1 else ""),
        ),
        ("nvidia-smi shows", ", ".join(f"{mib} MiB" for mib in each.smi_total_mib)),
        ("vGPU", _vgpu(each)),
        ("virtual functions", _functions(each)),
        ("MIG", {True: f"yes: gpucarve catalog mig {each.id}", False: "no", None: "unknown"}[each.mig]),
        ("MIG needs vBIOS", each.min_vbios_for_mig or ""),
        ("MIG broken with", ", ".join(each.mig_broken_drivers)),
        ("driver from", each.min_driver or ""),
        ("passed through with", ", ".join(each.companion_ids)),
        ("KubeVirt resource", ", ".join(dict.fromkeys(each.kubevirt_resources))),
        ("display mode", "set a displayless mode before vGPU or MIG" if each.display_mode_switch else ""),
        ("note", each.note or ""),
    ]
    return page(f"{each.name} ({each.id})", rows, catalog.sources_of("gpus", each.id), ("gpus", each.id), style)


def gpu_data(found: Iterable[GpuModel], catalog: Catalog) -> dict[str, Any]:
    """The body of `CatalogGpus`."""
    cited = [catalog.sources_of("gpus", each.id) for each in found]
    return {
        "gpus": [{**plain(each), "sources": codes(sources)} for each, sources in zip(found, cited, strict=True)],
        "sources": titles(cited),
    }


def page(
    head: str,
    rows: Sequence[tuple[str, str]],
    cited: Mapping[str, Source],
    key: tuple[str, str],
    style: Style,
    body: Sequence[str] = (),
) -> str:
    """One entry, `key` being its table and name: `body`, the facts that are not empty, contradictions, sources."""
    kept = [(label, text) for label, text in rows if text]
    kept += [("sources disagree", each.text) for each in disagreements.about(*key)]
    sources = sorted({f"{source.title} ({source.confidence.value})" for source in cited.values()})
    kept += [("source" if number == 0 else "", text) for number, text in enumerate(sources)]
    widest = max(len(label) for label, _ in kept)
    lines = [*style.paragraph(head, rest="  ", role=Role.HEAD), *body]
    for label, text in kept:
        longest = max(len(word) for word in text.split())
        if max(longest, _LAST) > style.width - widest - 4:
            lines += [f"  {label}".rstrip(), *style.paragraph(text, first="    ")]
        else:
            lines += style.paragraph(text, first=f"  {label:<{widest}}  ")
    return "\n".join(line for line in lines if line)


def columns(
    rows: Sequence[Sequence[str]],
    style: Style,
    *,
    head: Sequence[str] = (),
    indent: str = "",
    least: Sequence[int] = (),
) -> list[str]:
    """Cells in columns, the last one wrapped; below each other where that leaves the last too little room."""
    every = [*([head] if head else []), *rows]
    cells = [[*(least[number : number + 1]), *map(len, each)] for number, each in enumerate(zip(*every, strict=True))]
    widths = [max(each) for each in cells[:-1]]
    room = style.width - len(indent) - sum(width + 2 for width in widths)
    lines: list[str] = []
    for row in every:
        is_head = row is head
        if room < _LAST:
            lines += [] if is_head else _below(row, head, style, indent)
            continue
        lead = indent + "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False))
        role = Role.FAINT if is_head else None
        first = style.paint(role, lead) if role else lead
        lines += [line.rstrip() for line in style.paragraph(row[-1], first=first, rest=" " * len(lead), role=role)]
    return lines


def _below(row: Sequence[str], head: Sequence[str], style: Style, indent: str) -> list[str]:
    """A row that is too wide: its first cell, and the others below it with their headings."""
    said = [f"{title} {cell}".strip() for title, cell in zip(head or [""] * len(row), row, strict=True) if cell]
    return [f"{indent}{row[0]}", *style.paragraph(", ".join(said[1:]), first=f"{indent}  ")]


def grouped(rows: Sequence[tuple[str, Sequence[str]]], style: Style) -> list[str]:
    """Rows under the headings that stand before them; the columns of all groups are alike."""
    widths = [max(map(len, cells)) for cells in zip(*(cells for _, cells in rows), strict=True)]
    lines: list[str] = []
    for heading, group in groupby(rows, lambda row: row[0]):
        lines.append(style.paint(Role.HEAD, heading))
        lines += columns([cells for _, cells in group], style, indent="  ", least=widths)
    return lines


def gib(mib: int | None) -> str:
    """`80 GiB`."""
    return "" if mib is None else f"{mib / 1024:g} GiB"


def plain(value: Any) -> Any:
    """An entry as JSON's types: keys in camel case, names in their usual spelling; sources are told by `codes`."""
    if isinstance(value, _NAMES):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        names = (field.name for field in fields(value) if not loader.is_source(field.name))
        return {_camel(name): plain(getattr(value, name)) for name in names}
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def codes(cited: Mapping[str, Source]) -> dict[str, str]:
    """Each fact with the code of its source."""
    return {_camel(column): source.code for column, source in cited.items()}


def titles(cited: Iterable[Mapping[str, Source]]) -> dict[str, dict[str, str]]:
    """What the codes stand for."""
    found = {source.code: source for sources in cited for source in sources.values()}
    return {code: {"title": each.title, "confidence": each.confidence.value} for code, each in sorted(found.items())}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _ids(each: GpuModel) -> str:
    subsystems = f", subsystem {' or '.join(each.subsystem_ids)}" if each.subsystem_ids else ""
    return ", ".join(f"10de:{device}" for device in each.device_ids) + subsystems


def _uses(each: GpuModel) -> str:
    vgpu = {True: f"vGPU {', '.join(each.boards)}", False: "", None: "vGPU unknown"}[each.vgpu]
    mig = {True: "MIG", False: "", None: "MIG unknown"}[each.mig]
    return ", ".join(filter(None, [vgpu, mig])) or "whole GPU alone"


def _vgpu(each: GpuModel) -> str:
    if not each.vgpu:
        return "no types are known" if each.vgpu is None else "no"
    how = "on virtual functions (SR-IOV)" if each.sriov_vgpu else "as mdevs of the physical function"
    return f"{how}; types: " + ", ".join(f"gpucarve catalog vgpu {quote(board)}" for board in each.boards)


def _functions(each: GpuModel) -> str:
    said = [
        f"{each.total_vfs} seen" if each.total_vfs is not None else "",
        f"{each.min_vfs_for_vgpu} serve every type" if each.min_vfs_for_vgpu is not None else "",
        f"the first is function {each.first_vf_function}" if each.first_vf_function is not None else "",
        f"device id {each.vf_device_id}" if each.vf_device_id else "",
    ]
    return ", ".join(filter(None, said))
