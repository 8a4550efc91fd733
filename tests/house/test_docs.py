"""What the documents point at is there, and the changelog's fragments make an entry."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click

from gpucarve import spec
from gpucarve.cli.commands import root
from tests.house.tracked import ROOT, paths
from tests.kernel.alike.differences import DIFFERENCES
from tests.kernel.alike.normalisers import NORMALISERS

LINK = re.compile(r"\[[^]]+\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCED = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"`make ([a-z-]+)`|^\s*make ([a-z-]+)\b", re.MULTILINE)


def _documents() -> list[Path]:
    return [path for path in paths() if path.suffix == ".md"]


def test_every_link_between_documents_leads_to_a_file() -> None:
    broken = [
        f"{path}: {target}"
        for path in _documents()
        for target, _ in LINK.findall((ROOT / path).read_text("utf-8"))
        if "://" not in target and not (ROOT / path.parent / target).exists()
    ]
    assert broken == []


def test_every_make_target_that_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        first or second for path in _documents() for first, second in TARGET.findall((ROOT / path).read_text("utf-8"))
    }
    assert {"demo", "test"} <= named
    assert named - known == set()


def _shown_commands() -> set[tuple[str, ...]]:
    """The `gpucarve` lines of the documents' console blocks, as words, comments dropped."""
    blocks = (block for path in _documents() for block in CONSOLE.findall((ROOT / path).read_text("utf-8")))
    commands = (shlex.split(line, comments=True) for block in blocks for line in block.splitlines())
    return {tuple(command) for command in commands if command[:1] == ["gpucarve"]}


def test_every_command_that_a_document_shows_has_that_verb_and_those_options() -> None:
    commands = _shown_commands()
    assert {"plan", "apply", "rollback"} <= {command[1] for command in commands}
    for _, verb, *words in sorted(commands):
        command = root.get_command(click.Context(root), verb)
        named = (verb, *words[:1]) if isinstance(command, click.Group) else (verb,)
        told = subprocess.run(
            (sys.executable, "-m", "gpucarve", *named, "--help"), check=True, capture_output=True, text=True, timeout=60
        ).stdout
        unknown = [word for word in words if word.startswith("-") and not re.search(rf"(^|\s){word}\b", told)]
        assert unknown == [], f"gpucarve {verb}"


def test_every_fleet_document_shown_or_shipped_is_valid() -> None:
    shown = [text for path in _documents() for text in FENCED.findall((ROOT / path).read_text("utf-8"))]
    shipped = [(ROOT / path).read_text("utf-8") for path in paths() if path.parts[0] == "examples"]
    fleets = [text for text in (*shown, *shipped) if "kind: Fleet" in text]
    assert len(fleets) >= 2
    for text in fleets:
        assert list(spec.load(text, "fleet.yaml").hosts())


def test_what_the_comparison_of_twin_and_kernel_leaves_out_is_listed_with_its_reasons() -> None:
    text = " ".join((ROOT / "docs" / "twin.md").read_text("utf-8").split())
    listed = text.partition("a test keeps this list equal):")[2].partition("The first report")[0]
    assert [each.strip() for each in listed.split(" - ")[1:]] == [
        *(each.why for each in NORMALISERS),
        *(each.why for each in DIFFERENCES),
    ]


def test_every_changelog_fragment_lands_in_the_next_entry() -> None:
    command = (
        str(Path(sys.executable).parent / "towncrier"),
        "build",
        "--draft",
        "--version",
        "next",
        "--date",
        "today",
    )
    run = subprocess.run(
        command, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    fragments = [path for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    for fragment in fragments:
        assert fragment.read_text("utf-8").split("\n")[0] in run.stdout, f"{fragment.name} is left out"
