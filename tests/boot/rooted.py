"""A root of its own for the boot script: a folder with a few real programs, a sysfs of plain files, and NVIDIA's tools
as small scripts that keep a log of how they were called and change that sysfs.

The script is run as it is, by chroot(1), so that it needs no way of being told where its root is.

Boundary: builds the folder and runs the script there. A thread stands in for the kernel where a write to sysfs has an
effect.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gpucarve.calls import state
from gpucarve.facts import units
from gpucarve.resources.host import boot_unit

BOOT_ID = "0b5d4a3e-5d1c-4c62-9a34-3c40e6f0b001"
DEVICES = "sys/bus/pci/devices"
_PROGRAMS = ("dash", "bash", "busybox", "cat", "flock", "head", "ln", "mkdir", "mv", "readlink", "sed", "sync")
_MORE = ("rm", "sleep", "timeout", "touch", "tr")
_TOOLS = Path(__file__).parent / "tools"
_PLACES = {"sriov-manage": "usr/lib/nvidia", "sleep": "usr/local/bin"}


def missing() -> str:
    """Why such a root cannot be had here; empty when it can."""
    lacks = [name for name in (*_PROGRAMS, *_MORE, "chroot", "ldd") if shutil.which(name) is None]
    if lacks:
        return f"there is no {', '.join(lacks)} (apt)"
    tried = subprocess.run((*enter("/"), "true"), capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"no root can be changed: {tried.stderr.decode().strip()}"


def enter(root: str | Path) -> tuple[str, ...]:
    """The command line that runs what follows it in that root."""
    as_root = () if os.geteuid() == 0 else (shutil.which("unshare") or "unshare", "--map-root-user")
    return (*as_root, shutil.which("chroot") or "chroot", str(root))


@cache
def _needed() -> tuple[Path, ...]:
    """The programs, and the libraries that they load."""
    found = [Path(path) for name in (*_PROGRAMS, *_MORE) if (path := shutil.which(name))]
    listed = subprocess.run(("ldd", *map(str, found)), capture_output=True, text=True, check=False).stdout
    return (*found, *sorted({Path(path) for path in re.findall(r"(/\S+\.so\S*) \(", listed)}))


@dataclass(frozen=True)
class Rooted:
    """The folder. Paths are given without the leading slash."""

    path: Path

    def at(self, path: str) -> Path:
        """A path within, as this process opens it."""
        return self.path / path.removeprefix("/")

    def put(self, path: str, text: str = "", mode: int = 0o644) -> None:
        """A file, with its folders."""
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text)
        self.at(path).chmod(mode)

    def text(self, path: str) -> str:
        """What a file says, empty when there is none."""
        return self.at(path).read_text() if self.at(path).exists() else ""

    def claim(self, key: str, record: str) -> None:
        """What a claim's record says."""
        self.put(f"{state.CLAIMS}/{key}/record", record)

    def add_gpu(self, address: str, driver: str = "nvidia", vfs: int = 0, vendor: str = "10de") -> None:
        """A function of the bus; with `vfs`, one that can have so many virtual functions."""
        self.put(f"{DEVICES}/{address}/vendor", f"0x{vendor}\n")
        self.put(f"{DEVICES}/{address}/driver_override", "(null)\n")
        if vfs:
            self.put(f"{DEVICES}/{address}/sriov_totalvfs", f"{vfs}\n")
            self.put(f"{DEVICES}/{address}/sriov_numvfs", "0\n")
        self.bind(address, driver)

    def add_mig(self, address: str, current: str, pending: str = "") -> None:
        """What nvidia-smi shows of a GPU's MIG mode."""
        self.put(f"var/tools/{address}/current", f"{current}\n")
        self.put(f"var/tools/{address}/pending", f"{pending or current}\n")

    def bind(self, address: str, driver: str) -> None:
        """A driver takes a function; an empty name takes it from any."""
        link = self.at(f"{DEVICES}/{address}/driver")
        link.unlink(missing_ok=True)
        if driver:
            home = self.at(f"sys/bus/pci/drivers/{driver}")
            home.mkdir(parents=True, exist_ok=True)
            if not (home / "unbind").exists():
                os.mkfifo(home / "unbind")
            link.symlink_to(f"../../drivers/{driver}")

    def driver(self, address: str) -> str:
        """The driver that a function is bound to, empty for none."""
        link = self.at(f"{DEVICES}/{address}/driver")
        return link.readlink().name if link.is_symlink() else ""

    @property
    def log(self) -> list[str]:
        """How NVIDIA's tools, mdevctl and modprobe were called, in order; a pause is `sleep SECONDS`."""
        return self.text("var/tools/log").splitlines()

    @property
    def changes(self) -> list[str]:
        """The calls of the log that change something."""
        looks = (" --query-gpu=", " -lgi", " -lci")
        return [each for each in self.log if not each.startswith("sleep ") and not any(look in each for look in looks)]

    @property
    def record(self) -> state.Record | None:
        """The record that the script left."""
        return state.parse_record(self.text(state.RECORD))

    def run(self, *shell: str) -> subprocess.CompletedProcess[str]:
        """Boot once: the script, by this shell, while a kernel answers writes to sysfs."""
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        with kernel(self):
            return subprocess.run(
                (*enter(self.path), *shell, units.SCRIPT),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=environment,
                check=False,
                timeout=120,
            )

    def reboot(self) -> None:
        """What a power cut wipes: virtual functions with their vGPUs, instances, the log of the tools."""
        for device in self.at(DEVICES).iterdir():
            for link in device.glob("virtfn*"):
                shutil.rmtree(link.resolve())
                link.unlink()
            if (device / "sriov_numvfs").exists():
                (device / "sriov_numvfs").write_text("0\n")
        for left in self.at("var/tools").glob("*/instances"):
            left.unlink()
        self.at("var/tools/log").unlink(missing_ok=True)


def rooted(path: Path) -> Rooted:
    """A fresh root with the script in its place and no claim."""
    root = Rooted(path)
    for program in _needed():
        target = root.at(str(program))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program, target)
    for name in ("dev", "proc/sys/kernel/random", "tmp", "var/tools", "sys/bus/pci/drivers", DEVICES, "bin"):
        root.at(name).mkdir(parents=True, exist_ok=True)
    root.put("dev/null")  # made for redirections; what it is does not matter to them
    root.put("proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
    if not root.at("bin/sh").exists():
        root.at("bin/sh").symlink_to("/usr/bin/dash")
    for tool in _TOOLS.iterdir():
        root.put(f"{_PLACES.get(tool.name, 'usr/local/bin')}/{tool.name}", tool.read_text(), 0o755)
    os.mkfifo(root.at("sys/bus/pci/drivers_probe"))
    root.put(units.SCRIPT, boot_unit.script().decode(), 0o700)
    root.at(state.CLAIMS).mkdir()
    return root


@contextmanager
def kernel(root: Rooted) -> Iterator[None]:
    """Do what is written to `unbind` and `drivers_probe`, in this order where both wait, until the script has ended."""
    for driver in ("nvidia", "nouveau"):
        if not root.at(f"sys/bus/pci/drivers/{driver}").exists():
            root.at(f"sys/bus/pci/drivers/{driver}").mkdir()
            os.mkfifo(root.at(f"sys/bus/pci/drivers/{driver}/unbind"))
    stop = threading.Event()
    thread = threading.Thread(target=_serve, args=(root, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve(root: Rooted, stop: threading.Event) -> None:
    attributes = [*root.at("sys/bus/pci/drivers").glob("*/unbind"), root.at("sys/bus/pci/drivers_probe")]
    with ExitStack() as opened:
        ends = [os.open(path, os.O_RDWR) for path in attributes]
        for end in ends:
            opened.callback(os.close, end)
        while not stop.is_set():
            ready, _, _ = select.select(ends, (), (), 0.002)
            for end in sorted(ready, key=ends.index):
                address = os.read(end, 100).decode()
                override = root.text(f"{DEVICES}/{address}/driver_override").strip() if end == ends[-1] else ""
                root.bind(address, "" if override == "(null)" else override)
