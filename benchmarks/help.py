"""CPU time of `gpucarve --help`, beside that of an empty Python: the bar is 0.15 s.

Run it with the interpreter that gpucarve is installed for: `python benchmarks/help.py`.
"""

from __future__ import annotations

import resource
import subprocess
import sys

_TIMES = 20


def cpu(arguments: list[str]) -> float:
    """The least CPU seconds, of the process and the system on its behalf, in so many runs."""
    found = []
    for _ in range(_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


if __name__ == "__main__":
    empty, helped = cpu(["-c", ""]), cpu(["-m", "gpucarve", "--help"])
    sys.stdout.write(f"empty Python {empty:.3f} s, gpucarve --help {helped:.3f} s, bar 0.150 s\n")
    sys.exit(helped > 0.15)
