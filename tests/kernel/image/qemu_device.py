"""Build `qemu/gpu_double.c` as a shared object for exactly the installed QEMU.

Nothing of QEMU is compiled: its source package gives the headers, and its configure and ninja make the generated ones.
The source archive is declared in a scratch apt configuration; the machine's own sources stay as they are.
"""

import os
import re
import shutil
from pathlib import Path

from tests.kernel.image import host
from tests.kernel.image.cache import HERE, key
from tests.kernel.image.progress import read, run

OBJECT = "gpu_double.so"

# Generated headers of parts that no device includes.
_UNNEEDED = re.compile(r"(ui|pc-bios|tests|docs|plugins)/")


def device_key(qemu_version: str) -> str:
    """Cache name of the device built for this QEMU."""
    return key("device", sources=("qemu", "qemu_device.py"), facts=(qemu_version,))


def make_device(folder: Path) -> None:
    """Leave the shared object in `folder`."""
    log = folder / "build.log"
    scratch = folder / "scratch"
    source = _unpack_source(scratch, log)
    build = _generate_headers(source, log)
    includes = [f"-I{path}" for path in (build, build / "qapi", source / "include", source / "linux-headers")]
    flags = read(("pkg-config", "--cflags", "glib-2.0", "pixman-1")).split()
    gcc = ("gcc", "-std=gnu11", "-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-D_GNU_SOURCE")
    output = folder / OBJECT
    run((*gcc, "-o", output, HERE / "qemu" / "gpu_double.c", *includes, "-iquote", source, *flags), log=log)
    shutil.rmtree(scratch)


def _unpack_source(scratch: Path, log: Path) -> Path:
    lists, archive = scratch / "lists", scratch / "archive"
    for folder in (lists / "partial", archive / "archives" / "partial"):
        folder.mkdir(parents=True)
    sources = scratch / "sources.list"
    sources.write_text("\n".join(host.archives("deb-src")) + "\n", encoding="utf-8")
    settings = (
        f"Dir::Etc::sourcelist={sources}",
        "Dir::Etc::sourceparts=-",
        f"Dir::State::lists={lists}",
        f"Dir::Cache={archive}",
        "APT::Sandbox::User=root",
    )
    apt = ["apt-get", "-q"]
    for setting in settings:
        apt += ["-o", setting]
    version = read(("dpkg-query", "--show", "--showformat=${source:Version}", "qemu-system-x86"))
    run((*apt, "update"), log=log)
    run((*apt, "source", "--download-only", f"qemu={version}"), log=log, cwd=scratch)
    description = next(scratch.glob("qemu_*.dsc"))
    source = scratch / "source"
    run(("dpkg-source", "--no-check", "--extract", description, source), log=log)
    return source


def _generate_headers(source: Path, log: Path) -> Path:
    build = source / "build-headers"
    build.mkdir()
    # Debian's own Python, which has the meson that configure asks for; one of the user's may come first in PATH.
    environment = os.environ | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    options = ("--without-default-features", "--without-default-devices", "--enable-tcg", "--enable-modules")
    run(("../configure", *options, "--target-list=x86_64-softmmu"), log=log, cwd=build, env=environment)
    targets = [line.split(": ")[0] for line in read(("ninja", "-C", build, "-t", "targets", "all")).splitlines()]
    headers = [name for name in targets if name.endswith(".h") and not _UNNEEDED.match(name)]
    run(("ninja", *headers), log=log, cwd=build, env=environment)
    return build
