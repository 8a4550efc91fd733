"""nvidia-smi mig: GPU and compute instances listed, made and destroyed, with the tool's tables, words and exits.

After the tool's own help (a profile tuple of `-cgi` is a profile's name or id and, after a colon, a placement's first
slice) and outputs that users published.

Boundary: reads the words and hands them on.
"""

from __future__ import annotations

from collections.abc import Callable

from gpucarve.twin import mig
from gpucarve.twin.commands import smi_instances, smi_tables
from gpucarve.twin.commands.invocation import Ran, ran
from gpucarve.twin.commands.smi_gpus import chosen
from gpucarve.twin.commands.smi_words import Gpus, Options
from gpucarve.twin.machine import Machine

_USAGE = "Invalid combination of input arguments. Please run 'nvidia-smi mig -h' for help.\n"
_DO: dict[str, Callable[[Machine, Gpus, Options], Ran]] = {
    "-lgi": smi_tables.gpu_instances,
    "-lci": smi_tables.compute_instances,
    "-lgip": smi_tables.profiles,
    "-lgipp": smi_tables.placements,
    "-cgi": smi_instances.create,
    "-cci": smi_instances.create_compute,
    "-dgi": smi_instances.destroy,
    "-dci": smi_instances.destroy_compute,
}


def manage(machine: Machine, words: tuple[str, ...]) -> Ran:
    """Exit 6 when nothing has MIG on, or nothing that was named is there; 2 for options it does not know."""
    options = _options(words)
    verbs = [name for name in options or () if name in _DO]
    if options is None or len(verbs) != 1:
        return ran(machine, 0.1, _USAGE, status=2)
    capable = tuple((index, gpu) for index, gpu in chosen(machine, options.get("-i")) if mig.profiles_of(gpu))
    if not capable:
        return ran(machine, 0.3, "No MIG-supported devices found.\n", status=6)
    gpus = tuple((index, gpu) for index, gpu in capable if mig.is_on(machine.up.devices, gpu.address))
    if not gpus:
        return ran(machine, 0.3, "No MIG-enabled devices found.\n", status=6)
    return _DO[verbs[0]](machine, gpus, options)


def _options(words: tuple[str, ...]) -> Options | None:
    found: Options = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-i", "-gi", "-ci", "-cgi") and rest:
            found[word] = rest.pop(0)
        elif word == "-cci":
            found[word] = rest.pop(0) if rest and not rest[0].startswith("-") else ""
        elif word in ("-C", *_DO):
            found[word] = ""
        else:
            return None
    return found
