"""The initramfs made anew, where what is inside differs from what is on the disk in a way that matters.

Both tools copy modprobe.d into the image; initramfs-tools also copies udev's rules that somebody wrote, so that what
was removed from the disk would go on at every boot.

Boundary: commands and a flow; what matters is said by who asks. Sources: update-initramfs(8), the hook `udev` that
Debian's udev brings; dracut(8).
"""

from __future__ import annotations

from collections.abc import Callable

from gpucarve.calls.flows import Flow, ask, do
from gpucarve.calls.primitives import Run
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import initramfs
from gpucarve.facts.observed import Unreadable

_MAKE = {
    "initramfs-tools": ("update-initramfs", "-u", "-k", "all"),
    "dracut": ("dracut", "--regenerate-all", "--force"),
}
_MAKING = 900.0  # seconds for the images of a handful of kernels


def make(tool: str) -> Run:
    """The command that makes the images of all kernels anew."""
    return Run(_MAKE[tool], deadline=_MAKING)


def made_anew(stale: Callable[[initramfs.Initramfs], bool]) -> Flow[Done | Failure]:
    """List the running kernel's image, and make it anew if it is `stale`."""
    seen = yield from ask(initramfs.LISTED)
    if isinstance(seen, Failure) and seen.kind is FailureKind.UNREACHABLE:
        return seen
    try:
        image = initramfs.parse(seen)
    except Unreadable as error:
        return Failure(FailureKind.OTHER, f"whether the image still has what was taken back: {error}")
    if not image.tool or not stale(image):
        return Done()
    outcome = yield from do(Guarded(make(image.tool)))
    return Done() if outcome.state is CallState.DONE else outcome.failure()
