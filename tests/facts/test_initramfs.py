"""What is told of the initramfs, by the script that looks at it and by the parse of what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gpucarve.calls import state
from gpucarve.calls.replies import Exited, Failure, FailureKind
from gpucarve.facts import bindings, initramfs, modules
from gpucarve.facts.initramfs import Initramfs
from gpucarve.facts.observed import Unreadable
from gpucarve.model.pci import PciAddress
from tests.parts import leave_out
from tests.transports.shell.shells import SHELLS

LISTS = {
    "initramfs-tools": ("update-initramfs", "lsinitramfs", "{}"),
    "dracut": ("dracut", "lsinitrd", "-rw-r--r--   1 root     root           18 Jan  1  1970 {}"),
}
INSIDE = ("usr/lib/modules/6.1/kernel/drivers/gpu/drm/nouveau/nouveau.ko.xz", "usr/lib/modules/6.1/kernel/fs/ext4.ko")
OURS = "etc/modprobe.d/gpucarve.conf"


class Root:
    """A root directory with a kernel's answers, an image, and tools that list what is said to be in it."""

    def __init__(self, path: Path, shell: tuple[str, ...]) -> None:
        self._path, self._shell = path, shell
        (path / "bin").mkdir()
        self.put(modules.LOADED, "ext4 1 0 - Live 0x0\n")
        self.put(f"/boot/initrd.img-{os.uname().release}", "image")

    def put(self, path: str, text: str) -> None:
        """Write a file."""
        place = self._path / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def remove(self, path: str) -> None:
        """Remove a file."""
        (self._path / path.lstrip("/")).unlink()

    def loaded(self, *names: str) -> None:
        """These are loaded."""
        self.put(modules.LOADED, "".join(f"{name} 1 0 - Live 0x0\n" for name in names))

    def tools(self, kind: str, *inside: str, status: int = 0) -> None:
        """The tools of one kind, the image holding this."""
        make, show, form = LISTS[kind]
        lines = "".join(f"echo '{form.format(path)}'\n" for path in inside)
        for name, text in ((make, "exit 0\n"), (show, f"{lines}exit {status}\n")):
            self.put(f"/bin/{name}", f"#!/bin/sh\n{text}")
            (self._path / "bin" / name).chmod(0o755)

    def look(self, *forced: str) -> Initramfs:
        """What the script says, read."""
        argv = (*self._shell, "-c", initramfs.LOOK, "look", str(self._path), *forced)
        environment = {"PATH": f"{self._path}/bin:/usr/bin:/bin"}
        ended = subprocess.run(argv, capture_output=True, env=environment, check=False)
        assert ended.stderr == b""
        return initramfs.parse(Exited(ended.returncode, ended.stdout, ended.stderr))


@pytest.fixture(params=sorted(SHELLS))
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """A host's root directory, looked at by each shell that a host may have."""
    shell: tuple[str, ...] = SHELLS[request.param]
    if shutil.which(shell[0]) is None:
        leave_out(f"there is no {shell[0]} (apt)")
    return Root(tmp_path, shell)


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_an_image_that_holds_a_loaded_driver_is_told_by_either_tool(root: Root, kind: str) -> None:
    root.loaded("nouveau", "ext4")
    root.tools(kind, *INSIDE)
    assert root.look() == Initramfs(kind, frozenset({"nouveau"}), carries_blacklist=False)


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_our_file_is_found_inside(root: Root, kind: str) -> None:
    root.loaded("nouveau")
    root.tools(kind, *INSIDE, OURS)
    assert root.look() == Initramfs(kind, frozenset({"nouveau"}), carries_blacklist=True)


def test_nothing_is_listed_while_no_driver_of_the_kernel_is_loaded(root: Root) -> None:
    root.tools("initramfs-tools", *INSIDE, OURS)
    assert root.look() == Initramfs("initramfs-tools")


def test_with_our_claim_it_is_listed_while_a_module_of_our_file_is_loaded(root: Root) -> None:
    root.tools("initramfs-tools", *INSIDE)
    root.put(f"{state.CLAIMS}/{modules.BLACKLIST_CLAIM}/record", "{}")
    root.put(modules.BLACKLIST, "# ours\nblacklist nvidiafb\nblacklist nouveau\n")
    assert root.look().holds is None
    root.loaded("nouveau")
    assert root.look().holds == frozenset({"nouveau"})


def test_with_our_claim_and_without_our_file_it_is_listed(root: Root) -> None:
    root.tools("initramfs-tools", *INSIDE, OURS)
    root.put(f"{state.CLAIMS}/{modules.BLACKLIST_CLAIM}/record", "{}")
    assert root.look().carries_blacklist is True


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_whoever_takes_something_out_has_it_listed_whatever_is_so(root: Root, kind: str) -> None:
    gpu = PciAddress.parse("0000:65:00.0")
    root.tools(kind, *INSIDE, bindings.path(gpu).lstrip("/"), "etc/udev/rules.d/40-gpucarve.rules")
    assert root.look() == Initramfs(kind)
    listed = Initramfs(kind, frozenset({"nouveau"}), carries_blacklist=False, rules=frozenset({gpu}))
    assert root.look("list") == listed


def test_a_kernel_without_an_image_has_nothing_inside(root: Root) -> None:
    root.tools("initramfs-tools", *INSIDE)
    root.loaded("nouveau")
    root.remove(f"/boot/initrd.img-{os.uname().release}")
    assert root.look() == Initramfs("initramfs-tools", frozenset(), carries_blacklist=False)


def test_a_host_without_tools_that_are_known_is_not_looked_at(root: Root) -> None:
    root.loaded("nouveau")
    assert root.look() == Initramfs()


def test_an_image_that_the_tool_cannot_list_is_unknown(root: Root) -> None:
    root.loaded("nouveau")
    root.tools("dracut", *INSIDE, status=1)
    with pytest.raises(Unreadable, match="cannot be listed"):
        root.look()


@pytest.mark.parametrize(
    "reply",
    [
        Exited(127, b"", b"sh: not found"),
        Exited(0, b"tool mkinitcpio\n"),
        Exited(0, b""),
        Exited(0, b"tool dracut\nlisted\n", truncated=True),
        Failure(FailureKind.TIMED_OUT, "not done after 120 s"),
    ],
)
def test_an_answer_that_is_not_the_scripts_is_unknown(reply: Exited | Failure) -> None:
    with pytest.raises(Unreadable):
        initramfs.parse(reply)
