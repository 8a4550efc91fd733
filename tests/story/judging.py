"""Which commands a host is allowed to see, and how often.

A command that changes the machine is needed while the machine is not as the command would make it; then only, it may
run, however often a run was cut off. What may always run again: what derives a file from others (`update-grub`), and
what does nothing where it is so already (`modprobe`, `udevadm`, what systemctl does to a unit). Looks are no programs'
commands and are not seen here.

Boundary: judges what is seen on the simulated host from outside; nothing of gpucarve is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gpucarve.twin import grub, initramfs, mig, modules
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.nodes import File

_IDEMPOTENT = {"sh", "update-grub", "modprobe", "udevadm", "sleep"}
_UNITS = {"start", "stop", "enable", "disable", "daemon-reload"}


def watch_commands(host: SimulatedHost) -> Counter[tuple[str, ...]]:
    """Counts every process that starts on a host from now on."""
    seen: Counter[tuple[str, ...]] = Counter()
    _see(host, lambda argv: seen.update([argv]))
    return seen


def repeated(seen: Counter[tuple[str, ...]], undisturbed: Counter[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The commands that ran more often than in an undisturbed run, though they must not."""
    assert seen, "nothing was counted"
    return [argv for argv, times in seen.items() if times > max(1, undisturbed[argv]) and not may_repeat(argv)]


def may_repeat(argv: tuple[str, ...]) -> bool:
    """Whether the command does nothing, or nothing new, when it runs again."""
    name, verb = _name(argv), argv[1] if len(argv) > 1 else ""
    return name in _IDEMPOTENT or (name == "systemctl" and verb in _UNITS)


@dataclass
class Judge:
    """Says of each command that starts on a host whether the machine needed it; `seen` are all that ran."""

    host: SimulatedHost
    wrong: list[str] = field(default_factory=list)
    seen: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        _see(self.host, self._judge)

    def _judge(self, argv: tuple[str, ...]) -> None:
        self.seen.append(argv)
        if not may_repeat(argv) and not self._needed(_name(argv), argv):
            self.wrong.append(f"{' '.join(argv)}: nothing was left to do")

    def _needed(self, name: str, argv: tuple[str, ...]) -> bool:
        """Whether the machine is not yet as the command would make it."""
        machine = self.host.machine
        match name:
            case "sriov-manage":
                return bool(machine.up.devices.vfs.get(argv[2], 0)) is (argv[1] == "-d")
            case "mdevctl":
                uuid = argv[argv.index("--uuid") + 1]
                defined = any(path.endswith(uuid) for path in machine.files.nodes if "mdevctl.d" in path)
                runs = any(each.uuid == uuid for each in machine.up.devices.mdevs)
                return {"define": not defined, "undefine": defined, "start": not runs, "stop": runs}[argv[1]]
            case "systemctl":
                return argv[1:] == ("reboot",) and machine.schedule.stops_at is None and self._boots_otherwise()
            case "update-initramfs":
                made = initramfs.make(machine, machine.hardware.kernel, initramfs.TOOLS)
                return made.files.nodes != machine.files.nodes
            case "nvidia-smi":
                return self._mig(argv)
            case _:
                return False

    def _boots_otherwise(self) -> bool:
        """Whether the next boot has another command line, or leaves out a driver that is loaded."""
        machine = self.host.machine
        menu = machine.files.nodes.get(grub.MENU)
        assert isinstance(menu, File)
        texts = [
            node.content.decode()
            for path, node in machine.files.nodes.items()
            if path.startswith("/etc/modprobe.d/") and isinstance(node, File)
        ]
        command_line = grub.command_line(menu.content.decode())
        out = modules.kept_out(texts, command_line or "")
        return command_line != machine.up.boot.cmdline or bool(out & set(machine.up.devices.modules))

    def _mig(self, argv: tuple[str, ...]) -> bool:
        machine, words = self.host.machine, dict(zip(argv, (*argv[1:], ""), strict=True))
        gpu = machine.hardware.device(words["-i"])
        assert gpu is not None
        standing = {each.number: each for each in mig.instances_on(machine.up.devices, gpu.address)}
        owner = standing.get(int(words.get("-gi", "-1")))
        match words:
            case {"-mig": mode}:
                return mig.pending(machine, gpu) is not (mode == "1")
            case {"--gpu-reset": _}:
                return mig.pending(machine, gpu) is not mig.is_on(machine.up.devices, gpu.address)
            case {"-cgi": wish}:
                start = int(wish.partition(":")[2])
                return not any(each.start <= start < each.start + each.size for each in standing.values())
            case {"-cci": _}:
                return owner is not None and not owner.compute
            case {"-dci": _} | {"-dgi": _}:
                return owner is not None
            case _:
                return False


def _name(argv: tuple[str, ...]) -> str:
    return argv[0].rpartition("/")[2]


def _see(host: SimulatedHost, look: Callable[[tuple[str, ...]], object]) -> None:
    spawn = host.spawn

    def seen(argv: tuple[str, ...], parent: int | None = None) -> int:
        look(argv)
        return spawn(argv, parent)

    host.spawn = seen  # type: ignore[method-assign]  # seen from outside
