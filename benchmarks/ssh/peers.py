"""The tools that are compared, and the files that each is given: an inventory, and the steps in its own words.

pyinfra, ansible-core and mitogen live in an environment of their own, made once from `requirements/peers.txt`
(versions and hashes) and kept in the user's cache; gpucarve never depends on them, and runs them as processes.

Boundary: files and command lines; nothing is measured here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from benchmarks.ssh.described import Description
from benchmarks.ssh.steps import STEPS, Directory, Kernel, Line, Step, SymbolicLink, TextFile

_PINS = Path(__file__).parents[2] / "requirements" / "peers.txt"
_ANSIBLE = """\
[defaults]
forks = {count}
gathering = explicit
interpreter_python = {python}
host_key_checking = True
retry_files_enabled = False
{strategy}
[ssh_connection]
pipelining = True
control_path_dir = {folder}/cp
ssh_args = -C -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={known_hosts} -F /dev/null
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A command line, its additions to the environment, and what ends connections that it leaves behind."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], None] = lambda: None


def prepared() -> Path:
    """The `bin` of the peers' environment; made where it is not there, or was made of other pins or another Python."""
    digest = hashlib.sha256(_PINS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    place = Path(platformdirs.user_cache_dir("gpucarve")) / "benchmark-peers" / digest
    if not (place / "complete").exists():
        sys.stderr.write(f"making an environment for pyinfra, ansible-core and mitogen in {place}\n")
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run((sys.executable, "-m", "venv", str(place)), check=True)
        pip = (str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        subprocess.run((*pip, "--require-hashes", "-r", str(_PINS)), check=True)
        (place / "complete").touch()
    return place / "bin"


def floor(fleet: Path) -> Tool:
    """Bare asyncssh and one script."""
    return Tool("floor", (sys.executable, "-m", "benchmarks.ssh.floor", str(fleet)))


def gpucarve(fleet: Path, folder: Path) -> Tool:
    """The product, with a journal in `folder`."""
    return Tool("gpucarve", (sys.executable, "-m", "benchmarks.ssh.carve", str(fleet), str(folder / "journal.sqlite3")))


def pyinfra(fleet: Description, folder: Path, programs: Path) -> Tool:
    """All hosts at once, over its own ssh client, which checks host keys strictly."""
    folder.mkdir()
    data = {
        "ssh_user": "root",
        "ssh_key": fleet.identity,
        "ssh_known_hosts_file": fleet.known_hosts,
        "ssh_strict_host_key_checking": "yes",
        "ssh_config_file": "/dev/null",
    }
    hosts = [(name, data | {"ssh_hostname": address, "ssh_port": port}) for name, address, port in fleet.hosts]
    (folder / "inventory.py").write_text(f"hosts = {hosts!r}\n")
    lines = ["import io", "from pyinfra import host", "from pyinfra.facts.server import KernelVersion"]
    lines += ["from pyinfra.operations import files", *map(_operation, STEPS)]
    (folder / "deploy.py").write_text("\n".join((*lines, "")))
    argv = (str(programs / "pyinfra"), "-y", "--parallel", str(len(fleet.hosts)), "inventory.py", "deploy.py")
    return Tool("pyinfra", ("env", "-C", str(folder), *argv))


def _operation(step: Step) -> str:
    match step:
        case Kernel():
            return "host.get_fact(KernelVersion)"
        case Directory(path):
            return f"files.directory(path={path!r}, mode='755')"
        case TextFile(path, content):
            return f"files.put(src=io.StringIO({content!r}), dest={path!r}, mode='644')"
        case Line(path, start, rest):
            return f"files.line(path={path!r}, line={f'^{start}.*'!r}, replace={start + rest!r})"
        case SymbolicLink(path, target):
            return f"files.link(path={path!r}, target={target!r})"


def ansible(fleet: Description, folder: Path, programs: Path, *, mitogen: bool = False) -> Tool:
    """A playbook with pipelining and as many forks as hosts, by OpenSSH's client; or by mitogen's strategy."""
    folder.mkdir()
    hosts = {
        name: {"ansible_host": address, "ansible_port": port, "ansible_user": "root"}
        for name, address, port in fleet.hosts
    }
    own = {"ansible_ssh_private_key_file": fleet.identity}
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": own}}))
    play = {"hosts": "all", "gather_facts": False, "tasks": [_task(step) for step in STEPS]}
    (folder / "play.json").write_text(json.dumps([play]))
    strategy = ""
    if mitogen:
        (found,) = programs.parent.glob("lib/python3*/site-packages/ansible_mitogen/plugins/strategy")
        strategy = f"strategy_plugins = {found}\nstrategy = mitogen_linear\n"
    config = _ANSIBLE.format(
        count=len(fleet.hosts),
        python=shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin"),  # a host sees no home of ours
        strategy=strategy,
        folder=folder,
        known_hosts=fleet.known_hosts,
    )
    (folder / "ansible.cfg").write_text(config)
    argv = (str(programs / "ansible-playbook"), "-i", str(folder / "inventory.json"), str(folder / "play.json"))
    environment = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "home"), "NO_COLOR": "1"}
    return Tool("mitogen" if mitogen else "ansible", argv, environment, lambda: _end_masters(folder / "cp"))


def _task(step: Step) -> dict[str, object]:
    match step:
        case Kernel():
            return {"ansible.builtin.command": {"argv": ["uname", "-r"]}, "changed_when": False}
        case Directory(path):
            return {"ansible.builtin.file": {"path": path, "state": "directory", "mode": "0755"}}
        case TextFile(path, content):
            return {"ansible.builtin.copy": {"dest": path, "content": content, "mode": "0644"}}
        case Line(path, start, rest):
            return {"ansible.builtin.lineinfile": {"path": path, "regexp": f"^{start}", "line": start + rest}}
        case SymbolicLink(path, target):
            return {"ansible.builtin.file": {"path": path, "src": target, "state": "link", "force": True}}


def _end_masters(folder: Path) -> None:
    """End the connections that ssh keeps for a next run: each run begins without any."""
    for control in folder.glob("*") if folder.is_dir() else ():
        subprocess.run(
            ("ssh", "-O", "exit", "-S", str(control), "-F", os.devnull, "host"), check=False, capture_output=True
        )
