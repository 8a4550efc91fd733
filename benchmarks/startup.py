"""CPU time of `gpucarve --help`, of each verb's help and of `validate`, beside bare Python, argparse and click.

CPU of the process, and of the system on its behalf: the least of some runs, which is the same on a busy machine. Python
keeps what it compiled, as an installation does.

    python benchmarks/startup.py

The exit status is 1 where one of them is over its bar.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from gpucarve.cli.commands import VERBS

_TIMES = 8
_HELP, _VALIDATE = 0.15, 0.5
_DOCUMENT = Path(__file__).parent.parent / "examples" / "first-vgpu" / "twin.yaml"
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_BARE = {
    "empty Python": "",
    "argparse": "import argparse; argparse.ArgumentParser(prog='x').parse_args(['--help'])",
    "click": "import click; click.Command('x', callback=lambda: None)(['--help'])",
    "pydantic": "import pydantic; pydantic.create_model('Fleet', name=(str, ...))(name='x')",
}


def cpu(arguments: list[str]) -> float:
    """The least CPU seconds of these arguments to Python, in so many runs."""
    found = []
    for _ in range(_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> int:
    """A line each; 1 when one is over its bar."""
    for name, program in _BARE.items():
        sys.stdout.write(f"{cpu(['-c', program]):.3f} s  {name}\n")
    over = 0
    barred = [([*verb.split(), "--help"], _HELP) for verb in ("", *VERBS)]
    for words, bar in (*barred, (["validate", "-f", str(_DOCUMENT)], _VALIDATE)):
        seconds = cpu(["-m", "gpucarve", *words])
        over |= seconds > bar
        sys.stdout.write(f"{seconds:.3f} s  of {bar:.2f} s  gpucarve {' '.join(words)}\n")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
