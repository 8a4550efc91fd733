"""vGPU type names: every form that drivers and documents use is read, and nothing else."""

import pytest

from gpucarve.model.vgpu import VgpuTypeName, strip_prefix


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("A100D-40C", ("A100D", 40, "C", None, "")),
        ("A100D-2-20C", ("A100D", 20, "C", 2, "")),
        ("A100-1-5CME", ("A100", 5, "C", 1, "ME")),
        ("A100-1-5CNOME", ("A100", 5, "C", 1, "NOME")),
        ("DC-4-96QGFX", ("DC", 96, "Q", 4, "GFX")),
        ("M60-0Q", ("M60", 0, "Q", None, "")),
        ("T4-1B4", ("T4", 1, "B", None, "4")),
        ("RTX6000-Ada-4Q", ("RTX6000-Ada", 4, "Q", None, "")),
        ("RTXA6000-24C", ("RTXA6000", 24, "C", None, "")),
    ],
)
def test_a_name_is_read_into_its_parts_and_printed_back(text: str, parts: tuple[object, ...]) -> None:
    name = VgpuTypeName.parse(text)
    assert (name.board, name.gigabytes, name.series, name.slices, name.suffix) == parts
    assert str(name) == text


@pytest.mark.parametrize(
    ("driver_name", "short"),
    [
        ("GRID A100D-40C", "A100D-40C"),
        ("NVIDIA A40-8Q", "A40-8Q"),
        ("NVIDIA RTX Pro 6000 Blackwell DC-1-24Q", "DC-1-24Q"),
        ("NVIDIA RTX 6000D-84C", "6000D-84C"),
        ("A40-8Q", "A40-8Q"),
    ],
)
def test_the_short_name_is_the_last_word_of_the_drivers(driver_name: str, short: str) -> None:
    assert strip_prefix(driver_name) == short
    assert str(VgpuTypeName.parse(driver_name)) == short


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A100D",
        "A100D-40",
        "A100D-40D",
        "A100D-040C",
        "A100D-40c",
        "A100D-40CME",  # attributes belong to GPU instances
        "A40-1Q4",  # four heads are a B type's
        "A40-1-1B4",
        "A100D-40C ",
        "foo A100D-40C",
        "1g.10gb",
        "nvidia-697",
        "A100D-1000C",
        "A100D-40C\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a vGPU type name"):
        VgpuTypeName.parse(text)


def test_only_names_with_slices_are_backed_by_mig() -> None:
    assert VgpuTypeName.parse("A100D-20C").time_sliced
    assert not VgpuTypeName.parse("A100D-2-20C").time_sliced
