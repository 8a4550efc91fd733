"""The grammar of a pool's `demand`: how many of what all its GPUs are to carry together, wherever that fits best.

Boundary: shape and single values; names against the catalog are `demands`'.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.spec.fields import Count, MemorySize, MigKey, Name, NotNull, VgpuKey, Yes
from gpucarve.spec.parts import Part, left_out

# What can be asked for, by what uses it.
WANTS = {
    "container": ("mig", "whole"),
    "vm-passthrough": ("passthrough",),
    "vm-vgpu": ("vgpu", "vgpuOf"),
}
WANT_KINDS = tuple(kind for kinds in WANTS.values() for kind in kinds)
ObjectiveName: TypeAlias = Literal["fewest-moves", "fewest-gpus", "fewest-drained-nodes", "least-stranded"]
USUAL: tuple[ObjectiveName, ...] = ("fewest-moves", "fewest-gpus")
_FIELDS = {"vgpuOf": "vgpu_of"}


class VgpuSize(Part):
    """A vGPU of any type of a size and a series."""

    memory: MemorySize = Field(description="framebuffer of each", examples=["8Gi"])
    series: Literal["A", "B", "C", "Q"] = Field(
        description="what its licence is for: Q workstations, C compute, B desktops, A applications", examples=["Q"]
    )


class Want(Part):
    """So many of one thing."""

    mig: Annotated[MigKey | None, NotNull()] = Field(
        default_factory=left_out, description="MIG instances of this profile, for containers", examples=["1g.10gb"]
    )
    whole: Yes = Field(default_factory=left_out, description="GPUs as they are, for containers", examples=[True])
    passthrough: Yes = Field(default_factory=left_out, description="GPUs as PCI devices of VMs", examples=[True])
    vgpu: Annotated[VgpuKey | None, NotNull()] = Field(
        default_factory=left_out, description="vGPUs of this type", examples=["A40-8Q"]
    )
    vgpu_of: Annotated[VgpuSize | None, NotNull()] = Field(
        default_factory=left_out,
        description="vGPUs of any type with this size and series",
        examples=[{"memory": "8Gi", "series": "Q"}],
    )
    count: Count = Field(description="how many", examples=[6])
    spare: Annotated[int, Field(ge=0)] = Field(default=0, description="how many more to keep in reserve")
    tenant: Name | None = Field(
        default_factory=left_out,
        description="whose they are: GPUs are not shared between tenants",
        examples=["research"],
    )

    model_config = Part.model_config | {"json_schema_extra": {"oneOf": [{"required": [kind]} for kind in WANT_KINDS]}}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len([kind for kind in WANT_KINDS if self._asked(kind) is not None]) != 1:
            raise PydanticCustomError("one_kind", "not exactly one kind")
        return self

    def _asked(self, kind: str) -> MigProfileName | VgpuTypeName | VgpuSize | bool | None:
        found: MigProfileName | VgpuTypeName | VgpuSize | bool | None = getattr(self, _FIELDS.get(kind, kind))
        return found

    @property
    def kind(self) -> str:
        """The one kind, in the document's word."""
        return next(kind for kind in WANT_KINDS if self._asked(kind) is not None)
