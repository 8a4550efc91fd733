"""The command line: one file a verb under `verbs/`, what it shows under `views/`.

`commands` lists the verbs and imports the one that is asked for, `running` is the way in, `verb` what all verbs share,
`exits` says which exit status means what. Data goes to standard output, everything else to standard error.

Boundary: parses arguments, asks for approval and prints; what is done is `gpucarve.app`'s. Until a verb is asked for
no library but click is imported, so that `--help` is quick.
"""

import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """The `gpucarve` command."""
    try:
        from gpucarve.cli import running  # noqa: PLC0415 - an interrupt may come while this is imported
    except KeyboardInterrupt:
        sys.exit(130)
    running.main()
