"""The real command in this process, on a twin in a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpucarve.cli import running
from gpucarve.twin import client, launch

HOST = "cci1/computegpu000"
DOCUMENT = """\
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {name: lab}
sites:
  - name: cci1
    platform: linux
    access: {ssh: {user: admin}}
    pools:
      - name: vdi
        nodes: {names: [computegpu000]}
        workload: vm-vgpu
        cut:
          - gpu: "0000:65:00.0"
            vgpu: {A100D-40C: 2}
"""


@dataclass(frozen=True)
class Said:
    """What the command ended with."""

    status: int
    out: str
    err: str


class Cli:
    """Runs the command; `fleet` is the document's path."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.folder = folder
        self.fleet = folder / "fleet.yaml"
        self.fleet.write_text(DOCUMENT)

    def __call__(self, *arguments: str | Path) -> Said:
        self._capsys.readouterr()
        status = running.run([str(each) for each in arguments])
        captured = self._capsys.readouterr()
        return Said(status, captured.out, captured.err)

    def on_fleet(self, verb: str, *arguments: str | Path) -> Said:
        """A verb with `-f` and the document."""
        return self(verb, "-f", self.fleet, *arguments)


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command with a journal, a state folder and a width of its own, and no terminal."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("GPUCARVE_JOURNAL", str(tmp_path / "journal.sqlite3"))
    monkeypatch.delenv("GPUCARVE_WORLD", raising=False)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        yield Cli(tmp_path, capsys)


@dataclass(frozen=True)
class Twin:
    """A running world, and what is done to it from outside."""

    socket: Path

    def do(self, request: Callable[[client.RemoteWorld], Coroutine[Any, Any, Any]]) -> Any:
        """One request to the world."""

        async def ask() -> Any:
            world = client.connect(self.socket)
            try:
                return await request(world)
            finally:
                await world.close()

        return asyncio.run(ask())


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    """The built-in world; the command finds it by GPUCARVE_WORLD."""
    socket = tmp_path / "world"
    process = launch.launch("seed-004", socket)
    monkeypatch.setenv("GPUCARVE_WORLD", str(socket))
    yield Twin(socket)
    process.terminate()
    process.wait()


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with the file of that name; GPUCARVE_GOLDEN=write makes the files anew."""

    def compare(name: str, text: str) -> None:
        file = Path(__file__).parent / "golden" / f"{name}.txt"
        if os.environ.get("GPUCARVE_GOLDEN") == "write":
            file.write_text(text)
        assert text == file.read_text()

    return compare
