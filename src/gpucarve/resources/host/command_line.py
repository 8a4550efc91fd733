"""Kernel arguments as tokens, and as they stand in /etc/default/grub.

Arguments are merged by key: a token of the same key is changed where it stands, a missing one is appended, all
others stay as they are, in their order. Only literal assignments are edited; anything the shell would have to
expand is refused rather than guessed.

Boundary: text in, text out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

VARIABLES = ("GRUB_CMDLINE_LINUX_DEFAULT", "GRUB_CMDLINE_LINUX")

_MENTION = re.compile(r"^\s*(?:export\s+)?(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)\s*\+?=")
_LITERAL = re.compile(
    r"""^(?P<head>\s*(?:export\s+)?(?P<name>GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=)"""
    r"""(?:"(?P<double>[^"$`\\]*)"|'(?P<single>[^']*)'|(?P<bare>[A-Za-z0-9_=,.:/+-]*))(?P<tail>\s*(?:\#.*)?)$"""
)


class NotLiteral(ValueError):
    """An assignment that the shell would expand; the message names the line."""


def key_of(argument: str) -> str:
    """`intel_iommu` of `intel_iommu=on`."""
    return argument.partition("=")[0]


def satisfied(tokens: Iterable[str], argument: str) -> bool:
    """Whether the last token of the argument's key gives its value; in a list such as `on,sm_on` one word suffices."""
    key, _, value = argument.partition("=")
    values = [token.partition("=")[2] for token in tokens if key_of(token) == key]
    return bool(values) and (value == values[-1] or (bool(value) and value in values[-1].split(",")))


def values_of(tokens: Iterable[str], keys: Iterable[str]) -> tuple[str, ...]:
    """The tokens whose key is among `keys`, in order."""
    wanted = set(keys)
    return tuple(token for token in tokens if key_of(token) in wanted)


def given(defaults: str) -> tuple[str, ...]:
    """The tokens of both variables, in the order in which grub-mkconfig puts them. Raises NotLiteral."""
    return tuple(token for variable in reversed(VARIABLES) for token in _tokens(defaults, variable))


def merge(defaults: str, arguments: Sequence[str]) -> str:
    """/etc/default/grub with these arguments in force. Raises NotLiteral."""
    for argument in arguments:
        if any(key_of(token) == key_of(argument) for token in given(defaults)):
            defaults = _edit(defaults, VARIABLES, partial(_replace, argument))
        else:
            defaults = _edit(defaults, ("GRUB_CMDLINE_LINUX",), partial(_append, argument))
    return defaults


def unmerge(defaults: str, earlier: str, arguments: Sequence[str]) -> str:
    """/etc/default/grub with the keys of `arguments` as they were in the `earlier` text; all else as it is now."""
    keys = {key_of(argument) for argument in arguments}
    for variable in VARIABLES:
        before = values_of(_tokens(earlier, variable), keys)
        defaults = _edit(defaults, (variable,), partial(_put_back, before, keys))
    return defaults


def _append(argument: str, tokens: list[str]) -> list[str]:
    return [*tokens, argument]


def _replace(argument: str, tokens: list[str]) -> list[str]:
    return [
        argument if key_of(token) == key_of(argument) and not satisfied([token], argument) else token
        for token in tokens
    ]


def _put_back(before: Sequence[str], keys: set[str], tokens: list[str]) -> list[str]:
    """Our keys' tokens give way to the earlier ones, at the place of the first."""
    place = next((index for index, token in enumerate(tokens) if key_of(token) in keys), len(tokens))
    rest = [token for token in tokens if key_of(token) not in keys]
    return [*rest[:place], *before, *rest[place:]]


def _literals(defaults: str) -> dict[str, tuple[int, re.Match[str]]]:
    """The assignment in force of each variable: line index and match. Raises NotLiteral."""
    found: dict[str, tuple[int, re.Match[str]]] = {}
    for index, line in enumerate(defaults.split("\n")):
        if not _MENTION.match(line):
            continue
        match = _LITERAL.match(line)
        if match is None:
            raise NotLiteral(f"line {index + 1} is not a plain assignment: {line.strip()[:120]}")
        found[match["name"]] = (index, match)
    return found


def _tokens(defaults: str, variable: str) -> list[str]:
    place = _literals(defaults).get(variable)
    return _value(place[1]).split() if place else []


def _value(match: re.Match[str]) -> str:
    return match["double"] or match["single"] or match["bare"] or ""


def _edit(defaults: str, variables: Sequence[str], change: Callable[[list[str]], list[str]]) -> str:
    lines = defaults.split("\n")
    places = _literals(defaults)
    for variable in variables:
        if variable in places:
            index, match = places[variable]
            tokens = _value(match).split()
            changed = change(tokens)
            if changed != tokens:
                lines[index] = f'{match["head"]}"{" ".join(changed)}"{match["tail"]}'
        elif changed := change([]):
            at = len(lines) - 1 if lines[-1] == "" else len(lines)
            lines.insert(at, f'{variable}="{" ".join(changed)}"')
    return "\n".join(lines)
