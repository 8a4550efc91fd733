"""Who is served by what: amounts of kinds to the requests that they serve.

Boundary: a flow from kinds to rows where one of a kind is one to whoever gets it. Requests to which kinds are worth
different amounts are `mip`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from gpucarve.layout.fitting.models import Row


def plain(rows: Sequence[Row]) -> bool:
    """Whether one of a kind is one to every request."""
    return all(worth == 1 for row in rows for _, worth in row.options)


def useful(rows: Sequence[Row], kinds: int) -> tuple[int, ...]:
    """How much of each kind can be of use."""
    found = [0] * kinds
    for row in rows:
        for kind, worth in row.options:
            found[kind] += -(-row.need // worth)
    return tuple(found)


def serve(rows: Sequence[Row], amounts: Sequence[int]) -> tuple[dict[tuple[int, int], int], dict[int, int]]:
    """As much as can be: (row, kind) to amount, and what is left unmet by row."""
    left = list(amounts)
    given: dict[tuple[int, int], int] = {}
    unmet: dict[int, int] = {}
    options = {row.request: [kind for kind, _ in row.options] for row in rows}
    for row in sorted(rows, key=lambda each: len(each.options)):
        missing = row.need
        while missing:
            got = _one_more(row.request, options, left, given, missing)
            if not got:
                break
            missing -= got
        if missing:
            unmet[row.request] = missing
    return {key: number for key, number in sorted(given.items()) if number}, dict(sorted(unmet.items()))


def _one_more(
    row: int, options: dict[int, list[int]], left: list[int], given: dict[tuple[int, int], int], wanted: int
) -> int:
    """Give a row some more, if need be by giving another row something else instead; how much it got."""
    seen = {row}
    way: list[tuple[int, list[tuple[int, int, int]]]] = [(row, [])]
    for here, steps in way:
        for kind in options[here]:
            taken = (*steps, (here, kind, -1))
            if left[kind]:
                amount = min([wanted, left[kind], *(given[other, was] for _, was, other in steps)])
                left[kind] -= amount
                for mine, now, other in taken:
                    given[mine, now] = given.get((mine, now), 0) + amount
                    if other >= 0:
                        given[other, now] -= amount
                return amount
            for other in options:
                if other not in seen and given.get((other, kind), 0):
                    seen.add(other)
                    way.append((other, [*steps, (here, kind, other)]))
    return 0
