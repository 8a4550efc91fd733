"""Services that have GPUs open: what a change that needs an idle GPU has to stop, and start again."""

from __future__ import annotations

import pytest

from gpucarve.calls.primitives import WriteFile
from gpucarve.engine.channels import snapshot
from gpucarve.facts import users
from gpucarve.facts.observed import Observed
from gpucarve.facts.users import Service
from gpucarve.model.pci import PciAddress
from gpucarve.twin.worlds import SEED_004_HOST
from tests.twin.bench import GPU, OTHER_GPU, Bench

pytestmark = pytest.mark.anyio

UNIT = "/etc/systemd/system/nvidia-persistenced.service"
TEXT = """\
[Service]
Type=forking
ExecStart=/usr/bin/nvidia-persistenced --verbose

[Install]
WantedBy=multi-user.target
"""
BOTH = tuple(PciAddress.parse(each) for each in (OTHER_GPU, GPU))


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """The built-in machine with the persistence daemon installed."""
    bench.host.by_hand(WriteFile(UNIT, TEXT.encode()))
    return bench


async def _users(bench: Bench) -> users.Users:
    found = await snapshot(SEED_004_HOST, bench.transport)
    assert isinstance(found, Observed)
    return found.require(users.PROBE)


async def test_a_service_that_runs_uses_every_gpu_and_is_known_as_such(bench: Bench) -> None:
    assert (await _users(bench)).services == {"nvidia-persistenced": Service(False)}
    assert bench.hand("systemctl", "start", "nvidia-persistenced").status == 0
    found = await _users(bench)
    assert found.services["nvidia-persistenced"].active
    assert [[user.unit for user in found.on_gpu(gpu)] for gpu in BOTH] == [["nvidia-persistenced"]] * 2


async def test_one_that_was_stopped_uses_none(bench: Bench) -> None:
    bench.hand("systemctl", "start", "nvidia-persistenced")
    bench.hand("systemctl", "start", "nvidia-persistenced")
    assert bench.hand("systemctl", "stop", "nvidia-persistenced.service").status == 0
    found = await _users(bench)
    assert found.services == {"nvidia-persistenced": Service(False)}
    assert not found.by_gpu


@pytest.mark.parametrize("enabled", [True, False])
async def test_a_boot_starts_it_when_it_is_enabled(bench: Bench, enabled: bool) -> None:
    bench.hand("systemctl", "enable" if enabled else "disable", "nvidia-persistenced")
    await bench.reboot()
    assert (await _users(bench)).services["nvidia-persistenced"].active is enabled


async def test_while_it_runs_a_gpu_s_mig_mode_waits_for_it(bench: Bench) -> None:
    query = ("nvidia-smi", "--query-gpu=mig.mode.current,mig.mode.pending", "--format=csv,noheader", "-i", GPU)
    bench.hand("systemctl", "start", "nvidia-persistenced")
    bench.hand("nvidia-smi", "-i", GPU, "-mig", "1")
    assert bench.hand(*query).text() == "Disabled, Enabled\n"
    bench.hand("systemctl", "stop", "nvidia-persistenced")
    bench.hand("nvidia-smi", "--gpu-reset", "-i", GPU)
    assert bench.hand(*query).text() == "Enabled, Enabled\n"


async def test_a_service_that_there_is_not_is_told(bench: Bench) -> None:
    refused = bench.hand("systemctl", "start", "nvidia-persistenced", "dcgm")
    assert (refused.status, refused.error_text()) == (5, "Failed to start dcgm.service: Unit dcgm.service not found.")
    assert (await _users(bench)).services["nvidia-persistenced"].active
