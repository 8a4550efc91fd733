"""Who is changed: a host or a cluster of a site, and the logical identity of each thing on it.

Boundary: names only. How a target is reached belongs to the transports.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:.#@_=/-]*")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One thing with a transport of its own: a host (`edge/a30-1`) or a cluster's API (`edge/kube:main`)."""

    site: str
    name: str

    def __post_init__(self) -> None:
        if not _PART.fullmatch(self.site) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", self.name):
            raise ValueError(f"{self.site!r}/{self.name!r} is not a target name")

    def __str__(self) -> str:
        return f"{self.site}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `site/name`. Raises ValueError."""
        site, slash, name = text.partition("/")
        if not slash:
            raise ValueError(f"{text!r} is not site/name")
        return cls(site, name)


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Logical identity of one desired thing; it exists before the thing has an address.

    `kind` is the resource's kind (`vgpu`), `subject` what of that kind it is (`0000:65:00.0#A100D-40C.0`: GPU and
    slot), empty where a target has only one. `local` is the part that means something on the target itself and names
    its claim.
    """

    target: Target
    kind: str
    subject: str = ""

    def __post_init__(self) -> None:
        if not _PART.fullmatch(self.kind) or (self.subject and not _SUBJECT.fullmatch(self.subject)):
            raise ValueError(f"{self.kind!r} {self.subject!r} is not a resource key")

    @property
    def local(self) -> str:
        """Name of the claim on the target, safe as a file name: `vgpu@0000:65:00.0#A100D-40C.0`."""
        return (f"{self.kind}@{self.subject}" if self.subject else self.kind).replace("/", "_")

    def __str__(self) -> str:
        return f"{self.target} {self.kind}" + (f" {self.subject}" if self.subject else "")

    @classmethod
    def parse(cls, text: str) -> ResourceKey:
        """Read what `str` prints. Raises ValueError."""
        target, _, rest = text.partition(" ")
        kind, _, subject = rest.partition(" ")
        return cls(Target.parse(target), kind, subject)
