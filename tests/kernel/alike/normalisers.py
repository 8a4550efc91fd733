"""What is not compared: a closed list, each entry with its reason. Every other difference is a bug of one of the two.

An entry without which no answer of a whole run would differ is a failure of the test.

Boundary: an answer in, the same answer without one thing out; applied to both sides alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from gpucarve.calls.programs import CallOutcome, Refusal
from gpucarve.calls.replies import Exited, Failure, File, Files, Holder, Holders
from tests.kernel.alike.answers import Part


@dataclass(frozen=True, slots=True)
class Normaliser:
    """`without` gives an answer without what is not compared; `why` says why it cannot be or need not be."""

    name: str
    why: str
    without: Callable[[Any], Any]


def equal(one: Part, other: Part) -> bool:
    """Whether both answers are the same but for what is not compared."""
    return bool(applied(one) == applied(other))


def applied(part: Part, left_out: Normaliser | None = None) -> Any:
    """The answer without what is not compared."""
    answer = part.answer
    for each in NORMALISERS:
        if each is not left_out:
            answer = each.without(answer)
    return answer


def needed(one: Part, other: Part) -> Iterable[str]:
    """Those without which the two answers would differ."""
    return [each.name for each in NORMALISERS if applied(one, each) != applied(other, each)]


def _no_details(answer: Any) -> Any:
    match answer:
        case Failure(kind):
            return Failure(kind)
        case Refusal(kind, _, lease):
            return Refusal(kind, "", lease)
        case CallOutcome(state, reply, found):
            return CallOutcome(state, _no_details(reply), found)
        case Files(entries):
            return Files(tuple(_plain(each) for each in entries))
        case _:
            return answer


def _plain(file: File) -> File:
    return replace(file, failure=Failure(file.failure.kind)) if file.failure else file


def _no_process_ids(answer: Any) -> Any:
    match answer:
        case Holders(entries):
            held: list[Holder] = sorted(
                (replace(each, pid=0) for each in entries), key=lambda each: (each.path, each.argv)
            )
            return Holders(tuple(held))
        case Files(entries):
            return Files(tuple(_in_file(each, "/var/lib/gpucarve/record", rb"pid=\d+", b"pid=N") for each in entries))
        case _:
            return answer


def _in_file(file: File, path: str, pattern: bytes, instead: bytes) -> File:
    if file.path != path and not re.fullmatch(path, file.path):
        return file
    return replace(file, content=re.sub(pattern, instead, file.content))


_VERSION = "/proc/driver/nvidia/version"
_INFORMATION = re.compile(r"/proc/driver/nvidia/gpus/[^/]+/information")
_TOLD = (b"Model", b"Bus Location", b"Device Minor")
_STAND_IN = re.compile(rb".*(?:test stand-in, not NVIDIA's tool|echo: I/O error)\n| \(test stand-in\)")


def _no_stand_in(answer: Any) -> Any:
    match answer:
        case CallOutcome(state, Exited() as exited):
            return CallOutcome(state, _no_stand_in(exited))
        case Exited():
            return replace(answer, stdout=_STAND_IN.sub(b"", answer.stdout), stderr=_STAND_IN.sub(b"", answer.stderr))
        case Files(entries):
            return Files(tuple(_information(_version(each)) for each in entries))
        case _:
            return answer


def _version(file: File) -> File:
    if file.path != _VERSION:
        return file
    found = re.search(rb"\d+\.\d+\.\d+", file.content)
    return replace(file, content=found[0] if found else b"")


def _information(file: File) -> File:
    if not _INFORMATION.fullmatch(file.path):
        return file
    kept = (line for line in file.content.splitlines(keepends=True) if line.split(b":")[0] in _TOLD)
    return replace(file, content=b"".join(kept))


def _no_usage(answer: Any) -> Any:
    match answer:
        case CallOutcome(state, Exited(status=2) as exited):
            return CallOutcome(state, replace(exited, stderr=b""))
        case _:
            return answer


_CPU = re.compile(rb"processor|vendor_id|model name|flags")
_CPU_FLAGS = (b"vmx", b"svm")


def _no_other_processors(answer: Any) -> Any:
    match answer:
        case Files(entries):
            return Files(tuple(_processors(each) if each.path == "/proc/cpuinfo" else each for each in entries))
        case _:
            return answer


def _processors(file: File) -> File:
    lines = []
    for line in file.content.splitlines():
        name, _, value = line.partition(b":")
        if name.strip() == b"flags":
            value = b" ".join(each for each in value.split() if each in _CPU_FLAGS)
        if _CPU.fullmatch(name.strip()):
            lines.append(name.strip() + b":" + value)
    return replace(file, content=b"\n".join(lines))


_OF_GPUS = re.compile(rb"(nouveau|nvidia|vfio_pci) ")


def _no_other_modules(answer: Any) -> Any:
    match answer:
        case Files(entries):
            return Files(tuple(_modules(each) if each.path == "/proc/modules" else each for each in entries))
        case _:
            return answer


def _modules(file: File) -> File:
    names = sorted(match[1] for match in map(_OF_GPUS.match, file.content.splitlines()) if match)
    return replace(file, content=b" ".join(names))


_ENTRY = re.compile(rb"^\s*linux\s+(.*)$", re.MULTILINE)


def _no_menu_texts(answer: Any) -> Any:
    match answer:
        case Files(entries):
            return Files(tuple(_menu(each) if each.path == "/boot/grub/grub.cfg" else each for each in entries))
        case _:
            return answer


def _menu(file: File) -> File:
    """What its entries boot with, the same ones once: Debian's menu has the first entry again in a submenu."""
    entries = (b" ".join(found.split()) for found in _ENTRY.findall(file.content))
    return replace(file, content=b"\n".join(dict.fromkeys(entries)))


NORMALISERS: tuple[Normaliser, ...] = (
    Normaliser(
        "details", "a failure's detail is the words of the tool that was asked; its kind is what counts", _no_details
    ),
    Normaliser("process ids", "which id a process gets depends on everything that ran before", _no_process_ids),
    Normaliser(
        "stand-ins", "the bench's driver and tools say that they are stand-ins; its shell complains", _no_stand_in
    ),
    Normaliser("processors", "a processor has more flags and figures than gpucarve reads of it", _no_other_processors),
    Normaliser("other modules", "a real kernel has modules loaded that no GPU needs, at addresses", _no_other_modules),
    Normaliser("menu texts", "of a boot menu's script only what its entries boot with is simulated", _no_menu_texts),
    Normaliser("usage", "mdevctl's parser explains a wrong use at length; its status is what counts", _no_usage),
)
