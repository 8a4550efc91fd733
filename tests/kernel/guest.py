"""One running guest of the kernel bench: start it, look into it, take and restore snapshots, hurt it.

It answers on a free loopback port and nowhere else, and cannot reach out. Looking in goes through the system's ssh with
the host key verified. QEMU ends with this process, however that ends.
"""

import atexit
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.kernel import machine
from tests.kernel.bench import CLEAN, Bench
from tests.kernel.machine import Topology
from tests.kernel.qmp import Gone, Qmp
from tests.kernel.workspace import Workspace

_START_TRIES = 5
_QMP_SECONDS = 120.0
_POLL_SECONDS = 0.2


class GuestError(Exception):
    """The guest, or a command in it, did not do what was asked; the text holds what it said."""


class Guest:
    """A guest and its own copy of the bench's disk. Use as a context manager, or call `close`."""

    host = "127.0.0.1"

    def __init__(
        self, bench: Bench, disk: Path | None = None, *, topology: Topology = machine.A100, state: str | None = None
    ) -> None:
        """Copy `disk` (default: the bench's; no running guest's) into a folder of this guest's own; it is off.

        With another topology than `a100` it starts from its own snapshots alone, or cold: `start(None)`. `state` is a
        state of the bench's disk to boot from, such as `iommu-on`.
        """
        self.bench = bench
        self.topology = topology
        self._workspace = Workspace()
        self.folder = self._workspace.folder
        self.disk = self.folder / "disk.qcow2"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        atexit.register(self.close)
        shutil.copyfile(disk or bench.disk, self.disk)
        # ssh refuses a key of ours that others can read; the bench's may belong to another user.
        self.key.touch(mode=0o600)
        self.key.write_bytes(bench.client_key.read_bytes())
        if state is not None:
            subprocess.run(("qemu-img", "snapshot", "-a", state, str(self.disk)), check=True, capture_output=True)

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    # ---- its life ----

    def start(self, snapshot: str | None = CLEAN) -> None:
        """Start QEMU from a snapshot on the disk, or cold with None, and wait until ssh answers.

        A guest that was on before comes back at the same port, unless another process has taken it.
        """
        if self._process is not None:
            raise GuestError("this guest is running")
        for tries_left in reversed(range(_START_TRIES)):
            self.port = self.port or _free_port()
            try:
                self._launch(snapshot)
                break
            except GuestError as error:
                # Another process may have taken the port since it was looked for.
                if not tries_left or "Could not set up host forwarding rule" not in str(error):
                    raise
                self.port = 0
        known_hosts = f"[{self.host}]:{self.port} {self.bench.host_key}\n"
        self.known_hosts.write_text(known_hosts, encoding="ascii")
        self._settle()

    def _launch(self, snapshot: str | None) -> None:
        # setpriv and env: the guest dies with us, and only QEMU gets the preloaded object.
        argv = ["setpriv", "--pdeathsig", "KILL", "env", f"LD_PRELOAD={self.bench.preload}", "qemu-system-x86_64"]
        argv += machine.hardware(self.topology) + machine.backends(self.disk, self.port, self.folder)
        if snapshot is not None:
            argv += ["-loadvm", snapshot]
        log = self.folder / "qemu.log"
        with log.open("wb") as sink:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _QMP_SECONDS
        while self._qmp is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise GuestError(f"QEMU did not start: {log.read_text(errors='replace').strip()}")
            try:
                self._qmp = Qmp(self.folder / "qmp.sock", _QMP_SECONDS)
            except (OSError, Gone):
                time.sleep(_POLL_SECONDS)

    def power_off(self) -> None:
        """Cut the power: what the guest had not yet given to its disk is lost. `start(None)` boots it again."""
        if self._process is not None:
            self._process.kill()
        self._end()

    def quit(self) -> None:
        """End QEMU with its image file closed in order; for the guest it is a power cut all the same."""
        self.qmp.ask("quit")
        if self._process is not None:
            self._process.wait(_QMP_SECONDS)
        self._end()

    def reset(self) -> None:
        """Press the reset button; the guest boots again. Follow with `wait_for_boot`."""
        self.qmp.ask("system_reset")

    def reboot(self, timeout: float = 300) -> None:
        """Reboot from within, in order, and wait until ssh answers from another boot."""
        before = self.boot_id()
        self.qmp.ask("query-status")  # so that no reset of earlier is still to be read
        self.ssh(("systemctl", "reboot"), check=False)
        self.qmp.wait_for("RESET", timeout)  # a guest that is asked while it shuts down takes twice as long
        self.wait_for_boot(before, timeout)

    def hang(self) -> None:
        """Stop the guest's processors; connections stay open and nothing answers until `resume`."""
        self.qmp.ask("stop")

    def resume(self) -> None:
        """Let a stopped guest go on."""
        self.qmp.ask("cont")

    def link(self, up: bool) -> None:
        """Plug the network cable in or pull it; the guest goes on. Connections need some seconds after plugging in."""
        self.qmp.ask("set_link", name=machine.NETWORK, up=up)

    def close(self) -> None:
        """End QEMU and remove this guest's files; a second call does nothing."""
        self.power_off()
        self._workspace.remove()
        atexit.unregister(self.close)

    def _end(self) -> None:
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def qmp(self) -> Qmp:
        """QEMU's control socket. Raises GuestError where the guest is off."""
        if self._qmp is None:
            raise GuestError("this guest is off")
        return self._qmp

    # ---- snapshots ----

    def snapshot(self, name: str) -> None:
        """Keep memory, devices and disk under this name, on this guest's own disk; an older one is replaced."""
        self.qmp.monitor(f"savevm {name}")

    def copy(self) -> "Guest":
        """Another guest, off, with a copy of this one's disk and all its snapshots.

        A running guest stands still for the time of the copying: its image file is whole only while nothing writes.
        """
        if self._qmp is None:
            return Guest(self.bench, self.disk, topology=self.topology)
        self.hang()
        try:
            return Guest(self.bench, self.disk, topology=self.topology)
        finally:
            self.resume()

    def restore(self, name: str = CLEAN) -> None:
        """Go back to a snapshot, within the running QEMU, and wait until ssh answers. The link is up afterwards."""
        self.qmp.monitor(f"loadvm {name}")
        self.link(up=True)
        self.resume()
        self._settle()

    def _settle(self) -> None:
        """Wait for ssh; set the clock, which is the snapshot's."""
        self._poll(lambda: self.ssh(("date", "--set", f"@{time.time():.3f}"), timeout=10), 300, "ssh did not answer")

    def wait_for_ssh(self, timeout: float = 60) -> None:
        """Wait until ssh answers, from whatever boot. Raises GuestError in the end."""
        self._poll(lambda: self.ssh(("true",), timeout=10), timeout, "ssh did not answer")

    # ---- looking in ----

    @property
    def key(self) -> Path:
        """Private key (mode 0600) of every user: root, admin (sudo without password), locked (sudo needs one)."""
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        """known_hosts file with the guest's host key for this port."""
        return self.folder / "known_hosts"

    def ssh(
        self, argv: Sequence[str], *, user: str = "root", stdin: str = "", check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run one command in the guest. Raises GuestError where it fails (with `check`) or gives no end in time."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "5",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "LogLevel": "ERROR",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
        }
        command = ["ssh", "-F", "none", "-i", str(self.key), "-p", str(self.port)]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        command += [f"{user}@{self.host}", "--", shlex.join(argv)]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise GuestError(f"{shlex.join(argv)}: no end after {timeout:.0f} s") from error
        if check and done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise GuestError(f"{shlex.join(argv)}: status {done.returncode}: {said}")
        return done

    def shell(self, script: str, *, user: str = "root", timeout: float = 120) -> str:
        """Run a POSIX shell script in the guest and return what it printed. It stops at the first failure."""
        return self.ssh(("sh", "-eu"), user=user, stdin=script, timeout=timeout).stdout

    def boot_id(self) -> str:
        """The kernel's id of the present boot."""
        return self.ssh(("cat", "/proc/sys/kernel/random/boot_id")).stdout.strip()

    def wait_for_boot(self, before: str, timeout: float = 300) -> str:
        """Wait until ssh answers with a boot id other than `before`; returns it. Raises GuestError in the end."""
        seen = before

        def look() -> None:
            nonlocal seen
            seen = self.ssh(("cat", "/proc/sys/kernel/random/boot_id"), timeout=10).stdout.strip()
            if seen == before:
                raise GuestError("still the boot of before")

        self._poll(look, timeout, "the guest did not come back")
        return seen

    def _poll(self, attempt: Callable[[], object], timeout: float, failure: str) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                attempt()
                return
            except GuestError as error:
                if self._process is None or self._process.poll() is not None:
                    raise GuestError(f"{failure}: QEMU has ended: {self._log()}") from error
                if time.monotonic() > deadline:
                    raise GuestError(f"{failure} within {timeout:.0f} s: {error}") from error
            time.sleep(_POLL_SECONDS)

    def _log(self) -> str:
        return (self.folder / "qemu.log").read_text(errors="replace").strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((Guest.host, 0))
        port: int = probe.getsockname()[1]
    return port
