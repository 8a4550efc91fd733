"""`gpucarve catalog`: what gpucarve knows about hardware.

Boundary: a word to entries of the catalog, or to a refusal that says what was meant; asks no machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gpucarve.cli.misuse import Misuse
from gpucarve.cli.suggesting import SuggestingGroup
from gpucarve.cli.verb import verb

if TYPE_CHECKING:
    from gpucarve.catalog import Catalog, GpuModel, MigProfile, MigTable
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.output import Output
    from gpucarve.model.mig import MigProfileName

_LONGEST = 100
_gpu = click.option("--gpu", metavar="GPU", help="Only what the profile means on this GPU.")


@click.group("catalog", cls=SuggestingGroup)
def command() -> None:
    """Look up what is known about GPUs, vGPU types and MIG profiles, with sources.

    Asks no machine: `discover` says what one really has.

    \b
    Example:
      gpucarve catalog mig a100-pcie-80gb
    """


@verb("gpus", click.argument("name", required=False, metavar="[GPU]"))
def _gpus(output: Output, name: str | None) -> Exit:
    """List GPUs, or tell about one.

    GPU is a name of this list, a product's name, or a PCI device id.

    \b
    Example:
      gpucarve catalog gpus 20b5
    """
    from gpucarve import catalog
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import catalog as views

    known = catalog.load()
    found = _called(known, name) if name is not None else known.gpus()
    text = views.gpu(found[0], known, output.style) if len(found) == 1 else views.gpus(found, output.style)
    output.data("CatalogGpus", views.gpu_data(found, known), text)
    return Exit.DONE


@verb("vgpu", click.argument("name", required=False, metavar="[TYPE|BOARD|GPU]"))
def _vgpu(output: Output, name: str | None) -> Exit:
    """List vGPU types by board, or tell about one.

    \b
    Example:
      gpucarve catalog vgpu A100D-40C
    """
    from gpucarve import catalog
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import catalog_vgpu as views

    known = catalog.load()
    if name is None:
        boards = [board for code in known.boards() if (board := known.board(code))]
        text = views.boards(boards, known, output.style)
        output.data("CatalogBoards", views.boards_data(boards, known), text)
        return Exit.DONE
    kind = known.vgpu_type(name)
    if kind is not None:
        output.data("CatalogVgpuTypes", views.types_data([kind], known), views.kind(kind, known, output.style))
        return Exit.DONE
    boards = [board for code in _boards(known, name) if (board := known.board(code))]
    types = [each for board in boards for each in known.vgpu_types(board.code)]
    text = "\n\n".join(views.types(board, known.vgpu_types(board.code), output.style) for board in boards)
    output.data("CatalogVgpuTypes", views.types_data(types, known), text)
    return Exit.DONE


@verb("mig", _gpu, click.argument("name", required=False, metavar="[PROFILE|GPU]"))
def _mig(output: Output, gpu: str | None, name: str | None) -> Exit:
    """List MIG profiles by card, or tell about one.

    One name can mean different things: 1g.10gb is a seventh of an A100 80GB and a quarter of an A100 40GB.

    \b
    Example:
      gpucarve catalog mig 1g.10gb
    """
    from gpucarve import catalog
    from gpucarve.catalog.lookups import mig_profiles_of
    from gpucarve.cli.exits import Exit
    from gpucarve.cli.views import catalog_mig as views

    known = catalog.load()
    profile = _profile(name) if name is not None else None
    if name is not None and profile is None and gpu is not None:
        raise _unknown(f"{_short(name)} is no MIG profile name", known.suggest_mig(name), "mig")
    if profile is not None:
        found = _meanings(known, profile, _with_mig(known, gpu, "") if gpu is not None else None)
        text = views.meanings(profile, found, output.style)
        output.data("CatalogMigProfiles", views.meanings_data(profile, found, known), text)
        return Exit.DONE
    word = name if name is not None else gpu
    models = _with_mig(known, word, name or "") if word is not None else ()
    by_table = {table.id: (table, gpu) for gpu in models if (table := known.mig_table(gpu.id))}
    listed = [table for table, _ in by_table.values()] or list(known.mig_tables())
    tables = [(table, mig_profiles_of(table.id)) for table in listed]
    text = views.tables(tables, output.style)
    if by_table:
        text = "\n\n".join(
            views.card(gpu, table, mig_profiles_of(table.id), known, output.style) for table, gpu in by_table.values()
        )
    output.data("CatalogMigTables", views.tables_data(tables, known), text)
    return Exit.DONE


for _each in (_gpus, _vgpu, _mig):
    command.add_command(_each)


def _called(known: Catalog, word: str) -> tuple[GpuModel, ...]:
    found = known.gpus_called(word)
    if not found:
        raise _unknown(f"the catalog has no GPU called {_short(word)}", known.suggest_gpu(word), "gpus")
    return found


def _boards(known: Catalog, word: str) -> tuple[str, ...]:
    """The boards that a word names; a type's name that does not exist is told against its board."""
    by_fold = {code.casefold(): code for code in known.boards()}
    if word.casefold() in by_fold:
        return (by_fold[word.casefold()],)
    codes = tuple(dict.fromkeys(code for gpu in known.gpus_called(word) for code in gpu.boards))
    if codes:
        return codes
    if gpus := known.gpus_called(word):
        raise _unknown(f"no vGPU types are known for {gpus[0].name} ({gpus[0].id})", (), "vgpu")
    board = word.strip().rsplit(" ", 1)[-1].rsplit("-", 1)[0].removesuffix("-")
    while board and board not in known.boards():
        board = board.rpartition("-")[0]
    if board:
        names = ", ".join(str(each.name) for each in known.vgpu_types(board))
        raise _unknown(f"{board} has no vGPU type {_short(word)}; it has {names}", known.suggest(word), "vgpu")
    near = (*known.suggest(word), *known.suggest_gpu(word))
    raise _unknown(f"the catalog has no vGPU type, board or GPU called {_short(word)}", near, "vgpu")


def _profile(word: str) -> MigProfileName | None:
    from gpucarve.model.mig import MigProfileName

    for read in (MigProfileName.parse, MigProfileName.parse_dotted):
        try:
            return read(word)
        except ValueError:
            continue
    return None


def _with_mig(known: Catalog, word: str, as_profile: str) -> tuple[GpuModel, ...]:
    """The GPUs with MIG that a word names; `as_profile` is the word where it may have been meant as a profile."""
    gpus = known.gpus_called(word)
    if not gpus:
        near = known.suggest_mig(as_profile) or known.suggest_gpu(word)
        what = "MIG profile or GPU" if as_profile else "GPU"
        raise _unknown(f"the catalog has no {what} called {_short(word)}", near, "mig" if as_profile else "gpus")
    found = tuple(gpu for gpu in gpus if gpu.mig)
    if not found:
        raise Misuse(f"{gpus[0].name} ({gpus[0].id}) has no MIG", "`gpucarve catalog mig` lists the cards that have it")
    return found


def _meanings(
    known: Catalog, name: MigProfileName, gpus: tuple[GpuModel, ...] | None
) -> tuple[tuple[MigTable, MigProfile], ...]:
    """What a name means on the GPUs, or on every card; refused against the card's table where it does not exist."""
    found = known.mig_meanings(name)
    if gpus is None:
        if not found:
            raise _unknown(f"no card has a MIG profile {name}", known.suggest_mig(str(name)), "mig")
        return found
    kept = tuple((table, each) for table, each in found if any(gpu.id in table.gpus for gpu in gpus))
    if not kept:
        names = ", ".join(str(each.name) for each in known.mig_profiles(gpus[0].id))
        near = known.suggest_mig(str(name), gpus[0].id)
        raise _unknown(f"{gpus[0].name} ({gpus[0].id}) has no MIG profile {name}; it has {names}", near, "mig")
    return kept


def _unknown(message: str, near: Sequence[str], subject: str) -> Misuse:
    *others, last = near[:3] or ("",)
    meant = f"did you mean {', '.join(others)}{' or ' if others else ''}{last}? " if near else ""
    return Misuse(message, f"{meant}`gpucarve catalog {subject}` lists what there is")


def _short(word: str) -> str:
    return repr(word if len(word) <= _LONGEST else word[:_LONGEST] + "...")
