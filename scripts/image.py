"""Builds the image that runs workloads in pods and on container hosts: `python -m scripts.image [FILE]`.

It holds the program that travels and the least of Debian 12 that Python needs, and of NVIDIA nothing but the one module
of nvidia-ml-py where that is installed: the driver's libraries are put in by whoever runs the container. Nothing of it
is run while it is built, and building needs no root: Debian's packages are fetched by apt, which checks their hashes,
and taken apart by dpkg-deb. The same packages, program and SOURCE_DATE_EPOCH make the same bytes.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from gpucarve import __version__
from gpucarve.app import benches
from scripts import oci

NAME = f"localhost/gpucarve-bench:{__version__}"
USER = 65532
PYTHON = "python3.11"
# What Python needs for what the program imports. Modules whose libraries are not here are left out with _LEFT_OUT.
PACKAGES = (
    "base-files", "gcc-12-base", "libbz2-1.0", "libc6", "libcrypt1", "libexpat1", "libffi8", "libgcc-s1", "liblzma5",
    f"lib{PYTHON}-minimal", f"lib{PYTHON}-stdlib", "libssl3", "libuuid1", f"{PYTHON}-minimal", "zlib1g",
)  # fmt: skip
_LEFT_OUT = (
    "usr/lib/*-linux-gnu/gconv/*", "usr/share/bug/*", "usr/share/gcc/*", "usr/share/gdb/*", "usr/share/info/*",
    "usr/share/lintian/*", "usr/share/locale/*", "usr/share/man/*", "usr/share/doc/*/*",
    *(f"usr/lib/{PYTHON}/{each}/*" for each in ("asyncio", "idlelib", "lib2to3", "pydoc_data", "sqlite3", "tkinter")),
    *(f"usr/lib/{PYTHON}/lib-dynload/{each}.*" for each in ("_dbm", "_sqlite3", "nis", "readline", "_curses*")),
)  # fmt: skip
_KEPT = ("usr/share/doc/*/copyright",)
_MERGED = ("bin", "lib", "lib64", "sbin")
_PROGRAM = "usr/lib/gpucarve/runner.pyz"
_CONFIG = {
    "User": f"{USER}:{USER}",
    "Env": [
        "PATH=/usr/bin",
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ],
    "Entrypoint": [f"/usr/bin/{PYTHON}", "-I", "-B", f"/{_PROGRAM}"],
    "Cmd": ["vectoradd"],
    "WorkingDir": "/",
    "Labels": {"org.opencontainers.image.title": "gpucarve-bench", "org.opencontainers.image.version": __version__},
}


class CannotBuild(Exception):
    """What is missing, and what to do about it."""


def obtained(say: Callable[[str], None]) -> Path:
    """The image that these sources, this apt and this program make: from the cache, or built into it.

    An apt that does not know the packages, or not any more, is updated where that is allowed. Raises CannotBuild.
    """
    try:
        return _obtained()
    except CannotBuild as error:
        if os.geteuid() != 0:
            raise
        say(f"{error}. About to run apt-get update, as root.")
        _said("apt-get", "--quiet", "update")
        return _obtained()


def _obtained() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpucarve" / "bench-image"
    image = root / key() / "image.tar"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=image.parent, delete=False) as scratch:
            build(Path(scratch.name), root / "packages")
            Path(scratch.name).rename(image)
        for other in root.glob("*/image.tar"):
            if other != image:
                shutil.rmtree(other.parent, ignore_errors=True)
    return image


def build(path: Path, packages: Path) -> str:
    """Write the image's layout to `path`; returns its digest. Debian's packages are kept in the folder `packages`."""
    packages.mkdir(parents=True, exist_ok=True)
    debian = _debian(packages)
    newest = max(int(each.header.mtime) for each in debian.values())
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", newest))
    created = dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    layers = [oci.layer(debian, epoch), oci.layer({_PROGRAM: _file(program())}, epoch)]
    return oci.write(path, NAME, _said("dpkg", "--print-architecture").strip(), _CONFIG, layers, created)


def key() -> str:
    """A name for what `build` makes here and now: the packages that apt knows, the program, these sources."""
    digest = hashlib.sha256()
    for name, checksum in sorted(_known().items()):
        digest.update(f"{name} {checksum}\n".encode())
    digest.update(f"{os.environ.get('SOURCE_DATE_EPOCH', '')}\n".encode() + program())
    for source in (Path(__file__), Path(oci.__file__)):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def program() -> bytes:
    """The archive that travels, with a way in for those who start it by the names of workloads."""
    out = io.BytesIO(benches.archive())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("__main__.py", (1980, 1, 1, 0, 0, 0))
        archive.writestr(entry, "from gpucarve.runner.standalone import main\n\nmain()\n")
    return out.getvalue()


def _known() -> dict[str, str]:
    """File names of the packages that apt would fetch, and their hashes."""
    rows = _said("apt-get", "download", "--print-uris", *PACKAGES).splitlines()
    found = {row.split()[1]: row.split()[3] for row in rows if row.startswith("'")}
    if len(found) != len(PACKAGES):
        raise CannotBuild(f"apt knows {len(found)} of the {len(PACKAGES)} packages")
    return found


def _debian(folder: Path) -> dict[str, oci.File]:
    """The files of the packages, with /usr merged, and what each package says of itself, for scanners."""
    known = _known()
    missing = [name.split("_")[0] for name, checksum in known.items() if not _is(folder / name, checksum)]
    if missing:
        _said("apt-get", "--quiet", "download", *missing, folder=folder)
    files = {name: _link(f"usr/{name}") for name in _MERGED}
    for package in sorted(known):
        content = subprocess.run(("dpkg-deb", "--fsys-tarfile", folder / package), check=True, capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(content.stdout)) as tar:
            for header in tar:
                _take(files, tar, header)
        told = _said("dpkg-deb", "--field", str(folder / package))
        files[f"var/lib/dpkg/status.d/{package.split('_')[0]}"] = _file(told.encode())
    users = f"root:x:0:0:root:/:/usr/sbin/nologin\ngpucarve:x:{USER}:{USER}::/:/usr/sbin/nologin\n"
    files |= {"etc/passwd": _file(users.encode()), "etc/group": _file(f"root:x:0:\ngpucarve:x:{USER}:\n".encode())}
    return files


def _is(package: Path, checksum: str) -> bool:
    """Whether a package was fetched before, and is what apt says it must be."""
    return package.exists() and f"SHA256:{hashlib.sha256(package.read_bytes()).hexdigest()}" == checksum


def _take(files: dict[str, oci.File], tar: tarfile.TarFile, header: tarfile.TarInfo) -> None:
    name = _merged(header.name)
    left_out = any(fnmatch.fnmatch(name, each) for each in _LEFT_OUT)
    if name in ("", *_MERGED) or (left_out and not any(fnmatch.fnmatch(name, each) for each in _KEPT)):
        return
    if header.islnk():
        header.linkname = _merged(header.linkname)
    body = tar.extractfile(header) if header.isreg() else None
    files[name] = oci.File(header, body.read() if body else b"")


def _merged(name: str) -> str:
    """A path of a package as it is where /bin and its like are links into /usr."""
    name = name.removeprefix(".").strip("/")
    return f"usr/{name}" if name.split("/")[0] in _MERGED and "/" in name else name


def _file(content: bytes) -> oci.File:
    header = tarfile.TarInfo()
    header.mode = 0o644
    return oci.File(header, content)


def _link(target: str) -> oci.File:
    header = tarfile.TarInfo()
    header.type, header.linkname, header.mode = tarfile.SYMTYPE, target, 0o777
    return oci.File(header)


def _said(*argv: str, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotBuild(f"the image is built of Debian's packages, and there is no {argv[0]} here") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise CannotBuild(
            f"{argv[0]} {argv[1]}: {said[0]} (the image is of Debian 12: apt must know that, by apt-get update)"
        )
    return done.stdout


def main() -> int:
    """Build the image, and say what it is and how to take it along."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "build/gpucarve-bench.tar")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(obtained(print), path)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {NAME}, {oci.digest(path)}")
    print(f"podman load -i {path}    or: ctr -n NAMESPACE images import {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
