"""The initramfs made anew, where what is inside differs from what is on the disk in a way that matters.

initramfs-tools copies modprobe.d into the image, and udev's rules that somebody wrote, so that what was removed from
the disk would go on at every boot. dracut copies /etc/modprobe.d only into an image for this host alone (`hostonly`),
not into a generic one, so it is told of our file by one of its own settings.

Boundary: commands and a flow; what matters is said by who asks. Sources: update-initramfs(8), the hook `udev` that
Debian's udev brings; dracut(8), dracut.conf(5) (hostonly, install_items), dracut's module kernel-modules.
"""

from __future__ import annotations

from collections.abc import Callable

from gpucarve.calls.flows import Flow, ask, do
from gpucarve.calls.predicates import Absent, Sha256
from gpucarve.calls.primitives import Remove, Run, WriteFile
from gpucarve.calls.programs import CallState, Guarded
from gpucarve.calls.replies import Done, Failure, FailureKind
from gpucarve.facts import initramfs, modules
from gpucarve.facts.observed import Unreadable
from gpucarve.resources.host import own_file

_MAKE = {
    "initramfs-tools": ("update-initramfs", "-u", "-k", "all"),
    "dracut": ("dracut", "--regenerate-all", "--force"),
}
DRACUT = "/etc/dracut.conf.d/gpucarve.conf"
_TAKES_OURS = own_file.content(
    "an image that is for any host takes this in too", (f'install_items+=" {modules.BLACKLIST} "',)
)
_MAKING = 900.0  # seconds for the images of a handful of kernels


def make(tool: str) -> Run:
    """The command that makes the images of all kernels anew."""
    return Run(_MAKE[tool], deadline=_MAKING)


def taking_blacklist(tool: str) -> tuple[Guarded, ...]:
    """What has to stand for every image that this tool makes to take our blacklist in."""
    if tool != "dracut":
        return ()
    there = Sha256.of(DRACUT, _TAKES_OURS)
    return (Guarded(WriteFile(DRACUT, _TAKES_OURS), before=(Absent(DRACUT),), wanted=(there,)),)


def taken_back() -> Guarded:
    """The removal of that; what somebody else has written there stays."""
    return Guarded(Remove(DRACUT), before=(Sha256.of(DRACUT, _TAKES_OURS),), wanted=(Absent(DRACUT),))


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
