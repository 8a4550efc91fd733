"""KubeVirt, HyperConverged and OpenShift Virtualization: field names by API, oldest and broken versions.

Boundary: what was published or read from their source; what a cluster runs is `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.catalog import loader
from gpucarve.catalog.statements import Statement


@dataclass(frozen=True, slots=True)
class KubevirtApi:
    """Where one API keeps what concerns GPUs. Paths are dotted from the object's root.

    `gate` holds `gate_value` to keep KubeVirt's hands off mediated devices; `enabled` is the field that replaces it.
    `lists` says how its device lists merge: `atomic` ones are replaced whole by a server-side apply.
    """

    api: str
    kind: str
    permitted: str
    mediated: str
    pci_selector_key: str
    usb_key: str
    mdev_types_key: str
    node_types_key: str
    lists: str
    gate: str | None = None
    gate_value: str | None = None
    enabled: str | None = None
    since: str | None = None
    note: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Minimum:
    """The first version of a product that can do something."""

    what: str
    product: str
    version: str
    note: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A version that does not work with vGPUs which the GPU Operator made (rule K10)."""

    product: str
    version: str
    fixed_in: str


def apis() -> tuple[KubevirtApi, ...]:
    """The three APIs: `kubevirt`, `hyperconverged-v1beta1`, `hyperconverged-v1`."""
    return loader.entries("kubevirt-apis", KubevirtApi)


def api(name: str) -> KubevirtApi | None:
    """One API."""
    return next((each for each in apis() if each.api == name), None)


def minimums() -> tuple[Minimum, ...]:
    """Every known first version."""
    return loader.entries("kubevirt-minimums", Minimum)


def minimum(what: str, product: str) -> str | None:
    """The first version of `product` for `what` (`vgpu`, `passthrough`, `mdev-gate`)."""
    return next((each.version for each in minimums() if (each.what, each.product) == (what, product)), None)


def broken() -> tuple[Broken, ...]:
    """Every broken version."""
    return loader.entries("kubevirt-broken", Broken)


def fixed_in(product: str, version: str) -> str | None:
    """The version that mends a broken one; None for a version that is not known to be broken."""
    wanted = version.removeprefix("v")
    return next((each.fixed_in for each in broken() if (each.product, each.version) == (product, wanted)), None)


def behaviour() -> tuple[Statement, ...]:
    """How KubeVirt treats GPUs."""
    return loader.entries("kubevirt-behaviour", Statement)
