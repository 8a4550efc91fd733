"""What all models of the grammar have in common.

Boundary: settings; the models themselves are `fleet`'s and `wants`'.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """One mapping of the document: no other keys, no other kinds of value, camel-case names."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True)


def left_out() -> None:
    """What a key that is not there stands for; as a default it would be shown to editors as a value to write."""
