"""The twin's account of the boot script makes the same calls, keeps the same record and has the same complaints."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.twin.boot_script import Assertion, lines
from tests.boot import rooted
from tests.boot.rooted import DEVICES, Rooted, enter
from tests.parts import leave_out

GPU, OTHER, ABSENT = "0000:65:00.0", "0000:17:00.0", "0000:99:00.0"
VF = "0000:65:00.4"
UUIDS = ("30820a6f-b1a5-4503-91ca-0c10ba58692a", "30820a6f-b1a5-4503-91ca-0c10ba58692b")


@dataclass
class Scripted:
    """A root as the twin's account asks it: the same tools, called one by one."""

    root: Rooted

    def tool(self, *argv: str) -> tuple[int, str]:
        ran = subprocess.run(
            (*enter(self.root.path), *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
        return ran.returncode, ran.stdout

    def text(self, path: str) -> str:
        return self.root.text(path).partition("\n")[0]

    def link(self, path: str) -> str:
        found = self.root.at(path)
        return str(found.readlink()) if found.is_symlink() else ""

    def count(self, pattern: str) -> int:
        return sum(1 for each in self.root.path.glob(pattern.removeprefix("/")) if each.exists())

    def put(self, path: str, value: str) -> bool:
        self.root.at(path).write_text(value)
        return True

    def pause(self, seconds: int) -> None:
        self.tool("sleep", str(seconds))


def told(root: Rooted) -> tuple[dict[int, str], list[str]]:
    """What the twin's account records and says of a boot on this root."""
    records = [root.text(str(path.relative_to(root.path))) for path in sorted(root.at(state.CLAIMS).glob("*/record"))]
    with rooted.kernel(root):
        assertion = Assertion(Scripted(root))
        for line in assertion.count(lines(records)):
            assertion.carry_out(line)
    states = {number: "done" if done else "failed" for number, done in enumerate(assertion.states)}
    return states, assertion.said


def ran(root: Rooted) -> tuple[dict[int, str], list[str]]:
    """What the script itself records and says."""
    done = root.run("dash")
    assert root.record is not None
    return root.record.states, [each.removeprefix("gpucarve-boot: ") for each in done.stderr.splitlines()]


def carved(root: Rooted, *wanted: str) -> None:
    """A host with a card for vGPUs and instances and one to give away, and these lines in its claims."""
    root.add_gpu(GPU, vfs=4)
    root.add_mig(GPU, "Disabled")
    root.add_gpu(OTHER, driver="nouveau")
    for number, line in enumerate(wanted):
        root.claim(f"x@{number:02}", json.dumps({"kind": "x", "boot": line}))


EVERYTHING = (
    f"vgpu {UUIDS[0]} {VF}",
    f"vgpu {UUIDS[1]} 0000:65:00.5",
    f"gpu-instance {GPU} 19 4 compute",
    f"gpu-instance {GPU} 9 0 bare",
    f"virtual-functions {GPU}",
    f"mig-mode {GPU} on",
)
AILMENTS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nothing ails it": ({}, EVERYTHING),
    "no claims": ({}, ()),
    "lock messages": ({f"{GPU}/refusals": "2\n"}, EVERYTHING),
    "lock messages without end": ({f"{GPU}/refusals": "9\n"}, EVERYTHING),
    "a tool that lies": ({f"{GPU}/lies": "1\n"}, EVERYTHING),
    "a tool that fails": ({f"{GPU}/broken": ""}, EVERYTHING),
    "a mode that waits for a reset": ({f"{GPU}/ampere": ""}, EVERYTHING),
    "a damaged infoROM": ({f"{GPU}/inforom": ""}, EVERYTHING),
    "no room for an instance": ({f"{GPU}/taken": ""}, EVERYTHING),
    "no compute instance": ({f"{GPU}/no-compute": ""}, EVERYTHING),
    "instances of others": ({f"{GPU}/instances": "3 19 5:1 1\n"}, (EVERYTHING[5], EVERYTHING[2])),
    "half an instance": ({f"{GPU}/instances": "3 19 4:1 0\n"}, (EVERYTHING[5], EVERYTHING[2])),
    "a vGPU that is refused": ({UUIDS[0]: ""}, EVERYTHING),
    "a card to give away": ({}, (*EVERYTHING, f"passthrough {OTHER} {OTHER}")),
    "a card to give away, and one that is gone": ({}, (f"passthrough {OTHER} {OTHER} {ABSENT}", *EVERYTHING)),
    "what is gone": ({}, (f"vgpu {UUIDS[0]} {ABSENT}", f"mig-mode {ABSENT} off", f"passthrough {ABSENT} {OTHER}")),
    "wrong words": ({}, ("mig-mode x", "vgpu x", f"gpu-instance {GPU} 9 x bare", f"virtual-functions {GPU} y")),
    "strange lines": ({}, ("frob x", "vgpu $x y", *EVERYTHING[4:])),
    "a card without a driver": ({}, (f"virtual-functions {OTHER}", f"gpu-instance {OTHER} 9 0 bare")),
}


def _calls(root: Rooted, wanted: tuple[str, ...]) -> list[str]:
    """The log; how often a bind is waited for depends on when the thread that stands in for the kernel has its turn."""
    given = any(line.startswith("passthrough") for line in wanted)
    return [call for call in root.log if not given or call != "sleep 1"]


@pytest.mark.parametrize(("files", "wanted"), AILMENTS.values(), ids=AILMENTS.keys())
def test_both_do_and_say_the_same(tmp_path: Path, files: dict[str, str], wanted: tuple[str, ...]) -> None:
    if why := rooted.missing():
        leave_out(why)
    roots = []
    for name in ("script", "twin"):
        root = rooted.rooted(tmp_path / name)
        carved(root, *wanted)
        for path, text in files.items():
            root.put(f"var/tools/{path}", text)
        roots.append(root)
    script, twin = roots
    for _ in range(2):  # the second time everything that could be made stands
        assert ran(script) == told(twin)
        assert _calls(script, wanted) == _calls(twin, wanted)
    for path in ("/".join((DEVICES, GPU, "sriov_numvfs")), f"{DEVICES}/{OTHER}/driver_override"):
        assert script.text(path) == twin.text(path)
    assert script.driver(OTHER) == twin.driver(OTHER)
