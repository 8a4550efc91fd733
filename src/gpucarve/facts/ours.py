"""What gpucarve itself keeps on the host: the lease, the record of the last program, the claims.

Boundary: reads `gpucarve.calls.state`'s layout; what a claim means is the resource's that wrote it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from gpucarve.calls import state
from gpucarve.calls.primitives import KIB, ReadFiles
from gpucarve.calls.programs import Lease
from gpucarve.calls.replies import Reply
from gpucarve.facts.observed import Probe, Unreadable, whole


@dataclass(frozen=True, slots=True)
class Ours:
    """`claims` by the local part of the resource's key."""

    lease: Lease = field(default_factory=Lease)
    record: state.Record | None = None
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)

    def interrupted(self, boot_id: str) -> bool:
        """Whether a program began under this boot and has not ended: it works still, or died."""
        return self.record is not None and not self.record.ended and self.record.boot == boot_id

    def text(self, claim: str, name: str) -> str:
        """One entry of a claim's record. Raises Unreadable when it is not there as text: somebody edited it."""
        value = self.claims[claim].get(name)
        if not isinstance(value, str):
            raise Unreadable(f"{state.CLAIMS}/{claim}/record is damaged: it does not say {name!r}")
        return value


def _parse(replies: tuple[Reply, ...]) -> Ours:
    files = whole(replies[0])
    texts = {path: file.content.decode("utf-8", "replace") for path, file in files.items()}
    try:
        lease = state.parse_lease(texts.get(state.LEASE, ""))
        claims = {
            path.split("/")[-2]: dict(json.loads(text))
            for path, text in texts.items()
            if path.startswith(f"{state.CLAIMS}/")
        }
    except (RecursionError, TypeError, ValueError) as error:
        raise Unreadable(f"what gpucarve keeps under {state.ROOT} is damaged: {error}") from error
    return Ours(lease, state.parse_record(texts.get(state.RECORD, "")), claims)


PROBE = Probe("ours", (ReadFiles((state.LEASE, state.RECORD, f"{state.CLAIMS}/*/record"), limit=64 * KIB),), _parse)
