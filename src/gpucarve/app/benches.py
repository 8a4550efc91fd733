"""Workloads on one host: the archive that travels, and one question after the other.

Boundary: packs this installation's own files; what an answer is worth is `bench`'s to say.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gpucarve import __version__
from gpucarve.bench import asking, judging, slices
from gpucarve.bench.asking import BRING_THEIR_OWN, Wish
from gpucarve.bench.reports import Report, Standing, Workload
from gpucarve.calls.flows import Flow
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.programs import Refusal
from gpucarve.calls.transport import HostTransport
from gpucarve.errors import BugError
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import Target

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive
_LIVENESS = 64 * 1024 * 1024  # bytes of one vector
_BELIEF = "a GPU is believed when work ran on it"
_TOGETHER = 10  # seconds between the beginnings of two figures, for a slice to be ready for the next one
_CARRIED = (".py", ".ptx", ".c", ".h")


@cache
def archive() -> bytes:
    """The runner as a zip archive, with nvidia-ml-py's one module where it is installed."""
    found = {"gpucarve/__init__.py": b""} | dict(_files(files("gpucarve.runner"), "gpucarve/runner"))
    monitor = find_spec("pynvml")
    if monitor is not None and monitor.origin is not None and monitor.origin.endswith(".py"):
        found["pynvml.py"] = Path(monitor.origin).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in sorted(found):
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), found[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _files(folder: Traversable, inside: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _files(each, f"{inside}/{each.name}")
        elif each.name.endswith(_CARRIED):
            found.append((f"{inside}/{each.name}", each.read_bytes()))
    return found


async def bench(
    host: HostTransport, target: Target, names: Sequence[str], wish: Wish, told: Callable[[str], None]
) -> Report | Refusal:
    """Run workloads by name, in order, calling `told` with each before it begins; or why the host gave no answer.

    Once a workload was refused for what the host or the device lacks, the others are refused for the same, unless it
    was one that needs more than they do.
    """
    workloads: list[Workload] = []
    devices = judging.devices({})
    for name in names:
        told(name)
        answer = await _driven(asking.run(name, wish, archive()), host)
        if isinstance(answer, Refusal):
            return answer
        if isinstance(answer, asking.Refusal):
            workloads.append(judging.refused(name, answer))
        else:
            workloads.append(judging.judged(name, answer))
            devices = devices or judging.devices(answer)
        if workloads[-1].standing is Standing.REFUSED and name not in BRING_THEIR_OWN:
            break
    return Report(str(target), f"gpucarve {__version__}", devices, tuple(workloads))


async def bench_slices(
    host: HostTransport, target: Target, name: str, wish: Wish, told: Callable[[str], None]
) -> Mapping[int, tuple[Report, tuple[Report, ...]]] | Refusal | str:
    """By GPU, a workload on its first slice alone, and on all of its slices at once; or why there is none of it.

    Figures begin at the same moments of the host's clock, so that slices really are busy at one time.
    """
    replies = await host.gather((slices.LISTED,))
    if isinstance(replies, Refusal):
        return replies
    found = slices.listed(replies[0])
    if isinstance(found, str):
        return found
    done: dict[int, tuple[Report, tuple[Report, ...]]] = {}
    for gpu in sorted({each.gpu for each in found}):
        wishes = [replace(wish, visible=each.uuid, together=_TOGETHER) for each in found if each.gpu == gpu]
        told(f"{name} on the first of {len(wishes)} slices of GPU {gpu} ...")
        alone = await bench(host, target, (name,), wishes[0], lambda _: None)
        told(f"{name} on all of them ...")
        busy = await asyncio.gather(*(bench(host, target, (name,), each, lambda _: None) for each in wishes))
        reports = [each for each in (alone, *busy) if isinstance(each, Report)]
        if len(reports) < len(busy) + 1:
            return next(each for each in (alone, *busy) if isinstance(each, Refusal))
        done[gpu] = reports[0], tuple(reports[1:])
    return done


async def _driven(flow: Flow[Any], host: HostTransport) -> Any:
    """Answer a flow that asks one command after the other; it writes nothing, so that it needs no lease."""
    try:
        request = next(flow)
        while True:
            if not isinstance(request, Inspect):
                raise BugError(f"a workload asked for {type(request).__name__}")
            replies = await host.gather((request,))
            if isinstance(replies, Refusal):
                return replies
            request = flow.send(replies[0])
    except StopIteration as stop:
        return stop.value
    finally:
        flow.close()


async def alive(hosts: Mapping[Target, HostTransport]) -> tuple[Finding, ...]:
    """Whether vectors are added rightly by every slice, and every GPU that is not cut, of each host."""
    return tuple(await asyncio.gather(*(_alive(target, host) for target, host in hosts.items())))


async def _alive(target: Target, host: HostTransport) -> Finding:
    replies = await host.gather((slices.LISTED,))
    units = _told(replies) if isinstance(replies, Refusal) else slices.units(replies[0])
    if isinstance(units, str) or not units:
        fact = units if isinstance(units, str) else "nvidia-smi -L lists no GPU"
        return Finding(target, "workload", Verdict.UNKNOWN, fact, _BELIEF)
    sums = 0
    for unit in units:
        wish = Wish(interface="cuda", bytes=_LIVENESS, samples=1, visible=unit.uuid)
        report = await bench(host, target, ("vectoradd",), wish, lambda _: None)
        if isinstance(report, Refusal):
            return Finding(target, "workload", Verdict.UNKNOWN, _told(report), _BELIEF, report.fix)
        (done,) = report.workloads
        if done.standing not in (Standing.SHARE, Standing.RUNS, Standing.UNSTABLE):
            verdict = Verdict.UNKNOWN if done.standing is Standing.REFUSED else Verdict.DIFFERS
            where = f"GPU {unit.gpu}" + (f", slice {unit.profile} {unit.uuid}" if unit.profile else "")
            return Finding(target, "workload", verdict, f"{where}: vectoradd {done.verdict()}", _BELIEF, done.fix)
        sums += sum(check.of for check in done.checks)
    told = f"vectors were added on {len(units)} GPU(s) and slices: {sums} sums, all of them right"
    return Finding(target, "workload", Verdict.HOLDS, told)


def _told(refusal: Refusal) -> str:
    return f"{refusal.kind.value}: {refusal.detail}"
