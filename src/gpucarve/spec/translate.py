"""pydantic's errors as problems in the document's own words.

Boundary: one error to one problem at its place in the tree, or to none where the tree or `cuts` has said it better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gpucarve.spec import grammar, later
from gpucarve.spec.problems import MOST_SHOWN, Problem, alike, nothing_meant, quoted
from gpucarve.spec.secrecy import is_secret
from gpucarve.spec.tree import Broken, Node, Path, Place, Scalar, Sequence, Span, Table, find

_SLIPS = 20
# Some errors are told by others, so more are looked at than can be shown.
_MOST_DROPPED = 4
# Digits that `compose` leaves as text, since there are too many of them.
_HUGE = re.compile(r"[1-9][0-9]{18,}")
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
}


def problems(error: ValidationError, root: Node) -> Iterator[Problem]:
    """Every error that is not already told, of as many as can be shown, and more."""
    located = [(tuple(step for step in detail["loc"] if step != "[key]"), detail) for detail in error.errors()]
    located.sort(key=lambda each: find(root, each[0]).head)
    for path, detail in located[: _MOST_DROPPED * MOST_SHOWN]:
        # The key of a missing or unknown field is no part of the way to the node that lacks or has it.
        owner = path[:-1] if detail["type"] in ("missing", "extra_forbidden") else path
        if not isinstance(find(root, owner).node, Broken) and (problem := _problem(detail, path, root)):
            yield problem


def _problem(detail: ErrorDetails, path: Path, root: Node) -> Problem | None:
    place = find(root, path)
    kind = detail["type"]
    context = detail.get("ctx", {})
    match kind:
        case "missing":
            return _missing(path, find(root, path[:-1]))
        case "extra_forbidden":
            return _unknown(path, place)
        case "literal_error":
            return _wrong_word(path, place)
        case "refused":
            meant = context.get("meant", nothing_meant)
            return Problem(_at(detail, place), path, context["problem"], context["hint"], meant)
        case "vgpu_name" | "mig_name" | "one_kind":
            return None
        case "too_short":
            # pydantic counts the entries that are right, so it says this of a list whose entries are all wrong too.
            return _empty(path, place) if _is_empty(place.node) else None
        case "greater_than_equal" | "less_than_equal":
            bound = context.get("ge", context.get("le"))
            most = "least" if kind == "greater_than_equal" else "most"
            message = f"{_text(place.node)} is too {'small' if most == 'least' else 'large'}"
            return Problem(place.node.span, path, message, f"write a number of at {most} {bound}")
        case _ if kind in _WANTED:
            return _wrong_kind(_WANTED[kind], path, place)
        case _:
            return Problem(place.node.span, path, detail["msg"])


def _at(detail: ErrorDetails, place: Place) -> Span:
    """A wrong key is marked itself, a wrong value as well."""
    return place.head if "[key]" in detail["loc"] else place.node.span


def _missing(path: Path, owner: Place) -> Problem | None:
    name = str(path[-1])
    if isinstance(owner.node, Table) and _is_misspelt(name, path[:-1], owner.node):
        return None
    example = grammar.example(path)
    hint = f"add `{name}: {example}`" if example else f"add `{name}:`, {grammar.rule(path).get('description', '')}"
    what = "the document" if len(path) == 1 else "this entry" if isinstance(path[-2], int) else quoted(str(path[-2]))
    span = owner.head if owner.key or not isinstance(owner.node, Table) else _first_key(owner.node)
    return Problem(span, path[:-1], f"{quoted(name)} is missing in {what}", hint)


def _is_misspelt(name: str, owner: Path, table: Table) -> bool:
    """Whether an unknown key stands there that will be told to be a slip of this one."""
    known = grammar.keys(owner)
    unknown = (key for key in table.entries if key not in known)
    return any(name in alike(key, known) for key in islice(unknown, _SLIPS))


def _is_empty(node: Node) -> bool:
    return not (node.items if isinstance(node, Sequence) else node.entries if isinstance(node, Table) else ())


def _first_key(table: Table) -> Span:
    return next((entry.span for entry in table.entries.values()), table.span)


def _unknown(path: Path, place: Place) -> Problem:
    owner, word = path[:-1], str(path[-1])
    if to_come := later.key(grammar.place(owner), word):
        reason, hint = to_come
        return Problem(place.head, owner, f"{quoted(word)} is not supported yet: {reason}", hint)
    if is_secret(word):
        hint = "remove it; a private key is named by `identityFile`, and an agent's keys are used as they are"
        return Problem(
            place.head, owner, f"{quoted(word)} is no key of the document, and secrets never stand in it", hint
        )
    known = grammar.keys(owner)
    hint = "known here: " + ", ".join(known)
    return Problem(place.head, owner, f"unknown key {quoted(word)}", hint, partial(alike, word, known))


def _wrong_word(path: Path, place: Place) -> Problem:
    rule = grammar.rule(path)
    words = [str(word) for word in rule.get("enum", (rule.get("const"),))]
    name, word = (
        next(each for each in reversed(path) if isinstance(each, str)),
        place.node.text if isinstance(place.node, Scalar) else "",
    )
    if to_come := later.value(grammar.place(path), word):
        reason, hint = to_come
        return Problem(place.node.span, path, f"{name} {quoted(word)} is not supported yet: {reason}", hint)
    message = f"{_text(place.node)} is no {name}"
    hint = f"write `{name}: {words[0]}`" if len(words) == 1 else "write one of " + ", ".join(words)
    return Problem(place.node.span, path, message, hint, partial(alike, word, words))


def _empty(path: Path, place: Place) -> Problem:
    example = grammar.example(path)
    hint = f"write `{path[-1]}: {example}`" if example else "add at least one entry"
    return Problem(place.head, path, f"{quoted(str(path[-1]))} is empty", hint)


def _wrong_kind(wanted: str, path: Path, place: Place) -> Problem:
    node = place.node
    name = "the document" if not path else "this entry" if isinstance(path[-1], int) else quoted(str(path[-1]))
    if isinstance(node, Scalar) and node.value is None:
        return Problem(place.head, path, f"{name} has no value; {wanted} is expected", _how(wanted, path, node))
    if wanted == "a whole number" and isinstance(node, Scalar) and _HUGE.fullmatch(node.text):
        return Problem(node.span, path, f"{quoted(node.text)} is too large", "write a number that a fleet can need")
    return Problem(node.span, path, f"{name} is {_text(node)}; {wanted} is expected", _how(wanted, path, node))


def _how(wanted: str, path: Path, node: Node) -> str:
    """What to write instead."""
    if wanted == "text" and isinstance(node, Scalar) and node.value is not None:
        return f'quote it to make it text: "{node.text}"'
    if example := grammar.example(path):
        return f"write `{path[-1]}: {example}`"
    if wanted == "a list":
        return "begin each entry with `- `"
    if wanted == "a mapping":
        return "write `key: value` lines"
    if isinstance(node, Scalar) and node.text.endswith("%"):
        return "percentages are not taken; count them, and write the number"
    return "write it in digits, without quotes or leading zeros" if wanted == "a whole number" else ""


def _text(node: Node) -> str:
    """A node in a message."""
    match node:
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=str()):
            return f"the text {quoted(node.text)}"
        case Scalar():
            return quoted(node.text)
        case Sequence():
            return "a list"
        case _:
            return "a mapping"
