"""The way over all changes of kind, which stories go."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from tests.story.kinds import walk


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_a_walk_takes_each_change_of_kind_once_and_ends_where_it_began(number: int) -> None:
    kinds = tuple("abcdef"[:number])
    way = walk(kinds)
    assert way[0] == way[-1] == kinds[0]
    assert sorted(pairwise(way)) == sorted(permutations(kinds, 2))
