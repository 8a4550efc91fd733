"""vGPU types on a page: boards, the types of one, one type.

Boundary: pure; entries in, text or plain data out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpucarve.catalog import Board, Catalog, VgpuType, vgpu_limits, vgpu_software
from gpucarve.cli.views.catalog import codes, columns, grouped, page, plain, titles
from gpucarve.cli.views.text import Role, Style, count


def boards(found: Sequence[Board], catalog: Catalog, style: Style) -> str:
    """One line a board, by architecture."""
    rows = [
        (
            each.architecture,
            (each.code, f"{each.framebuffer_gb} GB", count(each.types, "type"), _kinds(each, catalog)),
        )
        for each in found
    ]
    return "\n".join(grouped(rows, style))


def boards_data(found: Sequence[Board], catalog: Catalog) -> dict[str, Any]:
    """The body of `CatalogBoards`."""
    cited = [catalog.sources_of("boards", each.code) for each in found]
    return {
        "boards": [
            {
                **plain(each),
                "typeNames": [str(kind.name) for kind in catalog.vgpu_types(each.code)],
                "sources": codes(sources),
            }
            for each, sources in zip(found, cited, strict=True)
        ],
        "sources": titles(cited),
    }


def types(board: Board, found: Sequence[VgpuType], style: Style) -> str:
    """The types of one board; the fewest-to-a-GPU first, as the data has them."""
    head = f"{board.code}: {board.framebuffer_gb} GB, on {', '.join(board.gpus)}"
    rows = [
        (
            str(each.name), f"{each.framebuffer_mib} MiB", str(each.max_per_gpu),
            _or(each.max_mixed), _or(each.gi_profile), _or(each.max_per_gi),
        )
        for each in found
    ]  # fmt: skip
    titles_ = ("TYPE", "FRAMEBUFFER", "PER GPU", "MIXED", "GPU INSTANCE", "PER INSTANCE")
    legend = (
        "PER GPU: as many of one framebuffer size; MIXED: as many in mixed-size mode; "
        "PER INSTANCE: as many in one MIG GPU instance."
    )
    lines = style.paragraph(head, rest="  ", role=Role.HEAD)
    return "\n".join([*lines, *columns(rows, style, head=titles_), *style.paragraph(legend)])


def kind(each: VgpuType, catalog: Catalog, style: Style) -> str:
    """Everything about one type."""
    series, board = vgpu_software.series(each.name.series), catalog.board(each.board)
    rows = [
        ("driver's name", each.driver_name or "not known"),
        ("series", f"{each.name.series}: {series.purpose}; licence {series.licence}" if series else each.name.series),
        ("board", f"{each.board}, on {', '.join(board.gpus)}" if board else each.board),
        ("framebuffer", f"{each.framebuffer_mib} MiB"),
        ("for the guest", _usable(each, board, catalog)),
        ("CUDA in the guest", _cuda(each, board, catalog)),
        ("mode", each.mode.value),
        ("per GPU", _limit(each)),
        ("GPU instance", f"{each.gi_profile}, {each.max_per_gi} in each" if each.gi_profile else ""),
        ("displays", _displays(each)),
        ("frames", f"at most {each.fps} a second" if each.fps else ""),
        ("type number", f"{each.type_id} in one driver, others differ" if each.type_id else "ask the driver"),
        ("the guest sees", f"10de:{each.device_id}, subsystem {each.subsystem_id}" if each.device_id else ""),
    ]  # fmt: skip
    cited = catalog.sources_of("vgpu-types", str(each.name))
    return page(f"vGPU type {each.name}", rows, cited, ("vgpu-types", str(each.name)), style)


def types_data(found: Sequence[VgpuType], catalog: Catalog) -> dict[str, Any]:
    """The body of `CatalogVgpuTypes`."""
    cited = [catalog.sources_of("vgpu-types", str(each.name)) for each in found]
    return {
        "types": [{**plain(each), "sources": codes(sources)} for each, sources in zip(found, cited, strict=True)],
        "sources": titles(cited),
    }


def _kinds(board: Board, catalog: Catalog) -> str:
    found = catalog.vgpu_types(board.code)
    series = "".join(sorted({each.name.series for each in found}))
    backed = any(not each.name.time_sliced for each in found)
    said = [f"series {', '.join(series)}", "MIG-backed" if backed else "", "mixed sizes" if board.mixed_size else ""]
    return ", ".join(filter(None, said))


def _limit(each: VgpuType) -> str:
    mixed = f", {each.max_mixed} in mixed-size mode" if each.max_mixed is not None else ""
    return f"{each.max_per_gpu} at most{mixed}"


def _usable(each: VgpuType, board: Board | None, catalog: Catalog) -> str:
    model = catalog.gpu_model(board.gpus[0]) if board else None
    if model is None:
        return ""
    plain_, ecc = (vgpu_limits.reserved_mib(each, model, ecc=ecc) for ecc in (False, True))
    said = f"about {each.framebuffer_mib - plain_} MiB; the driver keeps {plain_}"
    return said if ecc == plain_ else f"{said}, or {ecc} with ECC"


def _cuda(each: VgpuType, board: Board | None, catalog: Catalog) -> str:
    model = catalog.gpu_model(board.gpus[0]) if board else None
    return "" if model is None else "yes" if vgpu_limits.supports_cuda(each, model) else "no"


def _displays(each: VgpuType) -> str:
    if each.displays:
        return " or ".join(each.displays)
    return f"{each.heads} of {each.max_resolution}" if each.heads and each.max_resolution else ""


def _or(value: object) -> str:
    return "-" if value is None else str(value)
