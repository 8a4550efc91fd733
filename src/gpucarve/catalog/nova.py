"""OpenStack Nova: what changed for GPUs with which release, and what live migration needs.

Boundary: what its documentation and source say; which release a cloud runs is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader, versions


@dataclass(frozen=True, slots=True)
class NovaChange:
    """Something that holds from `since` on and before `until`; None leaves that end open."""

    id: str
    text: str
    since: str | None = None
    until: str | None = None
    source: str | None = None

    def holds(self, version: str) -> bool:
        """Whether it is so in a version. Raises ValueError."""
        wanted = versions.key(version)
        after = self.since is None or versions.key(self.since) <= wanted
        return after and (self.until is None or wanted < versions.key(self.until))


@dataclass(frozen=True, slots=True)
class NovaRelease:
    """A version's name."""

    version: str
    name: str


@dataclass(frozen=True, slots=True)
class MigrationNeed:
    """One condition of migrating a guest with an mdev live: a part's oldest version, or a limit."""

    part: str
    version: str | None = None
    note: str | None = None


def changes() -> tuple[NovaChange, ...]:
    """Every change."""
    return loader.entries("nova-changes", NovaChange)


def change(name: str) -> NovaChange | None:
    """One change by its id (`max-instances`)."""
    return next((each for each in changes() if each.id == name), None)


def in_force(version: str) -> tuple[NovaChange, ...]:
    """What holds in a version (`29.0.0`). Raises ValueError."""
    return tuple(each for each in changes() if each.holds(version))


def releases() -> tuple[NovaRelease, ...]:
    """The versions whose names the sources give."""
    return loader.entries("nova-releases", NovaRelease)


def live_migration() -> tuple[MigrationNeed, ...]:
    """What live migration of mdevs needs."""
    return loader.entries("nova-live-migration", MigrationNeed)
