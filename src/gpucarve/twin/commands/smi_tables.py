"""The tables of nvidia-smi mig: -lgi, -lci, -lgip, -lgipp, in the layout of outputs that users published.

Boundary: text; what stands and what fits is `twin.mig`'s.
"""

from __future__ import annotations

from gpucarve.twin import mig
from gpucarve.twin.commands.invocation import Ran, ran
from gpucarve.twin.commands.smi_words import COMPUTE_IDS, Gpus, Options, compute_name, owners, profile_of
from gpucarve.twin.machine import Machine


def _table(title: str, heads: tuple[str, ...], rows: list[str]) -> str:
    width = len(heads[0])
    edge, double = f"+{'-' * width}+\n", f"|{'=' * width}|\n"
    out = edge + f"|{f' {title}:':<{width}}|\n" + "".join(f"|{head}|\n" for head in heads) + double
    return out + "".join("".join(f"|{line:<{width}}|\n" for line in row.split("\n")) + edge for row in rows)


def gpu_instances(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-lgi`: every GPU instance; exit 6 without one."""
    rows = [
        f" {index:>3}  {f'MIG {each.profile}':<19} {profile_of(gpu, each).profile_id:>4} {each.number:>8}"
        f" {f'{each.start}:{each.size}':>12}"
        for index, gpu, each in sorted(owners(machine, gpus, options), key=lambda row: (row[0], row[2].profile))
    ]
    if not rows:
        return ran(machine, 0.3, f"No GPU instances found: {mig.NOT_FOUND}\n", status=6)
    heads = (
        " GPU   Name               Profile  Instance   Placement  ",
        "                            ID       ID       Start:Size ",
    )
    return ran(machine, 0.3, _table("GPU instances", heads, rows))


def compute_instances(machine: Machine, gpus: Gpus, options: Options) -> Ran:
    """`-lci`: every compute instance; exit 6 without one."""
    rows = [
        f" {index:>3} {owner.number:>6}       {f'MIG {compute_name(gpu, owner, part)}':<17}"
        f" {COMPUTE_IDS[part.size]:>4} {part.number:>9} {f'{part.start}:{part.size}':>12}"
        for index, gpu, owner in owners(machine, gpus, options)
        for part in owner.compute
    ]
    if not rows:
        return ran(machine, 0.3, f"No compute instances found: {mig.NOT_FOUND}\n", status=6)
    heads = (
        " GPU     GPU       Name             Profile   Instance   Placement  ",
        "       Instance                       ID        ID       Start:Size ",
        "         ID                                                         ",
    )
    return ran(machine, 0.3, _table("Compute instances", heads, rows))


def profiles(machine: Machine, gpus: Gpus, _: Options) -> Ran:
    """`-lgip`: what each GPU can have, and how many more of it."""
    rows = []
    for index, gpu in gpus:
        for each in mig.profiles_of(gpu):
            free = min(each.max_count, len(mig.free_placements(machine.up.devices, gpu, each)))
            gib = f"{each.memory_mib / 1024:.2f}" if each.memory_mib else f"{each.memory_gib or 0:.2f}"
            counts = (each.multiprocessors, each.decoders, each.encoders, each.copy_engines, each.jpeg_engines)
            sm, dec, enc, copy, jpeg = (count or 0 for count in counts)
            rows.append(
                f" {index:>3}  {f'MIG {each.name}':<18} {each.profile_id:>4} {f'{free}/{each.max_count}':>7}"
                f"        {gib:<11}{'No':<7}{sm:<7}{dec:<6}{enc}"
                f"\n{copy:>64} {jpeg:>5} {each.optical_flow_engines or 0:>5}"
            )
    heads = (
        " GPU   Name               ID    Instances   Memory     P2P    SM    DEC   ENC  ",
        "                                Free/Total   GiB              CE    JPEG  OFA  ",
    )
    return ran(machine, 0.3, _table("GPU instance profiles", heads, rows))


def placements(machine: Machine, gpus: Gpus, _: Options) -> Ran:
    """`-lgipp`: where each profile may stand, whatever stands there now."""
    out = ""
    for index, gpu in gpus:
        for each in mig.profiles_of(gpu):
            starts = ",".join(str(place.start) for place in each.placements)
            word = "Placements:" if len(each.placements) > 1 else "Placement :"
            out += f"GPU {index:>2} Profile ID {each.profile_id:>2} {word} {{{starts}}}:{each.placements[0].size}\n"
    return ran(machine, 0.3, out)
