"""nvidia-smi as the host driver answers it: the query for GPUs as CSV, the list, the MIG mode, the reset.

Words and exits after the MIG user guide and outputs that users published: a mode change that something prevents is a
warning with exit 0 on GPUs that take a reset, an error on newer ones; a reset that fails ends with 255.

Boundary: `--query-gpu=FIELDS --format=csv[,noheader][,nounits]`, `-L`, `-mig 0|1`, `--gpu-reset`; the `mig` subcommand
is `nvidia_smi_mig`, `vgpu -q` is `smi_vgpus`, the rules are `twin.mig`.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import NAMESPACE_OID, uuid5

from gpucarve.twin import mig
from gpucarve.twin.commands import smi_vgpus
from gpucarve.twin.commands.invocation import Invocation, Ran, ran
from gpucarve.twin.commands.nvidia_smi_mig import manage
from gpucarve.twin.commands.smi_gpus import bus_id, chosen
from gpucarve.twin.commands.smi_words import compute_name
from gpucarve.twin.machine import Machine, PciDevice

_INVALID = "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n"
_HOLDERS = (
    "one or more other processes (e.g. CUDA application or a monitoring application such as another instance of "
    "nvidia-smi). Please first kill all processes using the device and retry the command or reboot the system to make "
    "MIG mode effective."
)
_MIG_SECONDS, _RESET_SECONDS = 3.0, 5.0


def _mode(gpu: PciDevice, enabled: bool) -> str:
    if not mig.profiles_of(gpu):
        return "[N/A]"
    return "Enabled" if enabled else "Disabled"


_FIELDS: dict[str, Callable[[Machine, PciDevice, int], str]] = {
    "index": lambda _machine, _gpu, index: str(index),
    "name": lambda _machine, gpu, _index: gpu.product,
    "gpu_name": lambda _machine, gpu, _index: gpu.product,
    "uuid": lambda _machine, gpu, _index: gpu.uuid,
    "gpu_uuid": lambda _machine, gpu, _index: gpu.uuid,
    "pci.bus_id": lambda _machine, gpu, _index: bus_id(gpu),
    "gpu_bus_id": lambda _machine, gpu, _index: bus_id(gpu),
    "driver_version": lambda machine, _gpu, _index: machine.hardware.driver.version,
    "memory.total": lambda _machine, gpu, _index: f"{gpu.memory_mib} MiB",
    "mig.mode.current": lambda machine, gpu, _index: _mode(gpu, mig.is_on(machine.up.devices, gpu.address)),
    "mig.mode.pending": lambda machine, gpu, _index: _mode(gpu, mig.pending(machine, gpu)),
}


def nvidia_smi(machine: Machine, invocation: Invocation) -> Ran:
    """Exit 6 without a GPU the driver holds or `-i` names, 2 for a field or option it does not know."""
    if not chosen(machine, None):
        return ran(machine, 0.2, "No devices were found\n", status=6)
    if invocation.arguments[:1] == ("mig",):
        return manage(machine, invocation.arguments[1:])
    if invocation.arguments == ("vgpu", "-q"):
        return smi_vgpus.query(machine)
    options = _options(invocation.arguments)
    if options is None:
        return ran(machine, 0.1, _INVALID, status=2)
    gpus = chosen(machine, options.get("-i"))
    if not gpus:
        return ran(machine, 0.2, "No devices were found\n", status=6)
    match sorted(options.keys() - {"-i"}):
        case ["-L"]:
            return _list(machine, gpus)
        case ["-mig"] if options["-mig"] in ("0", "1"):
            return _set_mode(machine, gpus, options["-mig"] == "1")
        case ["--gpu-reset"]:
            return _reset(machine, gpus)
        case ["--format", "--query-gpu"]:
            return _query(machine, gpus, options["--query-gpu"].split(","), options["--format"].split(","))
        case _:
            return ran(machine, 0.1, _INVALID, status=2)


def _options(words: tuple[str, ...]) -> dict[str, str] | None:
    """Options with their values; None for words it does not know."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in ("-i", "-mig") and rest:
            found[word] = rest.pop(0)
        elif word in ("-L", "--gpu-reset", "-r"):
            found["--gpu-reset" if word == "-r" else word] = ""
        elif equals and name in ("--query-gpu", "--format", "--id"):
            found["-i" if name == "--id" else name] = value
        else:
            return None
    return found


def _query(machine: Machine, gpus: tuple[tuple[int, PciDevice], ...], fields: list[str], form: list[str]) -> Ran:
    for name in fields:
        if name not in _FIELDS:
            return ran(machine, 0.1, f'Field "{name}" is not a valid field to query.\n\n', status=2)
    if "csv" not in form:
        return ran(machine, 0.1, _INVALID, status=2)
    rows = [[_FIELDS[name](machine, gpu, index) for name in fields] for index, gpu in gpus]
    if "nounits" in form:
        rows = [[cell.removesuffix(" MiB") for cell in row] for row in rows]
    if "noheader" not in form:
        rows.insert(0, [f"{name} [MiB]" if name == "memory.total" else name for name in fields])
    return ran(machine, 0.5, "".join(f"{', '.join(row)}\n" for row in rows))


def _list(machine: Machine, gpus: tuple[tuple[int, PciDevice], ...]) -> Ran:
    out = ""
    for index, gpu in gpus:
        out += f"GPU {index}: {gpu.product} (UUID: {gpu.uuid})\n"
        standing = mig.instances_on(machine.up.devices, gpu.address)
        parts = [(owner, part) for owner in standing for part in owner.compute]
        for number, (owner, part) in enumerate(parts):
            uuid = uuid5(NAMESPACE_OID, f"{gpu.uuid}/{owner.number}/{part.number}")
            out += f"  MIG {compute_name(gpu, owner, part):<15} Device {number:>2}: (UUID: MIG-{uuid})\n"
    return ran(machine, 0.5, out)


def _set_mode(machine: Machine, gpus: tuple[tuple[int, PciDevice], ...], enabled: bool) -> Ran:
    out, before = "", machine
    verb = "enable" if enabled else "disable"
    for _, gpu in gpus:
        try:
            machine = mig.set_mode(machine, gpu, enabled)
        except mig.Refused as refused:
            out += f"Unable to {verb} MIG Mode for GPU {bus_id(gpu)}: {refused}\n"
            if str(refused) != mig.UNSUPPORTED:
                out += "Terminating early due to previous errors.\n"
                return ran(machine, _MIG_SECONDS, out, status=19)
            out += "Treating as warning and moving on.\n"
            continue
        if mig.is_on(machine.up.devices, gpu.address) is enabled:
            out += f"{verb.capitalize()}d MIG Mode for GPU {bus_id(gpu)}\n"
        else:
            out += f"Warning: MIG mode is in pending {verb} state for GPU {bus_id(gpu)}:{mig.IN_USE}\n"
            out += f"{bus_id(gpu)} is currently being used by {_HOLDERS}\n"
    return ran(machine, _MIG_SECONDS if machine is not before else 1.0, f"{out}All done.\n")


def _reset(machine: Machine, gpus: tuple[tuple[int, PciDevice], ...]) -> Ran:
    out, failed = "", ""
    for _, gpu in gpus:
        try:
            machine = mig.reset(machine, gpu)
            out += f"GPU {bus_id(gpu)} was successfully reset.\n"
        except mig.Refused as refused:
            failed += f"  GPU {bus_id(gpu)}: {refused}\n"
    if failed:
        count = failed.count("\n")
        some = "1 device is" if count == 1 else f"{count} devices are"
        out += f"\nThe following GPUs could not be reset:\n{failed}\n{some} currently being used by {_HOLDERS}\n"
        return ran(machine, 1.0, out, status=255)
    return ran(machine, _RESET_SECONDS, f"{out}All done.\n")
