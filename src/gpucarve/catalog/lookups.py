"""Typed questions about hardware.

Boundary: answers come as values of `entries` and `mig`; an unknown thing is None or an empty tuple, never an
exception. A file is read, and rows become values, when they are asked for: one run touches a handful of thousands.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from gpucarve.catalog import loader, mig_suggestions, suggestions
from gpucarve.catalog.entries import Board, GpuModel, VgpuMode, VgpuType
from gpucarve.catalog.mig import Evidence, MigProfile, MigTable
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.vgpu import VgpuTypeName, strip_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucarve.catalog.sources import Source

_VENDOR = "10de"


class Catalog:
    """Everything known about hardware, by id and by name."""

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Every source that a file of the catalog cites, by its code."""
        return {
            code: each
            for name in (*loader.HARDWARE, *loader.COMPATIBILITY)
            for code, each in loader.sources(name).items()
        }

    def sources_of(self, table: str, key: str) -> Mapping[str, Source]:
        """Where each fact of one entry was read: of `gpus`, `boards`, `vgpu-types` or `mig-tables`, by its key."""
        row = next((row for row in loader.read(table).rows if next(iter(row.values())) == key), None)
        return loader.cited(table, row) if row else {}

    def gpus(self) -> tuple[GpuModel, ...]:
        """Every GPU, in the order of the data."""
        return tuple(_gpu(row) for row in loader.read("gpus").rows)

    def gpu(self, device_id: str, subsystem_id: str | None = None) -> GpuModel | None:
        """The GPU with these PCI ids (`20b5`; `0x20b5` as sysfs prints it is fine too).

        One device id can stand for two boards. Then an entry that lists subsystem ids wins on a match, one that
        lists none takes the rest, and without a subsystem id the answer is None rather than a guess.
        """
        device, subsystem = _id(device_id), _id(subsystem_id) if subsystem_id else None
        rows = [row for row in loader.read("gpus").rows if device in row["device_ids"]]
        if not any("subsystem_ids" in row for row in rows):
            return _gpu(rows[0]) if rows else None
        if subsystem is None:
            return None
        exact = (row for row in rows if subsystem in row.get("subsystem_ids", ()))
        rest = (row for row in rows if "subsystem_ids" not in row)
        row = next(exact, None) or next(rest, None)
        return _gpu(row) if row else None

    def gpu_model(self, name: str) -> GpuModel | None:
        """The GPU that the catalog calls `name` (its `id`: `a100-pcie-80gb`)."""
        return next((_gpu(row) for row in loader.read("gpus").rows if row["id"] == name), None)

    def gpus_called(self, word: str) -> tuple[GpuModel, ...]:
        """The GPUs that somebody may call so, whatever the case.

        A word is an id of the catalog, a product's name with or without the maker, the driver's name, a board's
        code, or a device id (`20b5`, `10de:20b5`). It can mean several, an id only its own GPU.
        """
        wanted = word.strip().casefold()
        if exact := self.gpu_model(wanted):
            return (exact,)
        short = wanted.removeprefix(f"{_VENDOR}:").removeprefix("0x").removeprefix("nvidia ")
        rows = loader.read("gpus").rows
        found = {*self._gpus_by_name.get(short, ()), *self._gpus_by_name.get(wanted, ())}
        return tuple(_gpu(rows[place]) for place in sorted(found))

    def boards(self) -> tuple[str, ...]:
        """Every board's code."""
        return tuple(self._boards)

    def board(self, code: str) -> Board | None:
        """The board that vGPU types name (`A100D`)."""
        row = self._boards.get(code)
        return Board(**loader.frozen(row)) if row else None

    def vgpu_type(self, name: str | VgpuTypeName) -> VgpuType | None:
        """The type with this name, with or without the driver's prefix.

        `GFX` exists only in configuration files; a name that carries it means the type without it (rule N3).
        """
        text = strip_prefix(name) if isinstance(name, str) else str(name)
        row = self._types.get(text) or self._types.get(text.removesuffix("GFX"))
        return _vgpu_type(row) if row else None

    def vgpu_types(self, board: str) -> tuple[VgpuType, ...]:
        """Every type of a board, in the order of the data; none for an unknown board."""
        return _vgpu_types(board) if board in self._boards else ()

    def vgpu_types_by_id(self, type_id: int) -> tuple[VgpuType, ...]:
        """The types that some driver numbers `nvidia-NNN`: for messages, since another driver numbers anew."""
        return tuple(_vgpu_type(row) for row in self._types.values() if row.get("type_id") == type_id)

    def suggest(self, name: str) -> tuple[str, ...]:
        """vGPU types somebody may have meant by a name that does not exist, the likeliest first; at most three."""
        return suggestions.suggest(name, tuple(self._types))

    def suggest_gpu(self, name: str) -> tuple[str, ...]:
        """GPUs (catalog ids) somebody may have meant by a name that does not exist; at most three."""
        rows = loader.read("gpus").rows
        return suggestions.alike(name, {each: row["id"] for row in rows for each in _called(row)})

    def mig_tables(self) -> tuple[MigTable, ...]:
        """What each kind of card can be cut into; one entry serves several GPUs."""
        return _mig_tables()

    def mig_table(self, gpu: str) -> MigTable | None:
        """The table of a GPU (a catalog id); None for one without MIG."""
        return next((each for each in _mig_tables() if gpu in each.gpus), None)

    def mig_profiles(self, gpu: str) -> tuple[MigProfile, ...]:
        """The profiles of a GPU (a catalog id), the smallest first; none for one without MIG."""
        table = self.mig_table(gpu)
        return mig_profiles_of(table.id) if table else ()

    def mig_profile(self, gpu: str, name: str | MigProfileName) -> MigProfile | None:
        """What a name or an alias of it means on a GPU (a catalog id); a compute instance's leads to its GPU instance.

        None for a name that does not exist there. Raises ValueError when `name` is no MIG profile name.
        """
        wanted = (MigProfileName.parse(name) if isinstance(name, str) else name).gpu_instance
        found = self.mig_profiles(gpu)
        exact = next((each for each in found if each.name == wanted), None)
        return exact or next((each for each in found if wanted in each.aliases), None)

    def mig_meanings(self, name: MigProfileName) -> tuple[tuple[MigTable, MigProfile], ...]:
        """Every kind of card that has a profile of this name or alias, with what it means there."""
        wanted = name.gpu_instance
        return tuple(
            (table, profile)
            for table in _mig_tables()
            for profile in mig_profiles_of(table.id)
            if wanted in (profile.name, *profile.aliases)
        )

    def suggest_mig(self, name: str, gpu: str | None = None) -> tuple[str, ...]:
        """MIG profiles, of one GPU or of all, somebody may have meant; at most three."""
        rows = loader.read("mig-profiles").rows
        table = self.mig_table(gpu) if gpu is not None else None
        known = [row["name"] for row in rows if gpu is None or (table is not None and row["table"] == table.id)]
        return mig_suggestions.suggest(name, tuple(dict.fromkeys(known)))

    @cached_property
    def _gpus_by_name(self) -> dict[str, list[int]]:
        """Every name in lower case, and the rows that bear it."""
        found: dict[str, list[int]] = {}
        for place, row in enumerate(loader.read("gpus").rows):
            for name in _called(row):
                found.setdefault(name, []).append(place)
        return found

    @cached_property
    def _boards(self) -> dict[str, loader.Row]:
        return {row["code"]: row for row in loader.read("boards").rows}

    @cached_property
    def _types(self) -> dict[str, loader.Row]:
        return {row["name"]: row for row in loader.read("vgpu-types").rows}


@cache
def load() -> Catalog:
    """The catalog of this installation, read once."""
    return Catalog()


@cache
def mig_profiles_of(table: str) -> tuple[MigProfile, ...]:
    """The profiles of one table, the smallest first."""
    return tuple(_mig_profile(row) for row in loader.read("mig-profiles").rows if row["table"] == table)


def _id(text: str) -> str:
    return text.strip().lower().removeprefix("0x")


def _called(row: loader.Row) -> set[str]:
    names = {row["id"], row["name"], *row.get("driver_names", ()), *row["device_ids"], *row["boards"]}
    return {name.casefold().removeprefix("nvidia ") for name in names}


def _gpu(row: loader.Row) -> GpuModel:
    return GpuModel(**loader.frozen(row))


@cache
def _vgpu_types(board: str) -> tuple[VgpuType, ...]:
    return tuple(_vgpu_type(row) for row in loader.read("vgpu-types").rows if row["board"] == board)


def _vgpu_type(row: loader.Row) -> VgpuType:
    return VgpuType(**(loader.frozen(row) | {"name": VgpuTypeName.parse(row["name"]), "mode": VgpuMode(row["mode"])}))


@cache
def _mig_tables() -> tuple[MigTable, ...]:
    return tuple(_mig_table(row) for row in loader.read("mig-tables").rows)


def _mig_table(row: loader.Row) -> MigTable:
    balanced = tuple((MigProfileName.parse(name), count) for name, count in row.get("balanced", ()))
    return MigTable(**(loader.frozen(row) | {"evidence": Evidence(row["evidence"]), "balanced": balanced}))


def _mig_profile(row: loader.Row) -> MigProfile:
    values: dict[str, Any] = loader.frozen(row) | {
        "name": MigProfileName.parse(row["name"]),
        "placements": tuple(Placement.parse(text) for text in row.get("placements", ())),
        "aliases": tuple(MigProfileName.parse(text) for text in row.get("aliases", ())),
    }
    return MigProfile(**values)
