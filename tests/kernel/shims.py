"""Shims in front of the guest's tools: they count what runs, and can hold a command in the middle of a program.

The shims stand where a program's PATH looks first, or in a tool's own place, outside of `lab.footprint`. A command is
counted when it begins to work, so one that was held and killed has not run.
"""

from __future__ import annotations

from collections import Counter

from tests.kernel.guest import Guest

REBOOT, ENABLE, DISABLE = "systemctl reboot", "sriov-manage -e", "sriov-manage -d"
DEFINE, START, STOP, UPDATE_GRUB = "mdevctl define", "mdevctl start", "mdevctl stop", "update-grub"
ONCE = (REBOOT, ENABLE, DISABLE, START, STOP)  # what must never run twice for one purpose

_LOG = "/var/log/bench-commands"
_HOLD = "/run/bench-hold"  # holds the beginning of the command to be held
_HELD = "/run/bench-held"
_LOCK = "/var/lib/gpucarve/lock"
_POLL_SECONDS = 0.1

_SHIM = """#!/bin/sh
held=$(cat {hold} 2>/dev/null) && [ -n "$held" ] && case "{name} $*" in "$held"*)
    echo >{held}
    while [ -e {hold} ]; do sleep 0.1; done ;;
esac
echo "{name} $*" >>{log}
exec {real} "$@"
"""
_TOOLS = {
    "/usr/local/sbin/update-grub": "/usr/sbin/update-grub",
    "/usr/local/sbin/systemctl": "/usr/bin/systemctl",
    "/usr/local/sbin/mdevctl": "/usr/bin/mdevctl",
    "/usr/local/sbin/nvidia-smi": "/usr/bin/nvidia-smi",
    "/usr/lib/nvidia/sriov-manage": "/usr/lib/nvidia/sriov-manage.shimmed",
}


def install(guest: Guest) -> None:
    """Put the shims in place and forget what was counted."""
    script = "[ -e /usr/lib/nvidia/sriov-manage.shimmed ] || "
    script += "mv /usr/lib/nvidia/sriov-manage /usr/lib/nvidia/sriov-manage.shimmed\n"
    for path, real in _TOOLS.items():
        name = path.rpartition("/")[2]
        text = _SHIM.format(hold=_HOLD, held=_HELD, log=_LOG, name=name, real=real)
        script += f"cat >{path} <<'SHIM'\n{text}SHIM\nchmod 755 {path}\n"
    guest.shell(f"{script}true >{_LOG}\nsync\n")


def forget(guest: Guest) -> None:
    """Count from now."""
    guest.shell(f"true >{_LOG}")


def order(guest: Guest) -> list[str]:
    """The commands that have run, in their order."""
    return [line.strip() for line in guest.shell(f"cat {_LOG}").splitlines()]


def ran(guest: Guest) -> Counter[str]:
    """How often each command with these very arguments has run: `mdevctl start --uuid …`."""
    return Counter(order(guest))


def times(guest: Guest, command: str) -> int:
    """How often it has run, with whatever further arguments."""
    return sum(number for line, number in ran(guest).items() if line.startswith(command))


def repeated(guest: Guest) -> list[str]:
    """The commands that ran twice though they must not. Raises AssertionError when nothing was counted at all."""
    counted = ran(guest)
    assert counted, "nothing was counted"
    return [command for command, number in counted.items() if number > 1 and command.startswith(ONCE)]


def hold(guest: Guest, command: str) -> None:
    """From now on a command that begins so (`mdevctl start`) waits before it does anything."""
    guest.shell(f"rm -f {_HELD}; printf %s '{command}' >{_HOLD}")


def wait_until_held(guest: Guest) -> None:
    """Wait until it does."""
    guest.shell(f"until [ -e {_HELD} ]; do sleep {_POLL_SECONDS}; done")


def let_go(guest: Guest) -> None:
    """Let it go on, and hold nothing any more."""
    guest.shell(f"rm -f {_HOLD}")


def kill_program(guest: Guest) -> None:
    """SIGKILL whoever has gpucarve's lock open: a program with all its children. Waits until the lock is free."""
    find = f'for p in /proc/[0-9]*; do [ ! "$p/fd/9" -ef {_LOCK} ] || kill -9 "${{p#/proc/}}" || true; done'
    guest.shell(f"{find}\nflock -w 20 {_LOCK} true\nrm -f {_HOLD}")


def lock_is_held(guest: Guest) -> bool:
    """Whether a program is at work."""
    return guest.ssh(("flock", "-n", _LOCK, "true"), check=False).returncode != 0
