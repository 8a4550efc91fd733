"""NVIDIA GPU Operator: what each version installs, where it runs, and how it behaves where the policy is silent.

Boundary: what was published or read from its source; what a cluster runs is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader, versions
from gpucarve.catalog.statements import Statement


@dataclass(frozen=True, slots=True)
class OperatorRelease:
    """One version with the versions of its parts. The OpenShift range is the bundle's; without an end it is open."""

    version: str
    date: str
    driver: str
    toolkit: str
    device_plugin: str
    nfd: str
    min_kubernetes: str
    mig_manager: str | None = None
    vgpu_device_manager: str | None = None
    sandbox_device_plugin: str | None = None
    openshift_from: str | None = None
    openshift_to: str | None = None


@dataclass(frozen=True, slots=True)
class ValidatedPlatforms:
    """Where NVIDIA tested a version; both ends are inside."""

    version: str
    kubernetes_from: str
    kubernetes_to: str
    openshift_from: str
    openshift_to: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OperatorLine:
    """A line's state: `supported`, `deprecated` or `ended` (with `and_older`: and every line before it)."""

    line: str
    state: str
    and_older: bool = False


@dataclass(frozen=True, slots=True)
class VgpuGpu:
    """GPUs of the documentation's list for vGPUs; `only_on` names the one operating system for which it holds."""

    name: str
    gpus: tuple[str, ...]
    supported: bool
    only_on: str | None = None


def releases() -> tuple[OperatorRelease, ...]:
    """Every version, the oldest first."""
    return loader.entries("operator-releases", OperatorRelease)


def release(version: str) -> OperatorRelease | None:
    """The version, with or without `v`."""
    return next((each for each in releases() if each.version == version.removeprefix("v")), None)


def validated() -> tuple[ValidatedPlatforms, ...]:
    """The tested platforms, the oldest version first."""
    return loader.entries("operator-validated", ValidatedPlatforms)


def platforms(version: str) -> ValidatedPlatforms | None:
    """Where a version's line was tested: the row is that of one version of the line. Raises ValueError."""
    line = versions.line(version, 2)
    return next((each for each in validated() if versions.line(each.version, 2) == line), None)


def lines() -> tuple[OperatorLine, ...]:
    """The lines whose state is published, the newest first."""
    return loader.entries("operator-lines", OperatorLine)


def state(version: str) -> str | None:
    """Whether a version is `supported`, `deprecated` or `ended`; None for one newer than known. Raises ValueError."""
    line = versions.key(versions.line(version, 2))
    for each in lines():
        known = versions.key(each.line)
        if line == known or (each.and_older and line < known):
            return each.state
    return None


def vgpu_gpus() -> tuple[VgpuGpu, ...]:
    """The documentation's list of GPUs for vGPUs, and those that it leaves out."""
    return loader.entries("operator-vgpu-gpus", VgpuGpu)


def behaviour() -> tuple[Statement, ...]:
    """Defaults and turning points."""
    return loader.entries("operator-behaviour", Statement)


def fact(name: str) -> Statement | None:
    """One of `behaviour` by its id."""
    return next((each for each in behaviour() if each.id == name), None)
