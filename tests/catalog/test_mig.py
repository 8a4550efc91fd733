"""MIG by card: tables that agree with themselves, with the GPUs and with the vGPU types, and their lookups."""

from __future__ import annotations

from collections import Counter

import pytest

from gpucarve import catalog
from gpucarve.catalog import Evidence, MigProfile, MigTable, mig_rules
from gpucarve.catalog.lookups import mig_profiles_of
from gpucarve.model.mig import MigAttribute, MigProfileName, Placement

CATALOG = catalog.load()
TABLES = CATALOG.mig_tables()
GPUS = {gpu.id: gpu for gpu in CATALOG.gpus()}
EACH_TABLE = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.id)
# Types whose name has another GB than mig-parted's name of the GPU instance, which the table has as an alias.
TYPES_BY_ALIAS = {
    "GB200-1-24C", "GB200-1-24CME", "GB200-3-95C", "GB200-4-95C", "GB200-7-189C",
}  # fmt: skip


def _disjoint(placements: tuple[Placement, ...]) -> int:
    """How many of the placements can be taken at once."""
    count, free_from = 0, 0
    for placement in sorted(placements, key=lambda each: each.end):
        if placement.start >= free_from:
            count, free_from = count + 1, placement.end
    return count


def _fits(gpu: str, *names: str, taken: tuple[Placement, ...] = (), slices: int = 0) -> bool:
    """Whether GPU instances of these names can stand on a GPU together."""
    if not names:
        return True
    table, profile = CATALOG.mig_table(gpu), CATALOG.mig_profile(gpu, names[0])
    assert table is not None
    assert profile is not None
    width = slices + (profile.compute_slices or 0)
    return width <= (table.compute_slices or 0) and any(
        _fits(gpu, *names[1:], taken=(*taken, place), slices=width)
        for place in profile.placements
        if not any(place.overlaps(other) for other in taken)
    )


def test_every_gpu_with_mig_has_one_table_and_no_other_gpu_has_one() -> None:
    listed = Counter(gpu for table in TABLES for gpu in table.gpus)
    assert set(listed) == {gpu.id for gpu in GPUS.values() if gpu.mig}
    assert set(listed.values()) == {1}


@EACH_TABLE
def test_mig_parted_names_devices_of_the_tables_gpus(table: MigTable) -> None:
    assert set(table.mig_parted_devices) <= {device for gpu in table.gpus for device in GPUS[gpu].device_ids}


@EACH_TABLE
def test_a_placement_lies_on_the_card_and_is_as_wide_as_its_profile(table: MigTable) -> None:
    for profile in mig_profiles_of(table.id):
        assert (table.placements_source is None) == (not profile.placements), profile.name
        assert len(set(profile.placements)) == len(profile.placements)
        for place in profile.placements:
            assert table.memory_slices is not None
            assert 0 <= place.start < place.end <= table.memory_slices
            assert place.size == profile.memory_slices


@EACH_TABLE
def test_as_many_instances_fit_as_the_table_says(table: MigTable) -> None:
    for profile in mig_profiles_of(table.id):
        rule = mig_rules.attribute(profile.name.attribute)
        limit = rule.max_per_gpu if rule else None
        if profile.placements:
            assert profile.max_count == min(_disjoint(profile.placements), limit or 99), profile.name
        elif limit is not None:
            assert profile.max_count == limit
        if profile.compute_slices and table.compute_slices:
            assert profile.max_count * profile.compute_slices <= table.compute_slices


@EACH_TABLE
def test_a_name_says_the_width_and_about_the_size(table: MigTable) -> None:
    for profile in mig_profiles_of(table.id):
        assert profile.compute_slices in (profile.name.slices, None)
        assert profile.name.compute is None
        gib = profile.memory_gib or (profile.memory_mib or 0) / 1024
        assert gib == 0 or 0.88 <= gib / profile.name.gigabytes <= 1.02, profile.name


@EACH_TABLE
def test_a_name_an_alias_and_a_number_stand_for_one_profile_of_a_card(table: MigTable) -> None:
    found = mig_profiles_of(table.id)
    names = Counter(name for profile in found for name in (profile.name, *profile.aliases))
    numbers = Counter(profile.profile_id for profile in found if profile.profile_id is not None)
    assert set((names + numbers).values()) == {1}


@EACH_TABLE
def test_profiles_of_a_measured_or_family_table_are_known_in_full(table: MigTable) -> None:
    for profile in mig_profiles_of(table.id):
        full = None not in (profile.profile_id, profile.nvml_profile, profile.compute_slices, profile.memory_slices)
        assert full == (table.evidence is not Evidence.NAMES)


def test_cards_of_one_family_differ_in_size_alone() -> None:
    def shape(profile: MigProfile) -> tuple[object, ...]:
        return (profile.profile_id, profile.nvml_profile, profile.placements, profile.max_count, profile.name.attribute)

    seven = [table for table in TABLES if table.family == "seven-slice"]
    assert len(seven) == 12
    assert len({tuple(shape(profile) for profile in mig_profiles_of(table.id)) for table in seven}) == 1


def test_nvml_numbers_are_known_names() -> None:
    numbers = {each.number for each in mig_rules.nvml_profiles()}
    used = {profile.nvml_profile for table in TABLES for profile in mig_profiles_of(table.id)}
    assert used - {None} <= numbers
    assert len(numbers) == len(mig_rules.nvml_profiles())


@EACH_TABLE
def test_the_balanced_mix_fits(table: MigTable) -> None:
    names = [str(name) for name, count in table.balanced for _ in range(count)]
    assert _fits(table.gpus[0], *names) if names else table.family not in ("seven-slice", "four-slice-a30")


@pytest.mark.parametrize(
    ("names", "fit"),
    [
        (("1g.10gb", "2g.20gb", "2g.20gb", "2g.20gb"), True),
        (("4g.40gb", "3g.40gb"), True),
        (("3g.40gb", "3g.40gb", "1g.10gb"), False),
        (("4g.40gb", "4g.40gb"), False),
        (("7g.80gb", "1g.10gb"), False),
        (("1g.10gb",) * 7, True),
        (("1g.10gb",) * 8, False),
    ],
)
def test_the_placements_of_an_a100_allow_what_the_card_allows(names: tuple[str, ...], fit: bool) -> None:
    assert _fits("a100-pcie-80gb", *names) is fit


def test_the_gpu_instance_of_every_mig_backed_type_exists_on_each_gpu_of_its_board() -> None:
    by_alias = set()
    for code in CATALOG.boards():
        board = CATALOG.board(code)
        assert board is not None
        for each in CATALOG.vgpu_types(code):
            if each.gi_profile is None:
                continue
            for gpu in board.gpus:
                profile = CATALOG.mig_profile(gpu, each.gi_profile)
                assert profile is not None, (each.name, gpu)
                assert profile.compute_slices == each.name.slices
                assert each.max_per_gi is not None
                assert each.max_per_gpu == each.max_per_gi * profile.max_count, each.name
                if str(profile.name) != each.gi_profile:
                    by_alias.add(str(each.name))
    assert by_alias == TYPES_BY_ALIAS


def test_one_name_means_different_things_on_different_cards() -> None:
    small, large = CATALOG.mig_profile("a100-pcie-40gb", "1g.10gb"), CATALOG.mig_profile("a100-pcie-80gb", "1g.10gb")
    assert small is not None
    assert large is not None
    assert (small.profile_id, small.max_count, small.memory_slices) == (15, 4, 2)
    assert (large.profile_id, large.max_count, large.memory_slices) == (19, 7, 1)
    meanings = CATALOG.mig_meanings(MigProfileName.parse("1g.10gb"))
    assert [table.id for table, _ in meanings] == ["a100-40gb", "a100-80gb", "h100-80gb"]


def test_a_profile_is_found_by_its_name_an_alias_and_a_compute_instance_in_it() -> None:
    for gpu, spelling, name in (
        ("a30", "2g.12gb+me", "2g.12gb+me"),
        ("a30", "MIG 1g.6gb", "1g.6gb"),
        ("gb200", "1g.24gb+me", "1g.23gb+me"),
        ("a100-pcie-40gb", "1c.3g.20gb", "3g.20gb"),
    ):
        found = CATALOG.mig_profile(gpu, spelling)
        assert found is not None
        assert str(found.name) == name


def test_a_name_that_fits_the_grammar_need_not_exist_on_a_card() -> None:
    assert CATALOG.mig_profile("a100-pcie-80gb", "1g.5gb") is None
    assert CATALOG.mig_profile("t4", "1g.5gb") is None
    assert CATALOG.mig_profiles("t4") == ()
    assert CATALOG.mig_table("t4") is None
    with pytest.raises(ValueError, match="is not a MIG profile name"):
        CATALOG.mig_profile("a30", "1g")


@pytest.mark.parametrize(
    ("slip", "gpu", "first"),
    [
        ("1G.10GB", None, "1g.10gb"),
        ("mig-1g.10gb.me", None, "1g.10gb+me"),
        ("1g.10gb", "a30", "1g.6gb"),
        ("3g.41gb", "a100-pcie-80gb", "3g.40gb"),
        ("1g.5gb+me", "a100-pcie-80gb", "1g.10gb+me"),
        ("2g10gb", None, "2g.10gb"),
    ],
)
def test_a_slip_gets_the_profile_that_was_meant_first(slip: str, gpu: str | None, first: str) -> None:
    meant = CATALOG.suggest_mig(slip, gpu)
    assert meant[0] == first
    assert len(meant) <= 3


@pytest.mark.parametrize("word", ["", "zzz", "A100D-40C", "x" * 10_000])
def test_a_word_that_resembles_no_profile_gets_no_suggestion(word: str) -> None:
    assert CATALOG.suggest_mig(word) == ()


def test_a_gpu_without_mig_has_no_profile_to_suggest() -> None:
    assert CATALOG.suggest_mig("1g.10gb", "t4") == ()


def test_switching_mig_resets_an_ampere_and_nothing_newer() -> None:
    for gpu in (gpu for gpu in GPUS.values() if gpu.mig):
        change = mig_rules.mode_change(gpu)
        assert change is not None, gpu.id
        assert (change.mode_change == "gpu-reset") == (gpu.architecture == "Ampere")
    assert mig_rules.mode_change(GPUS["t4"]) is None


def test_one_instance_of_a_gpu_has_the_media_engines_that_are_there_once() -> None:
    media, no_media = mig_rules.attribute(MigAttribute.MEDIA), mig_rules.attribute(MigAttribute.NO_MEDIA)
    assert media is not None
    assert media.max_per_gpu == 1
    assert no_media is not None
    assert no_media.max_per_gpu is None
    assert mig_rules.attribute(MigAttribute.NONE) is None
