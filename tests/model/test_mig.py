"""MIG profile names and placements: every form in use is read, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucarve.model.mig import MigAttribute, MigProfileName, Placement

NAMES = st.builds(
    lambda slices, gigabytes, attribute, compute: MigProfileName(
        slices, gigabytes, attribute, compute if compute < slices else None
    ),
    st.integers(1, 8),
    st.integers(0, 999),
    st.sampled_from(MigAttribute),
    st.integers(1, 8),
)
PLACEMENTS = st.builds(Placement, st.integers(0, 12), st.integers(1, 12))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1g.10gb", (1, 10, MigAttribute.NONE, None)),
        ("1c.3g.20gb", (3, 20, MigAttribute.NONE, 1)),
        ("1g.5gb+me", (1, 5, MigAttribute.MEDIA, None)),
        ("2g.48gb+me.all", (2, 48, MigAttribute.ALL_MEDIA, None)),
        ("1g.24gb-me", (1, 24, MigAttribute.NO_MEDIA, None)),
        ("4g.96gb+gfx", (4, 96, MigAttribute.GRAPHICS, None)),
        ("1c.2g.24gb+gfx", (2, 24, MigAttribute.GRAPHICS, 1)),
        ("7g.141gb", (7, 141, MigAttribute.NONE, None)),
        ("1g.0gb", (1, 0, MigAttribute.NONE, None)),
    ],
)
def test_a_name_is_read_into_its_parts_and_printed_back(text: str, parts: tuple[object, ...]) -> None:
    name = MigProfileName.parse(text)
    assert (name.slices, name.gigabytes, name.attribute, name.compute) == parts
    assert str(name) == text


@given(NAMES)
def test_printing_and_reading_give_the_same_name_in_both_spellings(name: MigProfileName) -> None:
    assert MigProfileName.parse(str(name)) == name
    assert MigProfileName.parse_dotted(name.dotted) == name
    assert MigProfileName.parse(f"MIG {name}") == name


def test_a_compute_instance_that_fills_its_gpu_instance_has_its_name() -> None:
    assert MigProfileName.parse("3c.3g.20gb") == MigProfileName.parse("3g.20gb")


def test_a_compute_instance_leads_to_its_gpu_instance() -> None:
    assert str(MigProfileName.parse("1c.3g.20gb").gpu_instance) == "3g.20gb"
    assert str(MigProfileName.parse("3g.20gb").gpu_instance) == "3g.20gb"


@pytest.mark.parametrize(
    ("name", "dotted"), [("1g.5gb+me", "1g.5gb.me"), ("1g.24gb+me.all", "1g.24gb.me.all"), ("1g.24gb-me", "1g.24gb-me")]
)
def test_labels_write_a_dot_for_the_plus_and_keep_the_hyphen(name: str, dotted: str) -> None:
    assert MigProfileName.parse(name).dotted == dotted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1g",
        "1g.10",
        "1G.10GB",
        "0g.10gb",
        "9g.10gb",
        "1g.010gb",
        "1g.1000gb",
        "1g.10gb+foo",
        "1g.10gb+me,gfx",
        "1g.10gb.me",  # a label's spelling
        "1g.10gb+me\n",
        " 1g.10gb",
        "0c.1g.10gb",
        "A100D-40C",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a MIG profile name"):
        MigProfileName.parse(text)


@pytest.mark.parametrize("text", ["1g.10gb+me", "1g.10gb.ME", "mig-1g.10gb", ""])
def test_a_name_with_a_plus_is_no_label(text: str) -> None:
    with pytest.raises(ValueError, match="is not a MIG profile name"):
        MigProfileName.parse_dotted(text)


def test_a_compute_instance_cannot_be_wider_than_its_gpu_instance() -> None:
    with pytest.raises(ValueError, match="4 compute slices of a GPU instance that has 3"):
        MigProfileName.parse("4c.3g.20gb")


@given(PLACEMENTS)
def test_a_placement_is_printed_as_it_is_read(placement: Placement) -> None:
    assert Placement.parse(str(placement)) == placement


@pytest.mark.parametrize("text", ["", "4", "4:0", "04:4", "4:-1", "-1:4", "4:4:4", "100:1", "4 :4"])
def test_another_text_is_no_placement(text: str) -> None:
    with pytest.raises(ValueError, match="is not a placement"):
        Placement.parse(text)


@given(PLACEMENTS, PLACEMENTS)
def test_placements_overlap_when_they_share_a_slice(one: Placement, other: Placement) -> None:
    shared = set(range(one.start, one.end)) & set(range(other.start, other.end))
    assert one.overlaps(other) == other.overlaps(one) == bool(shared)
