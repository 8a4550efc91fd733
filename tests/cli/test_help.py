"""The help teaches, and is quick because it imports next to nothing."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest

from gpucarve.cli.commands import VERBS, root
from tests.cli.conftest import Cli

HEAVY = ("pydantic", "yaml", "rich", "asyncssh", "asyncio", "sqlite3", "platformdirs")


def test_the_help_names_every_verb_and_every_exit_status(cli: Cli) -> None:
    said = cli("--help")
    assert said.status == 0
    for word in (*VERBS, "64 wrong usage", "75 somebody else works there"):
        assert word in said.out


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from gpucarve.cli.running import run; run(['--help']);"
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("heavy: []\n")


def _commands() -> list[tuple[str, click.Command]]:
    found = []
    for name in VERBS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", each) for inner, each in command.commands.items()]
    return found


@pytest.mark.parametrize(("name", "command"), _commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_each_verb_shows_an_example_that_parses(name: str, command: click.Command) -> None:
    assert command.help is not None
    example = command.help.partition("Example:\n")[2].strip()
    words = shlex.split(example.partition(">")[0])
    assert words[: 1 + len(name.split())] == ["gpucarve", *name.split()]
    if not isinstance(command, click.Group):
        command.make_context(name, words[1 + len(name.split()) :])


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.startswith("gpucarve 0.")
