"""MIG as nvidia-smi prints it: the forms of the MIG user guide and of outputs that users published."""

from __future__ import annotations

import pytest

from gpucarve.calls.replies import Exited, Failure, FailureKind, Reply
from gpucarve.facts import mig
from gpucarve.facts.mig import ComputeInstance, GpuInstance, GpuMig
from gpucarve.facts.observed import Unknown, observe
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress
from tests.facts.answers import TARGET

FIRST, SECOND = PciAddress.parse("0000:17:00.0"), PciAddress.parse("0000:65:00.0")
MODES = "0, 00000000:17:00.0, Enabled, Enabled\n1, 00000000:65:00.0, Disabled, Enabled\n"
NOTHING = Exited(6, b"No GPU instances found: Not Found\n")
NOT_ON = Exited(6, b"No MIG-enabled devices found.\n")
LGI = b"""\
+-------------------------------------------------------+
| GPU instances:                                        |
| GPU   Name             Profile  Instance   Placement  |
|                          ID       ID       Start:Size |
|=======================================================|
|   0  MIG 1g.10gb+me      20       13          6:1     |
+-------------------------------------------------------+
|   0  MIG 2g.20gb         14        3          4:2     |
+-------------------------------------------------------+
"""
LCI = b"""\
+--------------------------------------------------------------------+
| Compute instances:                                                 |
| GPU     GPU       Name             Profile   Instance   Placement  |
|       Instance                       ID        ID       Start:Size |
|         ID                                                         |
|====================================================================|
|   0      3       MIG 1c.2g.20gb       0         0          0:1     |
+--------------------------------------------------------------------+
|   0      3       MIG 1c.2g.20gb       0         1          1:1     |
+--------------------------------------------------------------------+
"""
LCI_BEFORE_PLACEMENTS = b"""\
+-------------------------------------------------------+
| Compute instances:                                    |
| GPU     GPU       Name             Profile   Instance |
|       Instance                       ID        ID     |
|         ID                                            |
|=======================================================|
|   0      3       MIG 2g.20gb          1         0     |
+-------------------------------------------------------+
"""


def _seen(modes: Reply | str, gpu_instances: Reply = NOTHING, compute: Reply = NOTHING) -> mig.Mig | Unknown:
    query = Exited(0, modes.encode()) if isinstance(modes, str) else modes
    return observe(TARGET, (mig.PROBE,), (query, gpu_instances, compute)).get(mig.PROBE)


def _known(modes: Reply | str, gpu_instances: Reply = NOTHING, compute: Reply = NOTHING) -> dict[PciAddress, GpuMig]:
    seen = _seen(modes, gpu_instances, compute)
    assert isinstance(seen, mig.Mig), seen
    return seen.by_gpu


def test_instances_stand_at_their_gpus_in_order_of_placement_with_what_is_in_them() -> None:
    part = MigProfileName.parse("1c.2g.20gb")
    by_gpu = _known(MODES, Exited(0, LGI), Exited(0, LCI))
    assert by_gpu[FIRST].instances == (
        GpuInstance(
            3,
            MigProfileName.parse("2g.20gb"),
            14,
            Placement(4, 2),
            (ComputeInstance(0, part, Placement(0, 1)), ComputeInstance(1, part, Placement(1, 1))),
        ),
        GpuInstance(13, MigProfileName.parse("1g.10gb+me"), 20, Placement(6, 1)),
    )


def test_a_table_without_placements_of_compute_instances_is_read_too() -> None:
    (owner, _) = _known(MODES, Exited(0, LGI), Exited(0, LCI_BEFORE_PLACEMENTS))[FIRST].instances
    assert owner.compute == (ComputeInstance(0, MigProfileName.parse("2g.20gb")),)


def test_a_mode_that_waits_for_a_reset_is_told_from_one_in_force() -> None:
    by_gpu = _known(MODES)
    assert (by_gpu[FIRST].current, by_gpu[FIRST].pending) == (True, True)
    assert (by_gpu[SECOND].current, by_gpu[SECOND].pending) == (False, True)


@pytest.mark.parametrize("first", [True, False])
def test_a_warning_about_an_inforom_takes_no_gpu_from_sight(first: bool) -> None:
    warning = "WARNING: infoROM is corrupted at gpu 0000:65:00.0\n"
    warned = Exited(14, (warning + MODES if first else MODES + warning).encode())
    assert _known(warned, Exited(0, LGI), Exited(0, LCI)) == _known(MODES, Exited(0, LGI), Exited(0, LCI))


@pytest.mark.parametrize("word", ["[N/A]", "N/A"])
def test_a_gpu_without_mig_is_not_one_with_mig_off(word: str) -> None:
    nothing = Exited(6, b"No MIG-supported devices found.\n")
    (gpu,) = _known(f"0, 00000000:17:00.0, {word}, {word}\n", nothing, nothing).values()
    assert gpu.current is gpu.pending is None
    assert not gpu.supported


@pytest.mark.parametrize("nothing", [NOTHING, NOT_ON, Exited(0, b"No compute instances found: Not Found\n")])
def test_nothing_to_list_is_no_instances(nothing: Exited) -> None:
    assert _known(MODES, nothing, nothing)[FIRST].instances == ()


@pytest.mark.parametrize(
    "modes",
    [
        Failure(FailureKind.ABSENT, "nvidia-smi: no such command"),
        Exited(6, b"No devices were found\n"),
        Exited(9, b"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure ...\n"),
        Exited(2, b'Field "mig.mode.current" is not a valid field to query.\n\n'),
    ],
)
def test_a_host_without_the_tool_the_driver_or_mig_has_no_gpu_here(modes: Reply) -> None:
    broken = Failure(FailureKind.ABSENT, "nvidia-smi: no such command")
    assert _known(modes, broken, broken) == {}


@pytest.mark.parametrize(
    ("modes", "gpu_instances", "compute"),
    [
        (Failure(FailureKind.TIMED_OUT), NOTHING, NOTHING),
        (Exited(18, b"Failed to initialize NVML: Driver/library version mismatch\n"), NOTHING, NOTHING),
        ("0, 00000000:17:00.0, Enabled, [GPU requires reset]\n", NOTHING, NOTHING),
        ("0, 00000000:17:00.0, Enabled\n", NOTHING, NOTHING),
        (MODES, Failure(FailureKind.TIMED_OUT), NOTHING),
        (MODES, Exited(4, b"Insufficient Permissions\n"), NOTHING),
        (MODES, Exited(0, b""), NOTHING),
        (MODES, Exited(0, LGI.replace(b"4:2", b"4-2")), NOTHING),
        (MODES, Exited(0, LGI.replace(b"|   0", b"|   7")), NOTHING),
        (MODES, NOTHING, Exited(0, LCI)),
        (MODES, Exited(0, LGI), Exited(0, LCI.replace(b"1c.2g.20gb", b"9z.2g.20gb"))),
    ],
)
def test_what_does_not_read_as_expected_is_unknown_and_never_empty(
    modes: Reply | str, gpu_instances: Reply, compute: Reply
) -> None:
    assert isinstance(_seen(modes, gpu_instances, compute), Unknown)
