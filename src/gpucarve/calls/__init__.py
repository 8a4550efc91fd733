"""Everything that may be asked of the world, as values, and the protocol of who answers.

`primitives` are the calls on a host, `objects` those on a cluster's API, `replies` what comes back (a failure is a
reply, never an exception). `predicates` and `programs` say under which condition a write may happen and what a run
of writes must hold to; `flows` are generators of calls for what must look and decide. `transport` is the protocol
that transports and the twin implement, `wire` turns all of it into JSON and back.

Boundary: no I/O here. A shell program, a socket or a simulated machine is how someone else answers.
"""
