"""The way over all changes of kind, which stories go."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import pytest

from tests.story.kinds import stroll, walk


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_a_walk_takes_each_change_of_kind_once_and_ends_where_it_began(number: int) -> None:
    kinds = tuple("abcdef"[:number])
    way = walk(kinds)
    assert way[0] == way[-1] == kinds[0]
    assert sorted(pairwise(way)) == sorted(permutations(kinds, 2))


@pytest.mark.parametrize("number", [3, 5, 7])
def test_a_stroll_takes_each_pair_of_kinds_once(number: int) -> None:
    kinds = tuple("abcdefg"[:number])
    way = stroll(kinds)
    assert way[0] == way[-1] == kinds[0]
    assert sorted(tuple(sorted(each)) for each in pairwise(way)) == sorted(combinations(kinds, 2))
