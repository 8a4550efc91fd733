"""A fleet document that was loaded, named by its content.

Boundary: a value.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gpucarve.model.hosts import Target
from gpucarve.spec import Spec


@dataclass(frozen=True, slots=True)
class Fleet:
    """A loaded document and the digest of its text."""

    spec: Spec
    digest: str

    @classmethod
    def of(cls, spec: Spec, text: bytes) -> Fleet:
        """Name the document by its content."""
        return cls(spec, hashlib.sha256(text).hexdigest())

    @property
    def name(self) -> str:
        """The fleet's name."""
        return str(self.spec.metadata.name)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every host, in the document's order."""
        return tuple(target for target, _, _ in self.spec.hosts())
