"""nvidia-smi mig making and destroying instances: -cgi, -cci, -dgi, -dci, with the tool's words and exits.

Boundary: words and exits, NVML's return codes; the rules are `twin.mig`.
"""

from __future__ import annotations

from gpucarve.catalog.mig import MigProfile
from gpucarve.model.mig import MigProfileName
from gpucarve.twin import mig
from gpucarve.twin.commands.invocation import Ran, ran
from gpucarve.twin.commands.smi_words import COMPUTE_IDS, Gpus, Options, compute_name, owners, profile_of
from gpucarve.twin.machine import GpuInstance, Machine, PciDevice

_EXITS = {mig.INVALID: 2, mig.UNSUPPORTED: 3, mig.NOT_FOUND: 6, mig.IN_USE: 19, mig.NO_ROOM: 23}


def create(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-cgi`: GPU instances of these profile tuples; with `-C` each gets the compute instance that fills it."""
    out = ""
    for index, gpu in gpus:
        for words in options["-cgi"].split(","):
            name, _, start = words.partition(":")
            try:
                profile = _find(gpu, name)
                machine, made = mig.create(machine, gpu, profile, int(start) if start else None)
                out += f"Successfully created GPU instance ID {made.number:>2} on GPU {index:>2} using profile"
                out += f" MIG {profile.name} (ID {profile.profile_id:>2})\n"
                if "-C" in options:
                    machine, text = _fill(machine, index, gpu, made, "")
                    out += text
            except (mig.Refused, ValueError) as refused:
                why = str(refused) if isinstance(refused, mig.Refused) else mig.INVALID
                out += f"Unable to create a GPU instance on GPU {index:>2} using profile {words}: {why}\n"
                out += f"Failed to create GPU instances: {why}\n"
                return ran(machine, 0.5, out, status=_EXITS[why])
    return ran(machine, 1.0, out)


def _find(gpu: PciDevice, word: str) -> MigProfile:
    for each in mig.profiles_of(gpu):
        if word in (str(each.profile_id), str(each.name)):
            return each
    raise mig.Refused(mig.INVALID)


def _fill(machine: Machine, index: int, gpu: PciDevice, owner: GpuInstance, word: str) -> tuple[Machine, str]:
    """One compute instance: of the profile with this id or name, else the one that fills the GPU instance."""
    whole = profile_of(gpu, owner).compute_slices or 0
    slices = next((slices for slices, number in COMPUTE_IDS.items() if word == str(number)), 0) if word else whole
    if word and not slices:
        slices = MigProfileName.parse(word).compute or whole
    machine, made = mig.fill(machine, owner, slices)
    text = f"Successfully created compute instance ID {made.number:>2} on GPU {index:>2} GPU instance ID"
    text += f" {owner.number:>2} using profile MIG {compute_name(gpu, owner, made)} (ID {COMPUTE_IDS[slices]:>2})\n"
    return machine, text


def create_compute(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-cci`: compute instances of these profiles, or one that fills, in each GPU instance that is named."""
    out = ""
    standing = owners(machine, gpus, options)
    if not standing:
        return ran(machine, 0.3, f"No GPU instances found: {mig.NOT_FOUND}\n", status=6)
    for index, gpu, owner in standing:
        for word in options["-cci"].split(","):
            try:
                machine, text = _fill(machine, index, gpu, _now(machine, gpu, owner.number), word)
                out += text
            except (mig.Refused, ValueError) as refused:
                why = str(refused) if isinstance(refused, mig.Refused) else mig.INVALID
                out += f"Unable to create a compute instance on GPU {index:>2} GPU instance ID {owner.number:>2}"
                out += f" using profile {word or 0}: {why}\nFailed to create compute instances: {why}\n"
                return ran(machine, 0.5, out, status=_EXITS[why])
    return ran(machine, 0.5, out)


def destroy(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-dgi`: the GPU instances that are named, or all."""
    out = ""
    standing = owners(machine, gpus, options)
    if not standing:
        return ran(machine, 0.3, f"No GPU instances found: {mig.NOT_FOUND}\n", status=6)
    for index, _, owner in standing:
        try:
            machine = mig.destroy(machine, owner)
        except mig.Refused as refused:
            out += f"Unable to destroy GPU instance ID {owner.number:>2} from GPU {index:>2}: {refused}\n"
            out += f"Failed to destroy GPU instances: {refused}\n"
            return ran(machine, 0.5, out, status=_EXITS[str(refused)])
        out += f"Successfully destroyed GPU instance ID {owner.number:>2} from GPU {index:>2}\n"
    return ran(machine, 0.5, out)


def destroy_compute(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-dci`: the compute instances that are named, or all."""
    wanted = options["-ci"].split(",") if "-ci" in options else None
    parts = [
        (index, gpu, owner.number, part.number)
        for index, gpu, owner in owners(machine, gpus, options)
        for part in owner.compute
        if wanted is None or str(part.number) in wanted
    ]
    if not parts:
        return ran(machine, 0.3, f"No compute instances found: {mig.NOT_FOUND}\n", status=6)
    out = ""
    for index, gpu, number, part_number in parts:
        where = f"compute instance ID {part_number:>2} from GPU {index:>2} GPU instance ID {number:>2}"
        try:
            machine = mig.empty(machine, _now(machine, gpu, number), part_number)
        except mig.Refused as refused:
            out += f"Unable to destroy {where}: {refused}\nFailed to destroy compute instances: {refused}\n"
            return ran(machine, 0.5, out, status=_EXITS[str(refused)])
        out += f"Successfully destroyed {where}\n"
    return ran(machine, 0.5, out)


def _now(machine: Machine, gpu: PciDevice, number: int) -> GpuInstance:
    """A GPU instance as it is by now."""
    return next(each for each in mig.instances_on(machine.up.devices, gpu.address) if each.number == number)
