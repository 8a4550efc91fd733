"""The page about the catalog says what is there: its table is the data, its commands work."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from gpucarve import catalog
from gpucarve.catalog import loader
from gpucarve.cli.commands import root

PAGE = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text("utf-8")
TABLE = PAGE.partition("<!-- tables:")[2].partition("-->\n")[2].partition("<!-- end of tables -->")[0]
ROWS = re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \| .+ \| (.+) \|$", TABLE, flags=re.MULTILINE)
COMMANDS = re.findall(r"^(gpucarve [^#\n]+)", PAGE, flags=re.MULTILINE)


def test_the_page_lists_every_table_with_its_entries() -> None:
    written = {name: int(entries) for name, entries, _ in ROWS}
    assert written == {name: loader.read(name).header["entries"] for name in (*loader.HARDWARE, *loader.COMPATIBILITY)}


@pytest.mark.parametrize("asked", sorted({asked for _, _, asked in ROWS}))
def test_a_question_on_the_page_can_be_asked(asked: str) -> None:
    module: object = None
    for word in re.findall(r"`([A-Za-z_.]+)`", asked):
        owner, _, name = word.rpartition(".")
        if owner:
            module = catalog.Catalog if owner == "Catalog" else import_module(f"gpucarve.catalog.{owner}")
        assert callable(getattr(module, name)), word


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_the_page_works(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(command)
    assert words[0] == "gpucarve"
    assert root.main(words[1:], prog_name="gpucarve", standalone_mode=False) == 0
    assert capsys.readouterr().out


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 9
