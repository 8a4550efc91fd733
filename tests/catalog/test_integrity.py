"""The catalog's data agrees with itself: counts, references, names, sizes and limits."""

from collections import Counter
from dataclasses import fields
from typing import Any

import pytest

from gpucarve import catalog
from gpucarve.catalog import Board, GpuModel, VgpuMode, VgpuType, loader
from gpucarve.model.vgpu import VgpuTypeName

CATALOG = catalog.load()
BOARDS = [board for code in CATALOG.boards() if (board := CATALOG.board(code)) is not None]
TYPES = [each for board in CATALOG.boards() for each in CATALOG.vgpu_types(board)]
GPUS = {gpu.id: gpu for gpu in CATALOG.gpus()}
WITHOUT_SRIOV = {"Maxwell", "Pascal", "Volta", "Turing"}
# Sizes that NVIDIA prints and that are no multiple of 1024 MiB.
PRINTED_SIZES = {94: 96246, 24: 24672}


@pytest.mark.parametrize(("name", "kind"), [("gpus", GpuModel), ("boards", Board), ("vgpu-types", VgpuType)])
def test_a_files_sources_are_of_columns_that_exist(name: str, kind: Any) -> None:
    assert set(loader.read(name).header["columns"]) <= {field.name for field in fields(kind)}


def test_no_two_types_have_one_name_in_a_driver() -> None:
    seen = Counter(each.driver_name for each in TYPES if each.driver_name)
    assert [name for name, count in seen.items() if count > 1] == []


def test_every_type_belongs_to_a_board_and_every_board_has_as_many_as_it_says() -> None:
    counts = Counter(row["board"] for row in loader.read("vgpu-types").rows)
    assert counts == {board.code: board.types for board in BOARDS}


def test_boards_and_gpus_name_each_other() -> None:
    forward = {(gpu.id, board) for gpu in CATALOG.gpus() for board in gpu.boards}
    backward = {(gpu, board.code) for board in BOARDS for gpu in board.gpus}
    assert forward == backward


def test_a_board_is_what_its_gpus_are() -> None:
    for board in BOARDS:
        for gpu in (GPUS[name] for name in board.gpus):
            assert board.architecture == gpu.architecture
            assert board.gpus_per_board == gpu.gpus_per_board
            assert board.sriov_vgpu == gpu.sriov_vgpu
            assert gpu.vgpu
            assert gpu.memory_mib is not None
            # The names of a GB200's types say 189 GB where its memory is sold as 186.
            assert gpu.memory_mib == pytest.approx(board.framebuffer_gb * 1024, rel=0.02)


def test_sriov_vgpu_and_mixed_sizes_begin_with_ampere() -> None:
    for board in BOARDS:
        assert board.sriov_vgpu == (board.architecture not in WITHOUT_SRIOV)
        assert board.mixed_size == board.sriov_vgpu


def test_pci_ids_are_four_hex_digits_and_lead_to_one_gpu() -> None:
    seen = Counter(
        (device, sub) for gpu in CATALOG.gpus() for device in gpu.device_ids for sub in gpu.subsystem_ids or ("",)
    )
    assert [ids for ids, count in seen.items() if count > 1] == []
    for device, subsystem in seen:
        assert len(device) == 4
        assert int(device, 16) >= 0
        assert device == device.lower()
        found = CATALOG.gpu(device, subsystem or "ffff")
        assert found is not None
        assert device in found.device_ids
        assert subsystem in (found.subsystem_ids or ("",))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.code)
def test_the_names_of_a_boards_types_follow_the_grammar(board: Board) -> None:
    for each in CATALOG.vgpu_types(board.code):
        assert VgpuTypeName.parse(str(each.name)) == each.name
        assert each.name.board == board.code.split()[-1]
        if each.driver_name is not None:
            assert VgpuTypeName.parse(each.driver_name) == each.name
            assert each.driver_name.startswith(f"{board.name_prefix} ")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.code)
def test_a_framebuffer_is_what_the_name_says(board: Board) -> None:
    for each in CATALOG.vgpu_types(board.code):
        gigabytes = each.name.gigabytes
        nominal = 512 if gigabytes == 0 else gigabytes * 1024
        assert each.framebuffer_mib in (nominal, PRINTED_SIZES.get(gigabytes)), each.name


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.code)
def test_limits_fit_the_gpu(board: Board) -> None:
    for each in CATALOG.vgpu_types(board.code):
        assert each.max_per_gpu >= 1
        # A GPU instance's share is rounded up in the names and sizes of MIG-backed types.
        room = board.framebuffer_gb * 1024 * (1 if each.name.time_sliced else 1.03)
        assert each.max_per_gpu * each.framebuffer_mib <= room, each.name
        if each.max_mixed is not None:
            assert 1 <= each.max_mixed <= each.max_per_gpu
            assert board.mixed_size
        if each.max_per_gi is not None:
            assert each.max_per_gi <= each.max_per_gpu
            assert each.max_per_gpu % each.max_per_gi == 0


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.code)
def test_mig_backed_types_and_only_they_name_a_gpu_instance_of_their_width(board: Board) -> None:
    for each in CATALOG.vgpu_types(board.code):
        assert (each.mode is VgpuMode.TIME_SLICED) == each.name.time_sliced
        assert (each.gi_profile is None) == each.name.time_sliced
        if each.gi_profile is not None:
            slices, _, size = each.gi_profile.partition("g.")
            assert int(slices) == each.name.slices
            assert each.name.gigabytes <= int(size.partition("gb")[0])
            assert ("+me" in each.gi_profile) == (each.name.suffix == "ME")
            assert (each.mode is VgpuMode.MIG_BACKED) == (each.max_per_gi == 1)


def test_enough_virtual_functions_means_the_largest_limit_of_the_gpus_types() -> None:
    for gpu in CATALOG.gpus():
        limits = [each.max_per_gpu for board in gpu.boards for each in CATALOG.vgpu_types(board)]
        assert gpu.min_vfs_for_vgpu == (max(limits) if gpu.sriov_vgpu else None), gpu.id
        if gpu.total_vfs is not None and gpu.min_vfs_for_vgpu is not None:
            assert gpu.total_vfs >= gpu.min_vfs_for_vgpu


def test_a_type_shows_guests_the_device_id_of_a_gpu_of_its_board() -> None:
    for each in TYPES:
        board = CATALOG.board(each.board)
        assert board is not None
        if each.device_id is not None:
            assert each.device_id in {device for gpu in board.gpus for device in GPUS[gpu].device_ids}, each.name
            assert each.subsystem_id is not None


def test_a_type_number_has_a_source() -> None:
    for each in TYPES:
        assert (each.type_id is None) == (each.type_id_source is None)
