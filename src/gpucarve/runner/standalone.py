"""Runs workloads by name where nobody asks for them by a command: in a container, a pod, a job.

Each prints its answer as one line of JSON on standard output, of which `gpucarve bench read` makes a report, and one
line in words on standard error. A workload may also be a JSON object, as for a single one. The exit status is 0 when
all of them ran and every result was right, 3 when one did not, 64 when there is none of that name.

Boundary: the way in of the image; what a figure is worth is not said here.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from gpucarve.runner.__main__ import KNOWN, answer

_CHECK, _USAGE = 3, 64


def main() -> None:
    """Answer the command line, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run what the arguments name, in order. Returns the exit status."""
    asked = [_asked(each) for each in arguments]
    strange = [argument for argument, each in zip(arguments, asked) if each.get("workload") not in KNOWN]
    if strange or not asked:
        told = f"there is no workload {strange[0][:40]!r}" if strange else "no workload was named"
        sys.stderr.write(f"{told}; there are {', '.join(KNOWN)}\n")
        return _USAGE
    passed = [_ran(each) for each in asked]
    return 0 if all(passed) else _CHECK


def _asked(argument: str) -> dict[str, Any]:
    if not argument.startswith("{"):
        return {"workload": argument}
    try:
        asked = json.loads(argument)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _ran(asked: dict[str, Any]) -> bool:
    said = answer(asked)
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    passed, words = _words(said)
    sys.stderr.write(f"{said['workload']}: {words}\n")
    sys.stderr.flush()
    return passed


def _words(said: dict[str, Any]) -> tuple[bool, str]:
    """Whether it ran and was right, and that in a line."""
    if "refusal" in said:
        told = said["refusal"]
        return False, f"REFUSED: {told['fact']}; {told['rule']}. What to do: {told['fix']}"
    if "failure" in said:
        return False, f"FAILED: {said['failure'].strip().splitlines()[-1]}"
    if "devices" in said:
        return True, ", ".join(f"{each['name']} ({each['interface']})" for each in said["devices"])
    wrong, of = (sum(check[key] for check in said["checks"]) for key in ("wrong", "of"))
    where = said["device"]["name"]
    if wrong or not of:
        return False, f"FAILED on {where}: {wrong} of {of} results wrong"
    return True, f"PASSED on {where}: {of} results, none wrong"
