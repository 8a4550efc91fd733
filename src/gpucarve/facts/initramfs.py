"""The image that the running kernel starts from: what makes it, and whether a driver inside it escapes our blacklist.

A module that the image loads is not kept out by a file that was written after the image was made. To list an image
takes a second or more, so it is done only where the answer decides something: a driver that binds GPUs early is
loaded and no claim of ours says so yet, or our claim stands and a blacklisted driver is loaded still, or our file is
gone.

Boundary: names of what is inside, no content. Sources: lsinitramfs(8), update-initramfs(8) of initramfs-tools;
lsinitrd(1), dracut(8).
"""

from __future__ import annotations

from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Reply
from gpucarve.facts import bindings, modules
from gpucarve.facts.observed import Probe, Unreadable, expect
from gpucarve.model.pci import PciAddress

TOOLS = ("initramfs-tools", "dracut")
EARLY = frozenset({"nouveau", "nova_core"})  # the kernel's own drivers, which bind any GPU that nothing keeps them from

# `$1` is put before every path, for a root directory elsewhere; with `$2` the image is listed whatever is so.
LOOK = f"""\
root=${{1-}}
ours=$root{modules.BLACKLIST}
release=$(uname -r)
has() {{ command -v "$1" >/dev/null && command -v "$2" >/dev/null; }}
loaded() {{ grep -qE "^($1) " "$root{modules.LOADED}"; }}
tool=
if has update-initramfs lsinitramfs; then tool=initramfs-tools
elif [ ! -e "$root/run/ostree-booted" ] && has dracut lsinitrd; then tool=dracut
fi
echo "tool $tool"
if [ -n "${{2-}}" ]; then :
elif [ ! -e "$root{state.CLAIMS}/{modules.BLACKLIST_CLAIM}/record" ]; then
    loaded '{"|".join(sorted(EARLY))}' || exit 0
elif [ -e "$ours" ]; then
    named=$(sed -n 's/^blacklist //p' "$ours" | tr '\\n-' '|_')
    loaded "${{named%|}}" || exit 0
fi
case $tool in
    initramfs-tools) image=$root/boot/initrd.img-$release
        [ -e "$image" ] || {{ echo listed; exit 0; }}
        list=$(lsinitramfs "$image" 2>/dev/null) || {{ echo failed; exit 0; }} ;;
    dracut) list=$(lsinitrd 2>/dev/null) || {{ echo failed; exit 0; }} ;;
    *) exit 0 ;;
esac
echo listed
printf '%s\\n' "$list" | sed -n -e 's|.*/||' -e '/\\.ko/{{s|\\.ko.*||' -e 's|-|_|g' -e 's|^|module |p' -e '}}' |
    grep -E '^module (nouveau|nova_core|nova_drm|nvidia|nvidia_.*|nvidiafb|vfio_pci)$' | sort -u
printf '%s\\n' "$list" | grep -qE '(^| |/){modules.BLACKLIST.lstrip("/")}$' && echo carries
printf '%s\\n' "$list" | sed -n 's|.*{bindings.BEFORE.lstrip("/")}\\(.*\\){bindings.AFTER}$|rules \\1|p'
exit 0
"""


@dataclass(frozen=True, slots=True)
class Initramfs:
    """`tool` is `initramfs-tools`, `dracut`, or empty where neither can make the image anew; `holds` the GPU drivers
    inside the running kernel's image and `carries_blacklist` whether our own file is in it: None where it was not
    looked at. `rules` are the GPUs whose udev rule of ours is in it."""

    tool: str = ""
    holds: frozenset[str] | None = None
    carries_blacklist: bool | None = None
    rules: frozenset[PciAddress] = frozenset()


def parse(reply: Reply) -> Initramfs:
    """Read what `LOOK` prints. Raises Unreadable when the image is there and could not be listed."""
    exited = expect(reply, Exited)
    tool, *lines = exited.text().splitlines() or [""]
    name = tool.removeprefix("tool ").strip() if tool.startswith("tool") else None
    if exited.status != 0 or exited.truncated or name is None or name not in ("", *TOOLS):
        raise Unreadable(f"what makes the initramfs cannot be told: {exited.error_text()[:200] or exited.status}")
    if "failed" in lines:
        raise Unreadable(f"the initramfs of the running kernel cannot be listed with {name}'s tool")
    if "listed" not in lines:
        return Initramfs(name)
    holds = frozenset(modules.named(line.removeprefix("module ")) for line in lines if line.startswith("module "))
    rules = frozenset(PciAddress.parse(line.removeprefix("rules ")) for line in lines if line.startswith("rules "))
    return Initramfs(name, holds, "carries" in lines, rules)


READ = Inspect(("sh", "-c", LOOK), deadline=120)
LISTED = Inspect(("sh", "-c", LOOK, "look", "", "list"), deadline=120)  # for whoever takes something out of the image
PROBE = Probe("initramfs", (READ,), lambda replies: parse(replies[0]))
