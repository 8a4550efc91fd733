"""A fleet document that was loaded, named by its content, and which of its hosts are meant.

Boundary: a value.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from gpucarve.model.hosts import Target
from gpucarve.plan.rollouts import SiteRollout
from gpucarve.spec import Pool, Site, Spec


@dataclass(frozen=True, slots=True)
class Fleet:
    """A loaded document and the digest of its text. `only` are the hosts that are meant; None means all."""

    spec: Spec
    digest: str
    only: frozenset[Target] | None = None

    @classmethod
    def of(cls, spec: Spec, text: bytes) -> Fleet:
        """Name the document by its content."""
        return cls(spec, hashlib.sha256(text).hexdigest())

    def limited(self, targets: Collection[Target]) -> Fleet:
        """The same document, about these hosts alone."""
        return replace(self, only=frozenset(targets))

    @property
    def name(self) -> str:
        """The fleet's name."""
        return str(self.spec.metadata.name)

    def hosts(self) -> Iterator[tuple[Target, Site, Pool]]:
        """Every host that is meant, in the document's order."""
        return (each for each in self.spec.hosts() if self.only is None or each[0] in self.only)

    @property
    def targets(self) -> tuple[Target, ...]:
        """Every host that is meant, in the document's order."""
        return tuple(target for target, _, _ in self.hosts())

    @property
    def rollouts(self) -> tuple[SiteRollout, ...]:
        """How a plan for these hosts goes over each site."""
        hosts: defaultdict[str, list[Target]] = defaultdict(list)
        for target in self.targets:
            hosts[target.site].append(target)
        return tuple(
            SiteRollout(
                site=site.name,
                hosts=tuple(hosts[site.name]),
                canary=site.rollout.canary,
                max_unavailable=site.rollout.max_unavailable,
                max_failures=site.rollout.max_failures,
            )
            for site in self.spec.sites
            if site.name in hosts
        )
