"""Calls as one POSIX sh program, and the program's framed reply as replies.

`programs` has the compiler and the parser: `compile_gather`, `compile_program`, `compile_wait_idle`, and `parse_…` of
each. `reads`, `writes` and `guards` say how a kind of call is spelled and how its part of a reply is read; `frames` is
the reply's format, `failures` the system's words for errors, `refusals` why there is no result, `quoting` what keeps
data from becoming program text. `fragments/*.sh` is what runs on the host, in a form to be read: functions, of which
`fragments.py` links those that a program uses.

The same text runs under dash, bash and busybox sh, on GNU coreutils or busybox applets.

Boundary: pure. Whoever carries a program to a shell and its reply back is a transport.
"""

from gpucarve.transports.shell.programs import (
    BOOTSTRAP,
    compile_gather,
    compile_program,
    compile_wait_idle,
    parse_gather,
    parse_program,
    parse_wait_idle,
    time_for_program,
    time_for_reads,
)

__all__ = [
    "BOOTSTRAP",
    "compile_gather",
    "compile_program",
    "compile_wait_idle",
    "parse_gather",
    "parse_program",
    "parse_wait_idle",
    "time_for_program",
    "time_for_reads",
]
