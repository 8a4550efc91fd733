"""The fleet document's grammar as frozen models; also the source of its JSON Schema.

Boundary: shape and single values. What involves two places of the document, or the catalog, is `names` and `cuts`.
Every field here changes some plan; words of the grammar that this release does not carry out are in `later`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from gpucarve.model.hosts import Target
from gpucarve.spec.fields import HostAddresses, LocalPath, Name, NetworkAddress, NodeName, Port, UserName, VgpuCounts
from gpucarve.spec.selectors import GpuSelector


def _no_addresses() -> HostAddresses:
    return MappingProxyType({})


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class Metadata(_Part):
    """What the fleet is called."""

    name: Name = Field(description="the fleet's name, as plans and reports show it", examples=["lab"])


class SshAccess(_Part):
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


class Access(_Part):
    """How a site is reached."""

    ssh: SshAccess = Field(description="over SSH", examples=[{"user": "admin"}])


class Nodes(_Part):
    """Which machines a pool is made of."""

    names: Annotated[tuple[NodeName, ...], Field(min_length=1)] = Field(
        description="the nodes, each in one pool only", examples=[["a30-1"]]
    )


class Cut(_Part):
    """What some of a node's GPUs are to become: a selector and exactly one kind."""

    gpu: GpuSelector = Field(description="a PCI address, or `all`", examples=["0000:3b:00.0"])
    vgpu: VgpuCounts = Field(
        description="how many vGPUs of which type",
        examples=[{"A100D-40C": 2}],
        json_schema_extra={"additionalProperties": False},
    )


class Pool(_Part):
    """Nodes that serve one kind of workload and are cut alike."""

    name: Name = Field(description="the pool's name, unique in its site", examples=["vdi"])
    nodes: Nodes = Field(description="its machines", examples=[{"names": ["a30-1"]}])
    workload: Literal["vm-vgpu"] = Field(description="what uses the GPUs: VMs with vGPUs", examples=["vm-vgpu"])
    cut: Annotated[tuple[Cut, ...], Field(min_length=1)] = Field(
        description="one entry for each GPU that is cut; GPUs without one are left alone",
        examples=[[{"gpu": "0000:3b:00.0", "vgpu": {"A100D-40C": 2}}]],
    )


class Site(_Part):
    """One endpoint of one platform."""

    name: Name = Field(description="the site's name, unique in the fleet", examples=["edge"])
    platform: Literal["linux"] = Field(description="what runs there: plain Linux hosts", examples=["linux"])
    access: Access = Field(description="how it is reached", examples=[{"ssh": {"user": "admin"}}])
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)] = Field(description="its GPU nodes, grouped")


class Spec(_Part):
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
