"""NVIDIA vGPU software: its releases and branches, which manager and guest driver go together, licences and guests.

Boundary: what NVIDIA publishes about versions. Which versions a host and its guests run is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader, versions


@dataclass(frozen=True, slots=True)
class VgpuRelease:
    """One release: the host's manager and the drivers for inside VMs. `withdrawn_for` is what replaced it."""

    release: str
    host_driver: str
    guest_windows: str
    guest_linux: str | None = None
    date: str | None = None
    withdrawn_for: str | None = None
    source: str | None = None

    @property
    def major(self) -> int:
        """Its branch."""
        return int(self.release.partition(".")[0])


@dataclass(frozen=True, slots=True)
class VgpuBranch:
    """One major version. `kind` is `lts` or `production`; `end_of_life` is a month."""

    major: int
    driver_branch: str
    licence_system: str
    kind: str | None = None
    support_years: int | None = None
    end_of_life: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What NVIDIA says about a manager and a guest driver: the rule that decides, and its answer."""

    id: str
    compatible: bool
    rule: str


@dataclass(frozen=True, slots=True)
class FirstRelease:
    """The first release that names these GPUs."""

    gpus: tuple[str, ...]
    release: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class ArchitectureSupport:
    """The last major version that drives an architecture; None with a note where it is not known to have ended."""

    architecture: str
    last_major: int | None = None
    note: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class GuestSupport:
    """Whether a guest system may have vGPUs of some series on a host system; `host_versions` bound a yes."""

    guest: str
    series: tuple[str, ...]
    supported: bool
    host: str | None = None
    host_versions: tuple[str, ...] = ()
    note: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What the letter in a type's name is for and which licence its guests need."""

    series: str
    purpose: str
    licence: str
    cuda: bool
    fps_limit: int | None = None
    heads: int | None = None
    max_resolution: str | None = None


def releases() -> tuple[VgpuRelease, ...]:
    """Every release, the newest first."""
    return loader.entries("vgpu-releases", VgpuRelease)


def release(name: str) -> VgpuRelease | None:
    """The release `name` (`17.3`)."""
    return next((each for each in releases() if each.release == name), None)


def releases_with_host(driver: str) -> tuple[VgpuRelease, ...]:
    """The releases with this manager; two may share one."""
    return tuple(each for each in releases() if each.host_driver == driver)


def releases_with_guest(driver: str) -> tuple[VgpuRelease, ...]:
    """The releases with this guest driver, for Linux or Windows."""
    return tuple(each for each in releases() if driver in (each.guest_linux, each.guest_windows))


def branches() -> tuple[VgpuBranch, ...]:
    """Every major version, the newest first."""
    return loader.entries("vgpu-branches", VgpuBranch)


def branch(major: int) -> VgpuBranch | None:
    """One major version."""
    return next((each for each in branches() if each.major == major), None)


def branch_of_driver(driver: str) -> VgpuBranch | None:
    """The major version that a host or guest driver belongs to: by its release, else by its Linux branch."""
    known = (*releases_with_host(driver), *releases_with_guest(driver))
    if known:
        return branch(known[0].major)
    return next((each for each in branches() if each.driver_branch == f"R{driver.partition('.')[0]}"), None)


def pairings() -> tuple[Pairing, ...]:
    """Every rule about managers and guest drivers."""
    return loader.entries("vgpu-pairings", Pairing)


def pairing(host_driver: str, guest_driver: str) -> Pairing | None:
    """Whether a manager and a guest driver go together, and by which rule; None for a driver of no known branch."""
    host, guest = branch_of_driver(host_driver), branch_of_driver(guest_driver)
    if host is None or guest is None:
        return None
    if set(releases_with_host(host_driver)) & set(releases_with_guest(guest_driver)):
        decided = "same-release"
    elif host.major == guest.major:
        decided = "same-branch"
    elif host.major < guest.major:
        decided = "newer-guest"
    elif host.major == guest.major + 1:
        decided = "newer-manager"
    elif host.kind == guest.kind == "lts" and _no_lts_between(guest.major, host.major):
        decided = "lts-to-lts"
    else:
        decided = "not-listed"
    return next(each for each in pairings() if each.id == decided)


def _no_lts_between(older: int, newer: int) -> bool:
    return not any(each.kind == "lts" and older < each.major < newer for each in branches())


def first_releases() -> tuple[FirstRelease, ...]:
    """Every GPU whose first release is known; far from all."""
    return loader.entries("vgpu-first-releases", FirstRelease)


def first_release(gpu: str) -> str | None:
    """The first release that names the GPU (a catalog id)."""
    return next((each.release for each in first_releases() if gpu in each.gpus), None)


def architectures() -> tuple[ArchitectureSupport, ...]:
    """What is known about the end of each architecture's support."""
    return loader.entries("vgpu-architectures", ArchitectureSupport)


def drives(architecture: str, release_name: str) -> bool | None:
    """Whether a release still drives an architecture; None where no source names an end. Raises ValueError."""
    major = versions.key(release_name)[0]
    last = next((each.last_major for each in architectures() if each.architecture == architecture), None)
    return None if last is None else major <= last


def guests() -> tuple[GuestSupport, ...]:
    """Every known statement about guest systems."""
    return loader.entries("vgpu-guests", GuestSupport)


def all_series() -> tuple[Series, ...]:
    """The four letters."""
    return loader.entries("vgpu-series", Series)


def series(letter: str) -> Series | None:
    """What a letter stands for."""
    return next((each for each in all_series() if each.series == letter), None)
