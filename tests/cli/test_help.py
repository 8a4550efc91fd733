"""The help teaches, and is quick because it imports next to nothing."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest

from gpucarve.cli.commands import VERBS, root
from tests.cli.conftest import Cli

HEAVY = (
    "gpucarve.spec",
    "gpucarve.calls",
    "pydantic",
    "yaml",
    "rich",
    "asyncssh",
    "asyncio",
    "sqlite3",
    "platformdirs",
)


def test_the_help_names_every_verb_and_every_exit_status(cli: Cli) -> None:
    said = cli("--help")
    assert said.status == 0
    for word in (*VERBS, "64 wrong usage", "75 somebody else works there"):
        assert word in said.out


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_help_of_every_verb_imports_nothing_heavy(verb: str) -> None:
    code = (
        f"import sys; from gpucarve.cli.running import run; run([*{verb!r}.split(), '--help']);"
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


def test_without_a_verb_the_help_is_shown_and_the_use_is_wrong(cli: Cli) -> None:
    for words in ((), ("twin",)):
        said = cli(*words)
        assert (said.status, said.out) == (64, "")
        assert said.err.startswith("Usage: ")
        assert "error:" not in said.err


@pytest.mark.parametrize(
    ("words", "meant"), [(("aply",), "apply"), (("twin", "serv"), "serve"), (("valdate", "-f", "x"), "validate")]
)
def test_a_mistyped_verb_is_told_with_what_was_meant(cli: Cli, words: tuple[str, ...], meant: str) -> None:
    said = cli(*words)
    assert said.status == 64
    assert f"did you mean {meant}?" in said.err


def test_a_word_like_no_verb_gets_no_guess(cli: Cli) -> None:
    assert "did you mean" not in cli("xyzzy").err


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.startswith("gpucarve 0.")
