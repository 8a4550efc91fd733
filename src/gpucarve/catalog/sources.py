"""Where the catalog's facts were read, and how far each place can be trusted.

Boundary: two values. Which fact has which source is the data files' to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Confidence(Enum):
    """How far a source goes: a vendor's page or code; a capture or a checked computation; hearsay."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts were read. `code` is what the entries cite."""

    code: str
    title: str
    confidence: Confidence
