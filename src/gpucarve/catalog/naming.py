"""Resource names: what each plugin and Nova call a GPU, a vGPU or a MIG instance.

Boundary: the rules, for predictions and messages. What a node reports decides: a plugin's pci.ids, or an
administrator's own name, can differ. Sources: NVIDIA/kubevirt-gpu-device-plugin, NVIDIA/k8s-device-plugin,
NVIDIA/mig-parted, OpenStack Nova; `examples` has what they were seen to give.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpucarve.catalog import loader
from gpucarve.catalog.statements import Statement
from gpucarve.model.mig import MigProfileName
from gpucarve.model.pci import PciAddress

PREFIX = "nvidia.com/"
WHOLE_GPU = PREFIX + "gpu"


@dataclass(frozen=True, slots=True)
class NameExample:
    """What a rule makes of something, as its source gives it."""

    rule: str
    given: str
    name: str
    source: str
    note: str | None = None


def examples() -> tuple[NameExample, ...]:
    """Names from the sources."""
    return loader.entries("resource-names", NameExample)


def behaviour() -> tuple[Statement, ...]:
    """What else decides names."""
    return loader.entries("naming-facts", Statement)


def kubevirt_vgpu(driver_name: str) -> str:
    """NVIDIA's KubeVirt plugin, a vGPU by its mdev type name: blanks become underscores, all else stays."""
    return PREFIX + re.sub(r"\s+", "_", driver_name.strip())


def kubevirt_passthrough(pci_name: str) -> str:
    """NVIDIA's KubeVirt plugin, a device by its name in pci.ids (`GA102GL [A10]`)."""
    text = re.sub(r"\s+", "_", re.sub(r"[/.]", "_", pci_name.upper()))
    return PREFIX + re.sub(r"[^A-Z0-9_]", "", text)


def mig_mixed(profile: MigProfileName) -> str:
    """The device plugin with MIG strategy `mixed`; under `single` an instance is `WHOLE_GPU`."""
    return f"{PREFIX}mig-{profile.dotted}"


def shared(resource: str) -> str:
    """The device plugin, a time-sliced resource under `renameByDefault`."""
    return f"{resource}.shared"


def mig_parted_layout(profile: MigProfileName) -> str:
    """The entry of mig-parted's default configuration that fills a GPU with one profile."""
    return f"all-{profile.dotted}"


def nova_pci_class(vendor_id: str, product_id: str) -> str:
    """Nova's resource class for a PCI device that has none of its own."""
    return f"CUSTOM_PCI_{vendor_id}_{product_id}".upper()


def nova_provider(hypervisor: str, address: PciAddress) -> str:
    """Nova's resource provider for a GPU or virtual function: libvirt's name of the device below the host's."""
    place = f"{address.domain:04x}_{address.bus:02x}_{address.device:02x}_{address.function:x}"
    return f"{hypervisor}_pci_{place}"
