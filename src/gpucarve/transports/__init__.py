"""Who answers calls in the real world: local processes, ssh, and recordings of either.

`shell` compiles calls into one POSIX sh program and parses its reply; `local` and `ssh` carry program and reply;
`replay` answers from what was recorded. None of them decides anything: a failed call is a reply.
"""
