"""The runner over a real SSH server: it travels on a command's standard input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from gpucarve.app import benches
from gpucarve.bench.asking import Wish
from gpucarve.bench.reports import Report, Standing
from gpucarve.bench.slices import shared
from gpucarve.model.findings import Verdict
from gpucarve.model.hosts import Target
from gpucarve.transports.ssh import SshTransport
from tests.transports.contract.namespaces import Namespace
from tests.transports.contract.sshd import Server
from tests.transports.contract.world import Script

HOST = Target("ssh", "gpu-1")
needs_pocl = pytest.mark.skipif(
    not Path("/etc/OpenCL/vendors/pocl.icd").exists() and os.environ.get("CI") != "true", reason="PoCL is not installed"
)


async def bench(server: Server, *names: str) -> Report:
    """Run workloads on the server's host."""
    transport = SshTransport(server.endpoint())
    try:
        report = await benches.bench(transport, HOST, names, Wish(bytes=1 << 20, samples=1), lambda _: None)
    finally:
        await transport.close()
    assert isinstance(report, Report), report
    return report


@needs_pocl
async def test_a_workload_runs_on_a_host_over_ssh(server: Server) -> None:
    report = await bench(server, "vectoradd")
    (done,) = report.workloads
    assert done.standing in (Standing.RUNS, Standing.SHARE, Standing.UNSTABLE), done.verdict()
    assert done.checks
    assert report.target == "ssh/gpu-1"


async def test_a_host_without_python_is_refused_by_what_it_lacks_and_what_to_do(
    server: Server, machine: Namespace
) -> None:
    machine.define_command("python3", Script(status=127, stderr=b"sh: python3: not found\n"))
    (done,) = (await bench(server, "vectoradd", "copy")).workloads
    assert done.standing is Standing.REFUSED
    assert "there is no python3 on this host" in done.why
    assert "RHCOS" in done.fix


@needs_pocl
async def test_all_slices_of_a_gpu_are_busy_at_one_time(server: Server, machine: Namespace) -> None:
    listing = b"GPU 0: A100 (UUID: GPU-1)\n" + b"".join(
        b"  MIG 1g.10gb     Device  %d: (UUID: MIG-%d)\n" % (n, n) for n in range(2)
    )
    machine.define_command("nvidia-smi", Script(stdout=listing))
    transport = SshTransport(server.endpoint())
    said: list[str] = []
    try:
        wish = Wish(bytes=1 << 20, samples=1)
        found = await benches.bench_slices(transport, HOST, "vectoradd", wish, said.append)
    finally:
        await transport.close()
    assert isinstance(found, Mapping)
    alone, busy = found[0]
    assert len(busy) == 2
    assert len(said) == 2
    rows = shared(alone, busy, alone)
    assert {row.figure for row in rows} == {"driver's copy", "vector addition"}
    assert all(len(figure.samples) > 1 for row in rows for figure in row.busy)


async def test_a_gpu_on_which_nothing_ran_is_not_believed(server: Server, machine: Namespace) -> None:
    """This machine has no NVIDIA GPU: nvidia-smi says that there are slices, and no work runs on them."""
    machine.define_command(
        "nvidia-smi", Script(stdout=b"GPU 0: A (UUID: GPU-1)\n  MIG 1g.10gb Device 0: (UUID: MIG-7)\n")
    )
    transport = SshTransport(server.endpoint())
    try:
        (found,) = await benches.alive({HOST: transport})
    finally:
        await transport.close()
    assert found.verdict is Verdict.UNKNOWN
    assert "GPU 0, slice 1g.10gb MIG-7: vectoradd does not run: cuda: libcuda.so.1 cannot be loaded" in found.fact
    assert found.fix == "install NVIDIA's driver; in a container, have the NVIDIA runtime add its libraries"
