"""What gpucarve's boot script does, told once more for simulated machines, on whatever answers as a host does.

A test runs both over the same hosts and compares every call, every word of the record and every complaint.

Boundary: the script's decisions, in its order; the host's own tools and sysfs do the work. Where a simulated machine
keeps its claims and its record is `boot_unit`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from gpucarve.resources.host.boot_lines import VERBS

PCI = "/sys/bus/pci"
SRIOV_MANAGE = "/usr/lib/nvidia/sriov-manage"
_FOUND = re.compile(r'.*"boot": "([^"]*)"')
_CLEAN = re.compile(r"[A-Za-z0-9:._+ -]+")


class Host(Protocol):
    """What the script asks of the host that it runs on."""

    def tool(self, *argv: str) -> tuple[int, str]:
        """Run a command: its status, and all that it printed."""
        ...

    def text(self, path: str) -> str:
        """A file's first line, empty when it cannot be read."""
        ...

    def link(self, path: str) -> str:
        """What a symbolic link says, empty when there is none."""
        ...

    def count(self, pattern: str) -> int:
        """How many names match and lead somewhere."""
        ...

    def put(self, path: str, value: str) -> bool:
        """Write a value into a file that is there; whether it went through."""
        ...

    def pause(self, seconds: int) -> None:
        """Let time pass."""
        ...


def lines(records: list[str]) -> list[str]:
    """The boot lines of claims' records, as the script's sed finds them."""
    return [match[1] for text in records for each in text.splitlines() if (match := _FOUND.match(each))]


class Assertion:
    """One run over the lines. `states` tells each line that was carried out, `said` what there was to complain of."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.said: list[str] = []
        self.states: list[bool] = []
        self.failed = False

    def count(self, found: list[str]) -> list[str]:
        """The lines that are to be asserted, in the order of their turns; the others are complained of."""
        known = []
        for line in filter(None, found):
            if not _CLEAN.fullmatch(line):
                self.said.append(f"damaged, and skipped: {re.sub(r'[^A-Za-z0-9:._+ -]', '', line)[:200]}")
                self.failed = True
            elif line.split()[:1] and line.split()[0] in VERBS:
                known.append(line)
            else:
                self.said.append(f"unknown, and skipped: {line}")
        return sorted(known, key=lambda line: VERBS.index(line.split()[0]))

    def carry_out(self, line: str) -> bool:
        """One line."""
        verb, *words = line.split()
        does: dict[str, Callable[..., bool]] = {
            "passthrough": self._passthrough,
            "mig-mode": self._mig_mode,
            "virtual-functions": self._virtual_functions,
            "gpu-instance": self._gpu_instance,
            "vgpu": self._vgpu,
        }
        done = does[verb](*words) if _fits(verb, words) else False
        if not done:
            self.said.append(f"failed: {line}")
            self.failed = True
        self.states.append(done)
        return done

    def _seen(self, seconds: int, condition: Callable[[], bool]) -> bool:
        for _ in range(seconds):
            if condition():
                return True
            self._host.pause(1)
        return condition()

    def _complain(self, text: str) -> bool:
        self.said.append(text)
        return False

    def _driver(self, address: str) -> str:
        return self._host.link(f"{PCI}/devices/{address}/driver").rpartition("/")[2]

    def _is_there(self, path: str) -> bool:
        return self._host.count(path) > 0

    def _bound(self, address: str, driver: str) -> bool:
        return self._driver(address) == driver

    def _ready(self, gpu: str) -> bool:
        if not self._is_there(f"{PCI}/devices/{gpu}"):
            return self._complain(f"there is no {gpu}")
        if self._seen(60, lambda: self._bound(gpu, "nvidia")):
            return True
        return self._complain(f"{gpu} is bound to {self._driver(gpu) or 'no driver'}, not to nvidia")

    def _tried(self, *argv: str) -> None:
        """A tool whose status is only told, not believed."""
        status, said = self._host.tool(*argv)
        if status:
            self._complain(f"{' '.join(argv)}: {short(said)}")

    # --- the verbs

    def _passthrough(self, *functions: str) -> bool:
        if not self._is_there(f"{PCI}/drivers/vfio-pci"):
            self._tried("modprobe", "vfio-pci")
        given = [self._give(function) for function in functions]
        return all(given)

    def _give(self, function: str) -> bool:
        home = f"{PCI}/devices/{function}"
        if not self._is_there(home):
            return self._complain(f"there is no {function}")
        driver = self._driver(function)
        if driver == "vfio-pci":
            return True
        if self._host.text(f"{home}/vendor") != "0x10de":
            return self._complain(f"{function} is another vendor's now")
        if not self._host.put(f"{home}/driver_override", "vfio-pci"):
            return False
        lock = f"/proc/driver/nvidia/gpus/{function}/unbindLock"
        if driver == "nvidia" and self._is_there(lock) and not self._seen(20, lambda: self._locked(lock)):
            return self._complain(f"NVIDIA's driver does not give {function} up: something has it open")
        if driver and not self._host.put(f"{home}/driver/unbind", function):
            return False
        self._host.put(f"{PCI}/drivers_probe", function)
        if self._seen(10, lambda: self._bound(function, "vfio-pci")):
            return True
        return self._complain(f"{function} is bound to {self._driver(function) or 'no driver'}, not to vfio-pci")

    def _locked(self, lock: str) -> bool:
        self._host.put(lock, "1")
        return self._host.text(lock) == "1"

    def _mode(self, which: str, gpu: str) -> str:
        status, said = self._host.tool(
            "nvidia-smi", "-i", gpu, f"--query-gpu=mig.mode.{which}", "--format=csv,noheader"
        )
        warned = status == 14  # with the answer comes a line about the infoROM
        return said.split()[0] if said.split() and (warned or not status) else ""

    def _mig_mode(self, gpu: str, wanted: str) -> bool:
        mode, switch = ("Enabled", "1") if wanted == "on" else ("Disabled", "0")
        if not self._ready(gpu):
            return False
        for pause in (2, 4, 8, 0):
            if self._mode("current", gpu) == mode:
                return True
            self._tried("nvidia-smi", "-i", gpu, "-mig", switch)
            if self._mode("current", gpu) == mode:
                return True
            if self._mode("pending", gpu) == mode:
                self._tried("nvidia-smi", "--gpu-reset", "-i", gpu)
                if self._mode("current", gpu) == mode:
                    return True
            if pause:
                self._host.pause(pause)
        now = self._mode("current", gpu)
        return now == mode or self._complain(f"the MIG mode of {gpu} is {now}, not {mode}")

    def _functions_are_on(self, gpu: str) -> bool:
        enabled = self._host.text(f"{PCI}/devices/{gpu}/sriov_numvfs")
        return enabled not in ("", "0") and self._host.count(f"{PCI}/devices/{gpu}/virtfn*") >= int(enabled)

    def _virtual_functions(self, gpu: str) -> bool:
        if self._functions_are_on(gpu):
            return True
        if not self._ready(gpu):
            return False
        for pause in (4, 8, 12, 16, 0):
            status, said = self._host.tool(SRIOV_MANAGE, "-e", gpu)
            if self._seen(1 if status else 30, lambda: self._functions_are_on(gpu)):
                return True
            self._complain(f"{SRIOV_MANAGE} -e {gpu} ended with {status}: {short(said)}")
            if status and "Cannot obtain unbindLock" not in said:
                break
            if pause:
                self._host.pause(pause)
        return self._complain(f"{gpu} has no virtual functions")

    def _instance(self, gpu: str, profile: str, start: str) -> str:
        """The id of the GPU instance that stands there, empty for none."""
        found = ""
        for row in self._host.tool("nvidia-smi", "mig", "-i", gpu, "-lgi")[1].splitlines():
            cells = row.split()
            if len(cells) > 6 and (cells[0], cells[2], cells[4]) == ("|", "MIG", profile):
                found = cells[5] if cells[6].startswith(f"{start}:") else found
        return found if found.isdecimal() else ""

    def _compute(self, gpu: str, instance: str) -> bool:
        rows = self._host.tool("nvidia-smi", "mig", "-i", gpu, "-gi", instance, "-lci")[1].splitlines()
        return any(row.split()[:1] == ["|"] and row.split()[2:4] == [instance, "MIG"] for row in rows)

    def _gpu_instance(self, gpu: str, profile: str, start: str, kind: str) -> bool:
        if not self._ready(gpu):
            return False
        for pause in (2, 4, 0):
            if not self._instance(gpu, profile, start):
                self._tried("nvidia-smi", "mig", "-i", gpu, "-cgi", f"{profile}:{start}")
            if instance := self._instance(gpu, profile, start):
                if kind == "bare" or self._compute(gpu, instance):
                    return True
                self._tried("nvidia-smi", "mig", "-i", gpu, "-gi", instance, "-cci")
                if self._compute(gpu, instance):
                    return True
            if pause:
                self._host.pause(pause)
        return self._complain(f"{gpu} has no whole instance of profile {profile} at {start}")

    def _vgpu(self, uuid: str, function: str) -> bool:
        home = f"{PCI}/devices/{function}"
        if self._is_there(f"{home}/{uuid}"):
            return True
        if not self._is_there(home):
            return self._complain(f"there is no {function}")
        if not self._seen(30, lambda: self._is_there(f"{home}/mdev_supported_types")):
            return self._complain(f"{function} offers no vGPU types")
        for pause in (1, 2, 0):
            self._tried("mdevctl", "start", "--uuid", uuid, "--parent", function)
            if self._seen(2, lambda: self._is_there(f"{home}/{uuid}")):
                return True
            if pause:
                self._host.pause(pause)
        return self._complain(f"the vGPU {uuid} does not run on {function}")


def short(said: str) -> str:
    """What a tool printed, in one short line."""
    return said.rstrip("\n").replace("\n", " ")[:400]


def _fits(verb: str, words: list[str]) -> bool:
    """Whether a verb has the words that it takes."""
    match verb, words:
        case "passthrough", [_, *_]:
            return True
        case "mig-mode", [_, "on" | "off"]:
            return True
        case "virtual-functions", [_]:
            return True
        case "gpu-instance", [_, profile, start, "compute" | "bare"]:
            return profile.isdecimal() and start.isdecimal()
        case "vgpu", [_, _]:
            return True
        case _:
            return False
