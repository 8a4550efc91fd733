"""Types of single values: names, addresses, words of the command line, vGPU types, MIG profiles.

Boundary: one value at a time, and its pattern for the JSON Schema. Text that ends up on a command line never begins
with a dash and holds no blank, so that no value of a document can pass for an option.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, core_schema

from gpucarve.model.mig import MigProfileName
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.spec.problems import quoted

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Matching:
    """Text of a form: `noun` says what it is, `rule` what it may hold."""

    pattern: str
    noun: str
    rule: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check after pydantic has made sure that it is text."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The same rule for editors."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def check(self, text: str) -> str:
        """The text itself. Raises PydanticCustomError."""
        if re.fullmatch(self.pattern, text):
            return text
        message = f"{quoted(text)} is not {self.noun}"
        raise PydanticCustomError("refused", "{problem}", {"problem": message, "hint": self.rule})


_NAME_RULE = "letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 63"
Name: TypeAlias = Annotated[str, Matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "a name", _NAME_RULE)]
NodeName: TypeAlias = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}",
        "a node's name",
        "a host name or IP address: letters, digits, `.`, `_`, `:` and `-`",
    ),
]
NetworkAddress: TypeAlias = Annotated[
    str,
    Matching(
        r"[A-Za-z0-9:][A-Za-z0-9._:%-]{0,252}",
        "a network address",
        "a host name or IP address without port and user; the port is `ssh.port`",
    ),
]
UserName: TypeAlias = Annotated[
    str,
    Matching(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}", "a user's name", "no blanks, and no `-` at the beginning"),
]
LocalPath: TypeAlias = Annotated[
    str,
    Matching(r"[A-Za-z0-9_./~][^\x00-\x1f]{0,4095}", "a path", "a file on the machine that runs gpucarve"),
]
MemorySize: TypeAlias = Annotated[
    str, Matching(r"[1-9][0-9]{0,5}(Gi|Mi)", "a size of memory", "a whole number with Gi or Mi, such as 8Gi")
]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]
Count: TypeAlias = Annotated[int, Field(ge=1)]


def _vgpu_type(value: object) -> VgpuTypeName:
    """The parts of a type's name. Whether the type exists, and how many fit, is checked with the whole cut at hand."""
    try:
        return VgpuTypeName.parse(str(value))
    except ValueError:
        raise PydanticCustomError("vgpu_name", "not a vGPU type's name") from None


VgpuKey: TypeAlias = Annotated[
    VgpuTypeName,
    PlainValidator(_vgpu_type),
    WithJsonSchema({"type": "string", "pattern": "^.+-[0-9]+[ABCQ](4|ME|NOME|MEALL|GFX)?$"}),
]


def _mig_profile(value: object) -> MigProfileName:
    """A GPU instance's name. Whether some card has it is checked with the whole cut at hand."""
    try:
        name = MigProfileName.parse(str(value))
    except ValueError:
        raise PydanticCustomError("mig_name", "not a MIG profile's name") from None
    if name.compute is not None:
        raise PydanticCustomError("mig_name", "a compute instance's name")
    return name


MigKey: TypeAlias = Annotated[
    MigProfileName,
    PlainValidator(_mig_profile),
    WithJsonSchema({"type": "string", "pattern": r"^(MIG )?[1-8]g\.(0|[1-9][0-9]{0,2})gb(\+me|\+me\.all|-me|\+gfx)?$"}),
]


def _yes(value: object, info: ValidationInfo) -> Literal[True]:
    if value is True:
        return True
    problem, hint = f"`{info.field_name}` takes no value but `true`", "write `true`, or take the line out"
    raise PydanticCustomError("refused", "{problem}", {"problem": problem, "hint": hint})


Yes: TypeAlias = Annotated[Literal[True] | None, PlainValidator(_yes), WithJsonSchema({"const": True})]


@dataclass(frozen=True, slots=True)
class NotNull:
    """A mapping that may be left out; a key that stands there without a value is a mistake."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Refuse null as any mapping does."""
        return core_schema.no_info_before_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The mapping alone."""
        body: dict[str, Any] = next(each for each in handler(schema)["anyOf"] if each.get("type") != "null")
        return body

    def check(self, value: object) -> object:
        """The value itself. Raises PydanticKnownError."""
        if value is None:
            raise PydanticKnownError("mapping_type", {"error": "null"})
        return value


def frozen(mapping: Mapping[Key, Value]) -> Mapping[Key, Value]:
    """The mapping, so that nobody can change it."""
    return MappingProxyType(dict(mapping))


HostAddresses: TypeAlias = Annotated[Mapping[NodeName, NetworkAddress], AfterValidator(frozen)]
VgpuCounts: TypeAlias = Annotated[Mapping[VgpuKey, Count], Field(min_length=1), AfterValidator(frozen)]
MigCounts: TypeAlias = Annotated[Mapping[MigKey, Count], Field(min_length=1), AfterValidator(frozen)]
