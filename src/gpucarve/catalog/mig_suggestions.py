"""What somebody may have meant by a MIG profile's name that does not exist.

Boundary: names in, names out: a wrong case or a label's spelling first, then the instance of the same width and kind
that is nearest in size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucarve.catalog.suggestions import alike
from gpucarve.model.mig import MigProfileName

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 3
_LONGEST = 64


def suggest(name: str, known: Sequence[str]) -> tuple[str, ...]:
    """At most three of `known`, the likeliest first; none for something that resembles no name."""
    text = name.strip()[:_LONGEST].casefold().removeprefix("mig ").removeprefix("mig-")
    wanted = _parse(text)
    if wanted is None:
        return alike(text, {each.casefold(): each for each in known})
    if str(wanted) in known:
        return (str(wanted),)
    names = [MigProfileName.parse(each) for each in known]
    kin = [each for each in names if each.slices == wanted.slices and each.attribute == wanted.attribute]
    kin = kin or [each for each in names if each.slices == wanted.slices]
    kin.sort(key=lambda each: (abs(each.gigabytes - wanted.gigabytes), each.attribute.value))
    return tuple(str(each) for each in kin[:_MOST]) or alike(text, {each.casefold(): each for each in known})


def _parse(text: str) -> MigProfileName | None:
    for read in (MigProfileName.parse, MigProfileName.parse_dotted):
        try:
            return read(text).gpu_instance
        except ValueError:
            continue
    return None
