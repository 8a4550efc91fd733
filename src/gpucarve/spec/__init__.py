"""The fleet document: from its text to a Spec, or to everything that is wrong with it, each thing where it stands.

Boundary: text in, frozen values out; no machine is looked at, so what one GPU can really carry is layout's to say.
Only this room knows YAML and pydantic, which take a while to import: a face imports it inside the verb that needs it.
"""

from gpucarve.spec.document import json_schema, load
from gpucarve.spec.fleet import Access, Cut, Metadata, Nodes, Pool, Rollout, Site, Spec, SshAccess
from gpucarve.spec.selectors import EveryGpu, GpuAt, GpuIndex, GpuModelled, GpuSelector
from gpucarve.spec.wants import VgpuSize, Want

__all__ = [
    "Access",
    "Cut",
    "EveryGpu",
    "GpuAt",
    "GpuIndex",
    "GpuModelled",
    "GpuSelector",
    "Metadata",
    "Nodes",
    "Pool",
    "Rollout",
    "Site",
    "Spec",
    "SshAccess",
    "VgpuSize",
    "Want",
    "json_schema",
    "load",
]
