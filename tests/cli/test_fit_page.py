"""The page about fitting shows what is said: each command on it is run, and its words are compared."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.conftest import Cli
from tests.house.tracked import ROOT

PAGE = ROOT / "docs" / "fit.md"
SHOWN = re.findall(r"^```console\n(gpucarve fit [^`]*?)```\n+```text\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)


def test_the_page_shows_a_fit_a_move_and_a_refusal() -> None:
    told = "".join(answer for _, answer in SHOWN)
    assert len(SHOWN) >= 3
    assert all(words in told for words in ("It fits.", "in this order:", "It does not fit"))


@pytest.mark.parametrize(("command", "answer"), SHOWN, ids=[command.split("\n")[0][:60] for command, _ in SHOWN])
def test_a_command_on_the_page_says_what_the_page_shows(cli: Cli, command: str, answer: str) -> None:
    said = cli(*shlex.split(command.replace("\\\n", " "))[1:])
    assert said.err == ""
    assert said.out.rstrip() == answer.rstrip()
