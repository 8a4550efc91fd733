"""CPU time of `gpucarve --help` and of each verb's, beside that of an empty Python: the bar is 0.15 s.

Run it with the interpreter that gpucarve is installed for: `python benchmarks/help.py`. The exit status is 1 where one
of them is over the bar.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from gpucarve.cli.commands import VERBS

_TIMES = 8
_BAR = 0.15


def cpu(arguments: list[str]) -> float:
    """The least CPU seconds, of the process and the system on its behalf, in so many runs."""
    found = []
    for _ in range(_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main() -> int:
    """A line each; 1 when one is over the bar."""
    sys.stdout.write(f"{cpu(['-c', '']):.3f} s  empty Python\n")
    over = 0
    for verb in ("", *VERBS):
        words = [*verb.split(), "--help"]
        seconds = cpu(["-m", "gpucarve", *words])
        over |= seconds > _BAR
        sys.stdout.write(f"{seconds:.3f} s  gpucarve {' '.join(words)}\n")
    sys.stdout.write(f"{_BAR:.3f} s  is the bar\n")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
