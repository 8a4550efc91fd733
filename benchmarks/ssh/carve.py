"""gpucarve: all hosts at once, a gather and at most one program a host. Run with the description and a journal's path.

Every part is the product's: `HostChannel` with its lease, the look back after a write, programs that the shell
compiler makes, `SshTransport`, the journal synced before each side effect.

Boundary: what is to stand is `carving`'s.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from benchmarks.ssh import carving, described
from benchmarks.ssh.steps import STEPS
from gpucarve.calls.programs import Guarded, Refusal
from gpucarve.engine.channels import HostChannel
from gpucarve.errors import UnreachableError
from gpucarve.facts.observed import Observed
from gpucarve.journal.store import Journal, Run, RunState
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.transports.ssh import SshTransport
from gpucarve.transports.ssh_endpoint import SshEndpoint

_PROBE = carving.probe(STEPS)


async def _host(channel: HostChannel, journal: Journal, run: Run) -> int:
    """How many writes there were. What was written is read back in the same round trip."""
    writes = _differing(await channel.observe())
    if not writes:
        return 0
    keys = (ResourceKey(channel.target, "steps"),)
    journal.intend(run.run, keys)
    answer = await channel.write(writes, last=True)
    left = _differing(answer if isinstance(answer, Refusal) else answer[1])
    journal.outcome(run.run, keys, "failed" if left else "done")
    if left:
        raise RuntimeError(f"{channel.target}: {left} is still to be done; {answer}")
    return len(writes)


def _differing(observed: Observed | Refusal) -> tuple[Guarded, ...]:
    if isinstance(observed, Refusal):
        raise UnreachableError(observed.sentence)
    return observed.require(_PROBE)


async def _main() -> None:
    fleet = described.read(sys.argv[1])
    journal = Journal(Path(sys.argv[2]))
    run = journal.begin(Plan("bench", "", Purpose.APPLY, (), ()))
    channels = [
        HostChannel(
            target=Target("bench", name),
            transport=SshTransport(
                SshEndpoint(address, port, "root", fleet.known_hosts, fleet.identity, config="/dev/null")
            ),
            holder=journal.holder,
            run=run.run,
            emit=lambda _event: None,
            probes=(_PROBE,),
        )
        for name, address, port in fleet.hosts
    ]
    written = await asyncio.gather(*(_host(channel, journal, run) for channel in channels))
    journal.finish(run.run, RunState.DONE)
    await asyncio.gather(*(channel.transport.close() for channel in channels))
    sys.stdout.write(f"{sum(written)} changed\n")


if __name__ == "__main__":
    asyncio.run(_main())
