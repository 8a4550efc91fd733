"""What every tracked source says of itself, and what none may say."""

from __future__ import annotations

import ast
import re
import subprocess

from tests.house.tracked import ROOT, lines, paths

# Each is broken by a "+" so that this file does not break its own rule.
PLACES = "/wo+rk/ /tm+p/ /opt/whe+els .py+env ../sha+red /ro+ot/.ca+che"
REGISTRIES = (
    "py+pi.org python+hosted.org deb+ian.org np+mjs.org docker+.io qu+ay.io gh+cr.io nv+cr.io k8s+.io crates+.io"
)
INDEXES = "PIP_FIND+_LINKS PIP_IN+DEX UV_IN+DEX index+-url find+-links"
WORDS = f"{PLACES} {REGISTRIES} {INDEXES}".replace("+", "").split()
FORBIDDEN = re.compile("|".join(map(re.escape, WORDS)))

# What says how to leave an index out has to name the option; the check of pins names it too.
NAMES_THE_OPTION = {"scripts/pins.sh", "tests/house/test_pins.py"}


def test_no_tracked_file_names_a_place_of_one_machine_or_a_registry() -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in paths()
        if str(path) not in NAMES_THE_OPTION
        for number, line in lines(path)
        if FORBIDDEN.search(line)
    ]
    assert found == []


def test_every_module_opens_with_a_docstring() -> None:
    modules = [path for path in paths() if path.suffix == ".py" and path.parts[0] in {"src", "scripts"}]
    assert modules
    bare = [str(path) for path in modules if not ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8")))]
    assert bare == []


def test_every_lint_exception_gives_its_reason_on_its_line() -> None:
    exception = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:|pylint:|pragma:)")
    reasoned = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\])\s*(#|-)\s*\w+")
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in paths()
        if path.suffix == ".py" and path.parts != ("tests", "house", "test_sources.py")
        for number, line in lines(path)
        if exception.search(line) and not reasoned.search(line)
    ]
    assert found == []


def test_every_script_parses_and_says_what_it_does() -> None:
    scripts = [path for path in paths() if path.parts[0] in {"scripts", ".ci"} and path.suffix in {"", ".sh"}]
    assert scripts
    for script in scripts:
        head = (ROOT / script).read_text("utf-8").splitlines()
        assert head[0] == "#!/usr/bin/env bash"
        assert head[1].startswith("# "), f"{script} does not say what it does"
        subprocess.run(("bash", "-n", str(ROOT / script)), check=True, timeout=60)
