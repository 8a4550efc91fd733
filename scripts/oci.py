"""Writes an OCI image layout as one tar file: layers, a configuration, a manifest and an index, each under its digest.

By the OCI image specification 1.0 (image-layout.md, manifest.md, config.md, layer.md). The same layers and
configuration make the same bytes: nothing is stamped but the time that is given.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MEDIA = "application/vnd.oci.image"


@dataclass(frozen=True)
class File:
    """What stands at one path of a layer: a header, of which owner and time are not kept, and a file's content."""

    header: tarfile.TarInfo
    content: bytes = b""


@dataclass(frozen=True)
class Layer:
    """A layer as it is stored, and the digest of it before it was packed."""

    packed: bytes
    digest: str


def layer(files: Mapping[str, File], epoch: int) -> Layer:
    """Files by their path, without a leading slash, all of root's; none is younger than `epoch`, in seconds."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(files):
            header = tarfile.TarInfo(name)
            given = files[name].header
            header.type, header.mode, header.linkname = given.type, given.mode, given.linkname
            header.mtime, header.size = min(int(given.mtime), epoch), len(files[name].content)
            tar.addfile(header, io.BytesIO(files[name].content))
    return Layer(gzip.compress(out.getvalue(), 6, mtime=0), _digest(out.getvalue()))


def write(
    path: Path, name: str, architecture: str, config: Mapping[str, Any], layers: Sequence[Layer], created: str
) -> str:
    """Put an image of one platform at `path`; returns the digest of its manifest."""
    blobs: dict[str, bytes] = {}

    def kept(content: bytes, kind: str) -> dict[str, Any]:
        digest = _digest(content)
        blobs[f"blobs/sha256/{digest.removeprefix('sha256:')}"] = content
        return {"mediaType": f"{_MEDIA}.{kind}", "digest": digest, "size": len(content)}

    root = {"type": "layers", "diff_ids": [each.digest for each in layers]}
    platform = {"architecture": architecture, "os": "linux"}
    history = [{"created": created, "created_by": "gpucarve"}] * len(layers)
    described = {"created": created, **platform, "config": config, "rootfs": root, "history": history}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": kept(_json(described), "config.v1+json"),
        "layers": [kept(each.packed, "layer.v1.tar+gzip") for each in layers],
    }
    # Podman takes the name from the one, containerd from the other.
    names = {"org.opencontainers.image.ref.name": name, "io.containerd.image.name": name}
    listed = {**kept(_json(manifest), "manifest.v1+json"), "platform": platform, "annotations": names}
    files = {
        **blobs,
        "index.json": _json({"schemaVersion": 2, "mediaType": f"{_MEDIA}.index.v1+json", "manifests": [listed]}),
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
    }
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for each in ("blobs", "blobs/sha256"):
            tar.addfile(_folder(each))
        for each, content in sorted(files.items()):
            header = tarfile.TarInfo(each)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return str(listed["digest"])


def digest(path: Path) -> str:
    """That of the manifest in a layout which `write` wrote."""
    with tarfile.open(path) as tar:
        index = tar.extractfile("index.json")
        return str(json.load(index)["manifests"][0]["digest"]) if index else ""


def _folder(name: str) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.mode = tarfile.DIRTYPE, 0o755
    return header


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
