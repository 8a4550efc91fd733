"""The fleet document's grammar as frozen models; also the source of its JSON Schema.

Boundary: shape and single values. What involves two places of the document, or the catalog, is `names` and `cuts`.
Every field here changes some plan; words of the grammar that this release does not carry out are in `later`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gpucarve.model.hosts import Target
from gpucarve.spec.fields import (
    HostAddresses,
    LocalPath,
    MigCounts,
    Name,
    NetworkAddress,
    NodeName,
    NotNull,
    Port,
    UserName,
    VgpuCounts,
    Yes,
)
from gpucarve.spec.parts import Part, left_out
from gpucarve.spec.selectors import GpuSelector
from gpucarve.spec.wants import USUAL, WANTS, ObjectiveName, Want

# What a GPU can become, by what uses it.
WORKLOADS = {"container": ("whole", "mig"), "vm-passthrough": ("passthrough",), "vm-vgpu": ("vgpu",)}
KINDS = tuple(kind for kinds in WORKLOADS.values() for kind in kinds)


def _no_addresses() -> HostAddresses:
    return MappingProxyType({})


class Metadata(Part):
    """What the fleet is called."""

    name: Name = Field(description="the fleet's name, as plans and reports show it", examples=["lab"])


class SshAccess(Part):
    """How the nodes of a site are reached over SSH. Keys and agents are the SSH client's own; no secret stands here."""

    user: UserName = Field(description="who to log in as; root, or somebody with sudo", examples=["admin"])
    port: Port = Field(default=22, description="the port of every node of the site")
    identity_file: LocalPath | None = Field(
        default=None, description="private key, if not the agent's", examples=["~/.ssh/lab"]
    )
    known_hosts: LocalPath | None = Field(
        default=None,
        description="file with the nodes' host keys, if not `~/.ssh/known_hosts`",
        examples=["known_hosts"],
    )
    hosts: HostAddresses = Field(
        default_factory=_no_addresses,
        description="addresses of nodes that their names do not lead to",
        examples=[{"a30-1": "192.0.2.7"}],
        json_schema_extra={"additionalProperties": False},
    )

    def address(self, node: str) -> NetworkAddress:
        """Where to connect for a node: its entry in `hosts`, else its name."""
        return self.hosts.get(node, node)


class Access(Part):
    """How a site is reached."""

    ssh: SshAccess = Field(description="over SSH", examples=[{"user": "admin"}])


class Nodes(Part):
    """Which machines a pool is made of."""

    names: Annotated[tuple[NodeName, ...], Field(min_length=1)] = Field(
        description="the nodes, each in one pool only", examples=[["a30-1"]]
    )


class Cut(Part):
    """What some of a node's GPUs are to become: a selector and exactly one kind."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind]} for kind in KINDS]})

    gpu: GpuSelector = Field(
        description="a PCI address, a model, an index from 0, or `all`", examples=["0000:3b:00.0", "all", "A100D", 0]
    )
    whole: Yes = Field(default_factory=left_out, description="the GPU as it is, for containers", examples=[True])
    mig: Annotated[MigCounts | None, NotNull()] = Field(
        default_factory=left_out,
        description="how many MIG instances of which profile, for containers",
        examples=[{"1g.10gb": 4, "3g.40gb": 1}],
        json_schema_extra={"additionalProperties": False},
    )
    passthrough: Yes = Field(
        default_factory=left_out, description="the GPU as a PCI device, for one VM", examples=[True]
    )
    vgpu: Annotated[VgpuCounts | None, NotNull()] = Field(
        default_factory=left_out,
        description="how many vGPUs of which type, time-sliced or MIG-backed as the type's name says",
        examples=[{"A100D-40C": 2}],
        json_schema_extra={"additionalProperties": False},
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len([kind for kind in KINDS if getattr(self, kind) is not None]) != 1:
            raise PydanticCustomError("one_kind", "not exactly one kind")
        return self

    @property
    def kind(self) -> str:
        """The one kind, in the document's word."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


def _any_of(kinds: tuple[str, ...]) -> dict[str, Any]:
    return {"items": {"anyOf": [{"required": [kind]} for kind in kinds]}}


class Pool(Part):
    """Nodes that serve one kind of workload, cut alike or as their demand takes them."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"workload": {"const": workload}}, "required": ["workload"]},
                    "then": {"properties": {"cut": _any_of(kinds), "demand": _any_of(WANTS[workload])}},
                }
                for workload, kinds in WORKLOADS.items()
            ],
            "oneOf": [{"required": ["cut"]}, {"required": ["demand"]}],
            "dependentRequired": {"objective": ["demand"]},
        }
    )

    name: Name = Field(description="the pool's name, unique in its site", examples=["vdi"])
    nodes: Nodes = Field(description="its machines", examples=[{"names": ["a30-1"]}])
    workload: Literal["container", "vm-passthrough", "vm-vgpu"] = Field(
        description="what uses the GPUs: containers (`whole`, `mig`), VMs with a whole GPU each (`passthrough`), "
        "or VMs with vGPUs (`vgpu`)",
        examples=["vm-vgpu"],
    )
    cut: Annotated[tuple[Cut, ...], Field(min_length=1)] = Field(
        default_factory=tuple,
        description="what the GPUs become, each GPU by one entry; GPUs without one are left alone",
        examples=[[{"gpu": "0000:3b:00.0", "vgpu": {"A100D-40C": 2}}]],
    )
    demand: Annotated[tuple[Want, ...], Field(min_length=1)] = Field(
        default_factory=tuple,
        description="what all GPUs of the pool carry together; where it stands is worked out, and proved to be best",
        examples=[[{"mig": "1g.6gb", "count": 6}]],
    )
    objective: Annotated[tuple[ObjectiveName, ...], Field(min_length=1)] = Field(
        default_factory=lambda: USUAL,
        description="what counts for a demand, the most important first: fewest-moves and fewest-gpus unless given",
        examples=[["fewest-gpus", "fewest-moves"]],
    )


class Rollout(Part):
    """How a change goes over the hosts of a site: a few first, then some at a time, until too many fail."""

    canary: Annotated[int, Field(ge=0)] = Field(
        default=1, description="how many hosts go first; they must succeed before any other begins"
    )
    max_unavailable: Annotated[int, Field(ge=1)] = Field(
        default=1, description="how many hosts are under way at once, at most"
    )
    max_failures: Annotated[int, Field(ge=1)] = Field(
        default=1, description="with how many failed hosts the rollout halts"
    )


class Site(Part):
    """One endpoint of one platform."""

    name: Name = Field(description="the site's name, unique in the fleet", examples=["edge"])
    platform: Literal["linux"] = Field(description="what runs there: plain Linux hosts", examples=["linux"])
    access: Access = Field(description="how it is reached", examples=[{"ssh": {"user": "admin"}}])
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)] = Field(description="its GPU nodes, grouped")
    rollout: Rollout = Field(
        default_factory=Rollout, description="how a change goes over its hosts", examples=[{"maxUnavailable": 2}]
    )


class Spec(Part):
    """One fleet: what its GPUs are to become."""

    model_config = ConfigDict(title="Fleet")

    api_version: Literal["gpucarve/v1alpha1"] = Field(
        description="the grammar's version", examples=["gpucarve/v1alpha1"]
    )
    kind: Literal["Fleet"] = Field(description="always Fleet", examples=["Fleet"])
    metadata: Metadata = Field(description="the fleet's name", examples=[{"name": "lab"}])
    sites: Annotated[tuple[Site, ...], Field(min_length=1)] = Field(description="where the GPUs are")

    def hosts(self) -> Iterator[tuple[Target, Site, Pool]]:
        """Every machine of the fleet, in the document's order."""
        for site in self.sites:
            for pool in site.pools:
                for node in pool.nodes.names:
                    yield Target(site.name, node), site, pool
