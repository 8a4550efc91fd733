"""What the builder tells its user: one line a step with its seconds, and the end of the log where a step fails.

Commands write to a log file, not to the terminal; a failing one is named with its last lines.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TAIL_LINES = 30


class StepFailed(Exception):
    """A command of a build step failed; the text names it and holds the end of what it wrote."""


def say(line: str) -> None:
    """One line to the user, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Tell when the enclosed step began and how many seconds it took."""
    say(f"... {title}")
    start = time.monotonic()
    yield
    say(f"{time.monotonic() - start:6.1f} s  {title}")


def run(
    argv: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> None:
    """Run one command to its end with its output added to `log`. Raises StepFailed with the log's end."""
    command = [str(part) for part in argv]
    with log.open("a", encoding="utf-8") as sink:
        sink.write(f"$ {' '.join(command)}\n")
        sink.flush()
        done = subprocess.run(
            command, cwd=cwd, env=env, input=stdin.encode(), stdout=sink, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
        raise StepFailed(f"{command[0]} ended with status {done.returncode}:\n{tail}")


def read(argv: Sequence[str | Path]) -> str:
    """Standard output of one command that only looks. Raises StepFailed with its standard error."""
    command = [str(part) for part in argv]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout
