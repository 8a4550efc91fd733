"""Questions to the catalog and what it answers when the answer is not plain."""

import pytest

from gpucarve import catalog
from gpucarve.catalog import Confidence, GpuModel, VgpuMode
from gpucarve.model.vgpu import VgpuTypeName

CATALOG = catalog.load()


def _id(gpu: GpuModel | None) -> str | None:
    return gpu.id if gpu else None


def test_the_a100_of_the_first_slice_is_known() -> None:
    gpu = CATALOG.gpu("20b5")
    assert gpu is not None
    assert (gpu.id, gpu.architecture, gpu.memory_mib, gpu.boards) == ("a100-pcie-80gb", "Ampere", 81920, ("A100D",))
    assert (gpu.sriov_vgpu, gpu.min_vfs_for_vgpu, gpu.first_vf_function, gpu.mig) == (True, 20, 4, True)


def test_its_vgpu_type_is_known_with_limits_and_the_sources_of_both() -> None:
    found = CATALOG.vgpu_type("A100D-40C")
    assert found is not None
    assert (found.board, found.framebuffer_mib, found.mode) == ("A100D", 40960, VgpuMode.TIME_SLICED)
    assert (found.max_per_gpu, found.type_id, found.driver_name) == (2, 697, "GRID A100D-40C")
    assert CATALOG.sources[found.max_source].confidence is Confidence.HIGH
    assert found.type_id_source is not None
    assert CATALOG.sources[found.type_id_source].confidence is Confidence.MEDIUM


def test_ids_are_taken_as_sysfs_prints_them() -> None:
    assert _id(CATALOG.gpu("0x20B5", "0x1533")) == "a100-pcie-80gb"


@pytest.mark.parametrize(
    ("device", "subsystem", "expected"),
    [
        ("25b6", "157e", "a2"),
        ("25b6", "14a9", "a16"),
        ("25b6", None, None),
        ("25b6", "ffff", None),
        ("1e30", "129e", "quadro-rtx-8000"),
        ("1e30", "12ba", "quadro-rtx-6000"),
        ("1e30", None, None),
        ("2bb3", "204d", "rtx-pro-5000-blackwell"),
        ("2bb3", "227a", None),
        ("20b5", None, "a100-pcie-80gb"),
        ("ffff", None, None),
        ("", None, None),
    ],
)
def test_a_device_id_that_stands_for_two_boards_needs_the_subsystem_id(
    device: str, subsystem: str | None, expected: str | None
) -> None:
    assert _id(CATALOG.gpu(device, subsystem)) == expected


def test_a_gpu_with_virtual_functions_need_not_make_vgpus_on_them() -> None:
    t4 = CATALOG.gpu("1eb8")
    assert t4 is not None
    assert t4.total_vfs == 16
    assert t4.sriov_vgpu is False


def test_a_gpu_is_found_by_the_catalogs_own_name() -> None:
    assert _id(CATALOG.gpu_model("t4")) == "t4"
    assert CATALOG.gpu_model("t5") is None


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("A100D-40C", "A100D-40C"),
        ("GRID A100D-40C", "A100D-40C"),
        ("NVIDIA RTX Pro 6000 Blackwell DC-24Q", "DC-24Q"),
        ("DC-1-24QGFX", "DC-1-24Q"),
        ("T4-1B4", "T4-1B4"),
    ],
)
def test_a_type_is_found_by_every_spelling_in_use(spelling: str, name: str) -> None:
    found = CATALOG.vgpu_type(spelling)
    assert found is not None
    assert str(found.name) == name
    assert CATALOG.vgpu_type(found.name) == found


@pytest.mark.parametrize("name", ["A100D-30C", "a100d-40c", "", "A100D", "nvidia-697"])
def test_a_type_that_does_not_exist_is_none(name: str) -> None:
    assert CATALOG.vgpu_type(name) is None


def test_a_name_that_fits_the_grammar_need_not_exist() -> None:
    assert CATALOG.vgpu_type(VgpuTypeName.parse("A100D-30C")) is None


def test_a_boards_types_come_without_another_boards() -> None:
    assert {each.name.board for each in CATALOG.vgpu_types("A100")} == {"A100"}
    assert CATALOG.vgpu_types("A1") == ()


def test_a_drivers_number_leads_to_the_types_that_had_it() -> None:
    assert [str(each.name) for each in CATALOG.vgpu_types_by_id(697)] == ["A100D-40C"]
    assert CATALOG.vgpu_types_by_id(0) == ()


def test_an_unknown_board_is_none() -> None:
    assert CATALOG.board("A1") is None


@pytest.mark.parametrize(
    ("slip", "first"),
    [
        ("a100d-40c", "A100D-40C"),
        ("A100D-30C", "A100D-40C"),
        ("A100-80C", "A100D-80C"),
        ("A1OOD-40C", "A100D-40C"),
        ("A100D-2-30C", "A100D-2-20C"),
        ("RTX6000_Ada-4Q", "RTX6000-Ada-4Q"),
        ("GRID A100D-41C", "A100D-40C"),
        ("A100D40C", "A100D-40C"),
    ],
)
def test_a_slip_gets_the_name_that_was_meant_first(slip: str, first: str) -> None:
    meant = CATALOG.suggest(slip)
    assert meant[0] == first
    assert len(meant) <= 3
    assert all(CATALOG.vgpu_type(name) for name in meant)


@pytest.mark.parametrize("word", ["", "zzz", "1g.10gb", "x" * 10_000])
def test_a_word_that_resembles_no_name_gets_no_suggestion(word: str) -> None:
    assert CATALOG.suggest(word) == ()


def test_a_part_of_a_gpus_name_suggests_the_gpus_that_have_it() -> None:
    assert "quadro-rtx-6000" in CATALOG.suggest_gpu("quadro")
    assert CATALOG.suggest_gpu("rt") == ()
