"""From a fleet document's text to its Spec: read, compose, validate, check, and say everything that is wrong at once.

Boundary: the order of the steps. Each step reports; only this module decides to give up.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from gpucarve.errors import DocumentError
from gpucarve.spec import compose, cuts, demands, names, problems, rollouts, secrecy, text, translate, tree
from gpucarve.spec.fleet import Spec


def load(source: str | bytes, file: str) -> Spec:
    """Read one fleet document; `file` is only what diagnostics call it.

    Raises DocumentError with every problem, in document order. Text of any kind and size ends in one of the two.
    """
    document = text.read(source)
    if document.problems:
        raise DocumentError(problems.diagnostics(document.problems, file, secrecy.guarded(document.lines)))
    composed = compose.compose(document.text)
    found = list(composed.problems)
    spec = None
    if composed.root is not None:
        try:
            spec = Spec.model_validate(tree.plain(composed.root), by_alias=True, by_name=False)
        except ValidationError as error:
            found += translate.problems(error, composed.root)
        root = composed.root
        found += [*names.problems(root), *rollouts.problems(root), *cuts.problems(root), *demands.problems(root)]
    if spec is None or found:
        lines = document.lines if composed.root else secrecy.guarded(document.lines)
        raise DocumentError(problems.diagnostics(found, file, secrecy.masked(lines, composed.secrets)))
    return spec


def json_schema() -> dict[str, Any]:
    """The grammar for editors and other programs: JSON Schema 2020-12, with the document's own key names."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Spec.model_json_schema(by_alias=True)}
