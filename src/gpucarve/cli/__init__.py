"""The command line: one file a verb under `verbs/`, what it shows under `views/`.

`commands` lists the verbs and imports the one that is asked for, `running` is the way in, `verb` what all verbs share,
`exits` says which exit status means what. Data goes to standard output, everything else to standard error.

Boundary: parses arguments, asks for approval and prints; what is done is `gpucarve.app`'s. Until a verb is asked for
no library but click is imported, so that `--help` is quick.
"""

from gpucarve.cli.running import main

__all__ = ["main"]
