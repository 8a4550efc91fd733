"""The demo is what a newcomer sees first, so it is run as a newcomer runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def chapters() -> list[str]:
    """What the demo prints, one text a chapter; its first is what comes before the first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        ("bash", "scripts/demo.sh"),
        check=False,
        cwd=ROOT,
        env={**os.environ, "PATH": path, "DEMO_SPEED": "200", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stdout
    return re.split(r"(?m)^(?=\d+\. )", told.stdout)


def _drawings(chapter: str) -> list[str]:
    return re.findall(r"0000:\S+ (\[\S+ ?\S* ?\S*\])", chapter)


def test_both_hosts_begin_and_end_bare(chapters: list[str]) -> None:
    bare = ["[" + "." * 32 + "]"] * 4
    assert _drawings(chapters[1]) == bare
    assert _drawings(chapters[9]) == bare


def test_the_apply_that_was_killed_goes_on(chapters: list[str]) -> None:
    assert chapters[4].endswith("Killed.\n\n")
    assert "Applied: 2 hosts." in chapters[5]
    assert "change kernel-arguments: done" in chapters[4]


def test_every_gpu_is_carved_and_a_second_plan_is_empty(chapters: list[str]) -> None:
    halves, slices = "[===A100D-40C===|===A100D-40C====]", "[=2-20C=|=2-20C=|=2-20C=|=1g|....]"
    whole = ["[####passthrough, 4 functions####]", "[##########passthrough###########]"]
    assert _drawings(chapters[6]) == [slices, halves, *whole]
    assert "Nothing to apply: fleet demo needs no change." in chapters[6]


def test_the_changed_card_is_another_and_its_neighbour_the_same(chapters: list[str]) -> None:
    before, after = _drawings(chapters[6]), _drawings(chapters[8])
    assert after[1] == "[===========A100D-80C============]"
    assert [after[0], *after[2:]] == [before[0], *before[2:]]


def test_what_it_would_have_been_by_hand_is_counted_on_the_hosts(chapters: list[str]) -> None:
    counts = re.findall(r"(?m)^cci1/computegpu00(\d): (\d+) commands?, (\d+) files?, .*\b2 reboots$", chapters[10])
    assert [host for host, *_ in counts] == ["0", "1"]


def test_a_change_that_a_guest_is_in_the_way_of_is_refused_with_its_name(chapters: list[str]) -> None:
    assert "is used by guest vm-1" in " ".join(chapters[7].split())
    assert "nothing was changed" in chapters[7]


def test_the_readme_shows_the_document_and_the_drawing_of_the_demo(chapters: list[str]) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    part = readme.partition("```yaml\n      - name: vgpus")[2].partition("```")[0]
    assert part.strip() in (ROOT / "examples" / "demo" / "fleet.yaml").read_text("utf-8")
    drawn = readme.partition("```text\n  0000:17:00.0")[2].partition("```")[0]
    assert drawn.strip() in chapters[6]
