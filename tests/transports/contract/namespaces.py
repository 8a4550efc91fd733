"""Worlds that are mount namespaces of this machine: real files, real processes, nothing of the machine's own touched.

Each has empty file systems over /run, /mnt, /var/lib and /usr/local/sbin, and ends with its keeper process. Needs root.
"""

from __future__ import annotations

import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gpucarve.calls import state
from gpucarve.calls.replies import PathKind, PathStatus
from gpucarve.calls.transport import HostTransport
from tests.transports.contract.world import Script

COMMANDS = "/usr/local/sbin"
APPLETS = "/usr/local/bin"
_ATTRIBUTES = {
    "ENOSPC": "/dev/full",
    "EINVAL": "/proc/sys/kernel/panic",
    "EACCES": "/sys/kernel/uevent_seqnum",
    "EIO": "/proc/self/mem",
}
_KINDS = {stat.S_IFREG: PathKind.FILE, stat.S_IFDIR: PathKind.DIRECTORY, stat.S_IFLNK: PathKind.LINK}


def missing() -> str:
    """Why such a world cannot be had here; empty when it can."""
    if os.geteuid() != 0:
        return "a world of its own is a mount namespace, which needs root"
    tried = subprocess.run(("unshare", "--mount", "true"), capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"no mount namespace can be made: {tried.stderr.decode().strip()}"


class Namespace:
    """A mount namespace as a `World`."""

    def __init__(self, keeper: int) -> None:
        self.root = f"/mnt/{keeper}"  # processes of other worlds are seen too, so paths differ from theirs
        self._keeper = keeper
        self._cleanup = ExitStack()

    @property
    def enter(self) -> tuple[str, ...]:
        """The command line that runs what follows it inside."""
        return ("nsenter", f"--mount=/proc/{self._keeper}/ns/mnt", "--")

    def within(self, path: str) -> Path:
        """A path of the world as this process can open it (links in it must be relative)."""
        return Path(f"/proc/{self._keeper}/root{path}")

    def sh(self, command: str) -> None:
        """Run a command line inside."""
        subprocess.run((*self.enter, "sh", "-ec", command), check=True, capture_output=True)

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a process inside, ended with the world."""
        process = subprocess.Popen((*self.enter, *argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._cleanup.callback(process.wait)
        self._cleanup.callback(process.kill)
        return process

    def close(self) -> None:
        """End what was started."""
        self._cleanup.close()

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        self.within(path).mkdir()
        self.within(path).chmod(mode)

    def put_file(self, path: str, content: bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        target = self.within(path)
        target.write_bytes(content)
        os.chown(target, uid, gid)
        target.chmod(mode)

    def put_link(self, path: str, target: str) -> None:
        self.within(path).symlink_to(target)

    def put_fifo(self, path: str) -> None:
        os.mkfifo(self.within(path))

    def remove(self, path: str) -> None:
        self.within(path).unlink()

    def read_file(self, path: str) -> bytes:
        return self.within(path).read_bytes()

    def read_link(self, path: str) -> str:
        return str(self.within(path).readlink())

    def status(self, path: str) -> PathStatus | None:
        try:
            found = self.within(path).lstat()
        except FileNotFoundError:
            return None
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), PathKind.SPECIAL)
        return PathStatus(path, kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)

    def listing(self, directory: str) -> set[str]:
        return {entry.name for entry in self.within(directory).iterdir()}

    def small_disk(self, name: str, size: int) -> str:
        path = f"{self.root}/{name}"
        self.sh(f"mkdir {path} && mount -t tmpfs -o mode=755,size={size} none {path}")
        return path

    def read_only_disk(self, name: str) -> str:
        path = self.small_disk(name, 1 << 20)
        self.sh(f"printf old >{path}/old && mount -o remount,ro {path}")
        return path

    def fixed_attribute(self, name: str, error: str) -> str:
        if error not in _ATTRIBUTES:
            raise NotImplementedError(error)
        self.put_link(f"{self.root}/{name}", _ATTRIBUTES[error])
        return f"{self.root}/{name}"

    def define_command(self, name: str, script: Script) -> None:
        hidden = f"{COMMANDS}/.{name}"
        self.put_file(f"{hidden}.out", script.stdout)
        self.put_file(f"{hidden}.err", script.stderr)
        lines = [
            "#!/bin/sh",
            "trap '' TERM" if script.ignore_term else "",
            f"cat >{shlex.quote(script.save_stdin)}" if script.save_stdin else "",
            f"printf '%s\\0' \"$@\" >{shlex.quote(script.save_argv)}" if script.save_argv else "",
            f"sleep {script.sleep}" if script.sleep else "",
            f"true >{shlex.quote(script.touch)}" if script.touch else "",
            f"cat {hidden}.out",
            f"cat {hidden}.err >&2",
            f"head -c {script.flood} /dev/zero | tr '\\0' x" if script.flood else "",
            f"kill -{script.signal} $$" if script.signal else "",
            f"exit {script.status}",
        ]
        self.put_file(f"{COMMANDS}/{name}", "\n".join(filter(None, lines)).encode() + b"\n", 0o755)

    def hold_open(self, path: str) -> tuple[int, tuple[str, ...]]:
        process = self.start("sh", "-c", f"exec 3<{shlex.quote(path)}; echo ready >&2; exec sleep 1000")
        descriptor = Path(f"/proc/{process.pid}/fd/3")
        argv = ("sleep", "1000")
        while not (descriptor.is_symlink() and _argv(process.pid) == argv):
            if process.poll() is not None:
                raise RuntimeError(f"{path} cannot be held open")
        return process.pid, argv

    async def cut(self, transport: HostTransport) -> None:
        await transport.close()

    def kill_program(self) -> None:
        record = state.parse_record(self.read_file(state.RECORD).decode())
        if record is None:
            raise RuntimeError("no program runs")
        os.kill(record.pid, signal.SIGKILL)


def _argv(pid: int) -> tuple[str, ...]:
    return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1])


@contextmanager
def namespace(*, applets: bool = False) -> Iterator[Namespace]:
    """A fresh one; with `applets`, busybox' come first on PATH."""
    mounts = [f"mount -t tmpfs -o mode=755 none {path}" for path in ("/run", "/mnt", "/var/lib", COMMANDS)]
    if applets:
        mounts += [f"mount -t tmpfs -o mode=755 none {APPLETS}", f"busybox --install -s {APPLETS}"]
    script = " && ".join((*mounts, "mkdir /run/sshd /mnt/$$", "echo ready", "exec sleep 100000"))
    command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as keeper:
        try:
            if keeper.stdout is None or keeper.stdout.readline() != b"ready\n":
                raise RuntimeError("the namespace was not made")
            world = Namespace(keeper.pid)
            try:
                yield world
            finally:
                world.close()
        finally:
            keeper.kill()
