"""MIG as the driver shows it: each GPU's mode, its GPU instances, the compute instances in them.

Three commands answer it whatever the number of GPUs: the query joins nvidia-smi's indexes to PCI addresses, `-lgi` and
`-lci` print tables by index. A host without nvidia-smi, without GPUs of the driver's or with a driver that knows no
MIG has no GPU here.

Boundary: nvidia-smi's words. Which profiles a card has, and where, is the catalog's to say.
Source: NVIDIA MIG user guide (tables of `-lgi` and `-lci`, of which old drivers print the latter without a placement);
nvidia-smi(1) (status 14, with a warning among the rows: some GPU's infoROM is damaged, which changes no answer);
outputs published by users, also for nothing to list: `No MIG-enabled devices found.`, `No GPU instances found: Not
Found`; `[N/A]` is a mode that the GPU does not have.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Failure, FailureKind, Reply
from gpucarve.facts.observed import Observed, Probe, Unreadable, expect
from gpucarve.model.mig import MigProfileName, Placement
from gpucarve.model.pci import PciAddress

NVIDIA_SMI = "nvidia-smi"
_PATIENCE = 30.0  # seconds; each start of the tool opens every GPU, slowly without persistence mode
_FIELDS = ("index", "pci.bus_id", "mig.mode.current", "mig.mode.pending")
MODES = Inspect((NVIDIA_SMI, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader"), _PATIENCE)
GPU_INSTANCES = Inspect((NVIDIA_SMI, "mig", "-lgi"), _PATIENCE)
COMPUTE_INSTANCES = Inspect((NVIDIA_SMI, "mig", "-lci"), _PATIENCE)
_MODES = {"Enabled": True, "Disabled": False, "[N/A]": None, "N/A": None}
_NO_GPUS = ("No devices were found", "couldn't communicate with the NVIDIA driver")
_NO_MIG = ("is not a valid field to query", "Invalid combination of input arguments")  # drivers before 450
_WARNING = "WARNING: infoROM is corrupted"
_ANSWERED = (0, 14)  # the latter comes with that warning
_NOTHING = re.compile(r"No MIG-(enabled|supported) devices found\.?|No (GPU|compute) instances found(: Not Found)?\.?")
_ROW = re.compile(r"\|\s+\d")
_GPU_INSTANCE = re.compile(r"\|\s+(\d+)\s+MIG (\S+)\s+(\d+)\s+(\d+)\s+(\d+:\d+)\s+\|")
_COMPUTE_INSTANCE = re.compile(r"\|\s+(\d+)\s+(\d+)\s+MIG (\S+)\s+\d+\*?\s+(\d+)(?:\s+(\d+:\d+))?\s+\|")


@dataclass(frozen=True, slots=True)
class ComputeInstance:
    """A compute instance; its id counts within its GPU instance, its placement is in compute slices of that one and
    None where the driver does not print it."""

    instance_id: int
    profile: MigProfileName
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class GpuInstance:
    """A GPU instance; its id is the driver's choice and another one after each making."""

    instance_id: int
    profile: MigProfileName
    profile_id: int
    placement: Placement
    compute: tuple[ComputeInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuMig:
    """One GPU. `current` and `pending` are None where the GPU has no MIG; they differ while a reset is due.

    `instances` are in order of their placements.
    """

    gpu: PciAddress
    current: bool | None = None
    pending: bool | None = None
    instances: tuple[GpuInstance, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether the GPU has MIG."""
        return self.pending is not None

    def at(self, placement: Placement) -> tuple[GpuInstance, ...]:
        """The instances that take a slice of this placement."""
        return tuple(each for each in self.instances if each.placement.overlaps(placement))


@dataclass(frozen=True, slots=True)
class Mig:
    """The GPUs that NVIDIA's driver holds, by address."""

    by_gpu: dict[PciAddress, GpuMig] = field(default_factory=dict)


def instances(text: str) -> list[tuple[int, GpuInstance]]:
    """The rows of `-lgi`, each with the index of its GPU. Raises Unreadable for text that is no such table."""
    return [
        (int(index), GpuInstance(int(number), MigProfileName.parse(name), int(profile), Placement.parse(place)))
        for index, name, profile, number, place in _rows(text, _GPU_INSTANCE)
    ]


def _compute_instances(text: str) -> dict[tuple[int, int], list[ComputeInstance]]:
    """The rows of `-lci` by GPU index and GPU instance."""
    found: dict[tuple[int, int], list[ComputeInstance]] = defaultdict(list)
    for index, owner, name, number, place in _rows(text, _COMPUTE_INSTANCE):
        placement = Placement.parse(place) if place else None
        found[int(index), int(owner)].append(ComputeInstance(int(number), MigProfileName.parse(name), placement))
    return found


def _rows(text: str, form: re.Pattern[str]) -> Iterator[tuple[str, ...]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if _ROW.match(line)]
    if not rows and not any(_NOTHING.fullmatch(line) for line in lines):
        raise Unreadable(f"nvidia-smi mig said {text.strip()[:200]!r}")
    for row in rows:
        match = form.fullmatch(row)
        if match is None:
            raise Unreadable(f"{row!r} is no row of a table of MIG instances")
        yield match.groups()


def _modes(reply: Exited) -> dict[int, tuple[PciAddress, bool | None, bool | None]]:
    """Index to address, current and pending mode."""
    text = _said(reply)
    if any(words in text for words in (*_NO_GPUS, *_NO_MIG)):
        return {}
    if reply.status not in _ANSWERED:
        raise Unreadable(f"nvidia-smi ended with {reply.status}: {text.strip()[:200]}")
    found: dict[int, tuple[PciAddress, bool | None, bool | None]] = {}
    for line in reply.text().splitlines():
        if line.startswith(_WARNING):
            continue
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(_FIELDS) or cells[2] not in _MODES or cells[3] not in _MODES:
            raise Unreadable(f"nvidia-smi tells a GPU's MIG mode as {line[:200]!r}")
        found[int(cells[0])] = (PciAddress.parse(cells[1]), _MODES[cells[2]], _MODES[cells[3]])
    return found


def _said(reply: Exited) -> str:
    return reply.text() + reply.stderr.decode("utf-8", "replace")


def _parse(replies: tuple[Reply, ...]) -> Mig:
    if isinstance(replies[0], Failure) and replies[0].kind is FailureKind.ABSENT:
        return Mig()
    modes = _modes(expect(replies[0], Exited))
    if all(current is pending is None for _, current, pending in modes.values()):
        return Mig({gpu: GpuMig(gpu) for gpu, _, _ in modes.values()})
    compute = _compute_instances(_said(expect(replies[2], Exited)))
    found: dict[int, list[GpuInstance]] = defaultdict(list)
    for index, made in instances(_said(expect(replies[1], Exited))):
        found[index].append(replace(made, compute=tuple(compute.pop((index, made.instance_id), ()))))
    if found.keys() - modes.keys() or compute:
        raise Unreadable("nvidia-smi lists MIG instances whose GPU or GPU instance it does not list")
    return Mig(
        {
            gpu: GpuMig(gpu, current, pending, tuple(sorted(found[index], key=lambda each: each.placement)))
            for index, (gpu, current, pending) in modes.items()
        }
    )


def at(observed: Observed, gpu: PciAddress) -> GpuMig | None:
    """The GPU as the driver shows it; None when the driver does not hold it."""
    return observed.require(PROBE).by_gpu.get(gpu)


PROBE = Probe("mig", (MODES, GPU_INSTANCES, COMPUTE_INSTANCES), _parse)
