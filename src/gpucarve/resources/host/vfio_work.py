"""Binding functions to vfio-pci and giving them back, step by step: the flows behind `vfio_binding`, and its claim.

Each converges from any half state: what is as wanted is skipped, and only what sysfs shows in the end counts.

Taking a GPU from NVIDIA's driver while anything has it open hangs in the kernel for ever, also when that lets go later,
and may hang the next shutdown. So the driver is asked for its unbind lock first, which it grants for an idle GPU alone
and under which nobody opens it any more; the unbinding follows in the same program, or does not come.

Boundary: who may have the functions is decided before. Sources: Linux Documentation/ABI/testing/sysfs-bus-pci
(driver_override, unbind, drivers_probe), udev(7), udevadm(8); NVIDIA/open-gpu-kernel-modules kernel-open/nvidia
(nv-procfs.c: unbindLock; nv-pci.c: waiting for clients; issues 1119 and 1374).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpucarve.calls import state
from gpucarve.calls.flows import Flow, ask, do, do_all
from gpucarve.calls.predicates import Absent, Equals, Predicate, Sha256
from gpucarve.calls.primitives import Claim, Disown, ReadFiles, ReadLinks, Remove, Run, Sleep, WriteFile, WriteValue
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, Files, Links
from gpucarve.facts import bindings, ours, pci
from gpucarve.facts.observed import Unreadable
from gpucarve.model.hosts import ResourceKey
from gpucarve.model.pci import PciAddress
from gpucarve.resources.host import early_image, own_file

KIND = "vfio-binding"  # the kind of a binding's claim
DRIVER = bindings.DRIVER
_DRIVERS = "/sys/bus/pci/drivers"
_PROBE = "/sys/bus/pci/drivers_probe"
_NONE = "(null)"  # what driver_override shows when there is none
_NAME = re.compile(r"[A-Za-z0-9._-]{0,64}")
NVIDIA = "nvidia"
_LOCKING = 5  # attempts: monitoring opens a GPU for moments
_PAUSE = 2.0  # seconds between them, times the attempt
_UNBINDING = 60.0  # seconds; a driver waits for whoever has the device open


@dataclass(frozen=True, slots=True)
class Had:
    """How a function was bound when the claim was made."""

    driver: str
    override: str


def bind(
    key: ResourceKey, gpu: PciAddress, members: Mapping[PciAddress, pci.Function], rule: bytes | None
) -> Flow[Done | Failure]:
    """All of `members` to vfio-pci, under a claim; `rule` is the rule file as it was found."""
    left = [each for each in members.values() if each.driver != DRIVER]
    path, wanted = bindings.path(gpu), bindings.rule(gpu, tuple(members))
    done = yield from _carry_out(
        Guarded(Claim(key.local, _record(gpu, members)), before=same(members.values())),
        Guarded(
            WriteFile(path, wanted),
            before=(own_file.as_found(path, rule),),
            wanted=(Sha256.of(path, wanted),),
        ),
        Guarded(Run(("modprobe", DRIVER)), wanted=(Equals("/sys/module/vfio_pci/initstate", "live"),)),
        *(_override(each, DRIVER) for each in members),
    )
    if isinstance(done, Failure):
        return done
    for each in left:
        freed = (yield from _free(each.address)) if each.driver == NVIDIA else Done()
        if isinstance(freed, Failure):
            return freed
    done = yield from _carry_out(
        *(_unbind(each.address, each.driver) for each in left if each.driver),
        *(Guarded(WriteValue(_PROBE, str(each.address)), before=(_overridden(each.address, DRIVER),)) for each in left),
    )
    if isinstance(done, Failure):
        return done
    now = yield from _drivers(members)
    if now is None:
        return Failure(FailureKind.UNREACHABLE, f"what {gpu} is bound to cannot be read")
    for address in members:
        if now.get(address, "") != DRIVER:
            told = f"{address} is bound to {now.get(address, 'no driver')}, not to {DRIVER}"
            return Failure(FailureKind.OTHER, f"{told}: the kernel's log says why")
    return Done()


def release(
    key: ResourceKey,
    gpu: PciAddress,
    members: Mapping[PciAddress, pci.Function],
    had: Mapping[PciAddress, Had],
    rule: bytes | None,
) -> Flow[Done | Failure]:
    """Each of `members` back to the driver it `had`, and our rule out of the image too; the claim goes last."""
    path = bindings.path(gpu)
    if rule is not None:
        gone = Guarded(Remove(path), before=(own_file.as_found(path, rule),), wanted=(Absent(path),))
        done = yield from _carry_out(gone)
        if isinstance(done, Failure):
            return done
        yield from do(Guarded(Run(("udevadm", "control", "--reload"))))  # it would look by itself, some seconds later
    unlocked = yield from _unlocked([address for address, each in members.items() if each.driver == NVIDIA])
    if isinstance(unlocked, Failure):
        return unlocked
    given = [address for address, each in members.items() if each.driver == DRIVER != had[address].driver]
    free = [address for address, each in members.items() if address in given or not each.driver]
    done = yield from _carry_out(
        *(_unbind(each, DRIVER) for each in given),
        *(_override(each, had[each].override) for each in members),
        *(Guarded(WriteValue(_PROBE, str(each))) for each in free if had[each].driver),
    )
    if isinstance(done, Failure):
        return done
    now = yield from _drivers(members)
    if now is not None and (idle := [each for each in free if had[each].driver and each not in now]):
        # The driver's module may never have been loaded under this boot: udev loads it, unless it is blacklisted.
        told = yield from do_all(tuple(Guarded(WriteValue(pci.sysfs(each, "uevent"), "add")) for each in idle))
        settled = yield from do(Guarded(Run(("udevadm", "settle", "--timeout=30"))))
        if lost := next((each for each in (*told, settled) if each.lost), None):
            return lost.failure()
        now = yield from _drivers(members)
    if now is None:
        return Failure(FailureKind.UNREACHABLE, f"what {gpu} is bound to cannot be read")
    if kept := [str(each) for each in given if now.get(each) == DRIVER]:
        return Failure(FailureKind.OTHER, f"{', '.join(kept)} is still bound to {DRIVER}")
    made = yield from early_image.made_anew(lambda image: gpu in image.rules)
    if isinstance(made, Failure):
        return made
    return (yield from _carry_out(Guarded(Disown(key.local))))


def lock_path(gpu: PciAddress) -> str:
    """Where NVIDIA's driver is asked for a GPU's unbind lock: 1 asks, and is read back once it is granted."""
    return f"/proc/driver/nvidia/gpus/{gpu}/unbindLock"


def _free(gpu: PciAddress) -> Flow[Done | Failure]:
    """The GPU taken from NVIDIA's driver under its lock; nothing done for what has none, audio and USB."""
    path = lock_path(gpu)
    locks = yield from _locks((gpu,))
    if isinstance(locks, Failure) or not locks:
        return locks if isinstance(locks, Failure) else Done()
    granted = Equals(path, "1")
    for attempt in range(1, _LOCKING + 1):
        asked, let_go = yield from do_all(
            (Guarded(WriteValue(path, "1"), wanted=(granted,)), _unbind(gpu, NVIDIA, before=(granted,)))
        )
        if let_go.state is not CallState.STOPPED:
            return _result((asked, let_go))
        if attempt < _LOCKING:
            yield from ask(Sleep(_PAUSE * attempt))
    why = f"NVIDIA's driver does not give {gpu} up ({path} stays 0): something has it open"
    return Failure(FailureKind.BUSY, f"{why}; where no process does, the kernel's: run `modprobe -r nvidia_drm`")


def _unlocked(gpus: Sequence[PciAddress]) -> Flow[Done | Failure]:
    """No GPU of NVIDIA's driver is kept from its users by a lock that an unbinding left behind."""
    locks = (yield from _locks(gpus)) if gpus else {}
    if isinstance(locks, Failure):
        return locks
    paths = [lock_path(gpu) for gpu, value in locks.items() if value == "1"]
    return (yield from _carry_out(*(Guarded(WriteValue(path, "0"), wanted=(Equals(path, "0"),)) for path in paths)))


def _locks(gpus: Sequence[PciAddress]) -> Flow[dict[PciAddress, str] | Failure]:
    """What the unbind locks say, of those that there are."""
    paths = {lock_path(gpu): gpu for gpu in gpus}
    files = yield from ask(ReadFiles(tuple(paths)))
    if not isinstance(files, Files):
        return Failure(FailureKind.UNREACHABLE, f"the unbind lock of {gpus[0]} cannot be read")
    return {paths[path]: file.text() for path, file in files.by_path().items() if file.failure is None}


def _override(function: PciAddress, driver: str) -> Guarded:
    """A line end alone takes the override away."""
    return Guarded(
        WriteValue(pci.sysfs(function, "driver_override"), driver or "\n"), wanted=(_overridden(function, driver),)
    )


def _overridden(function: PciAddress, driver: str) -> Equals:
    return Equals(pci.sysfs(function, "driver_override"), driver or _NONE)


def _unbind(function: PciAddress, driver: str, before: tuple[Predicate, ...] = ()) -> Guarded:
    unbind = WriteValue(f"{_DRIVERS}/{driver}/unbind", str(function), deadline=_UNBINDING)
    return Guarded(unbind, before=before, wanted=(Absent(pci.sysfs(function, "driver")),))


def same(functions: Iterable[pci.Function]) -> tuple[Predicate, ...]:
    """Each is the board that it was: one id covers several, so the subsystem's counts too."""
    return tuple(
        Equals(pci.sysfs(each.address, name), f"0x{value}")
        for each in functions
        for name, value in (("device", each.device), ("subsystem_device", each.subsystem))
    )


def _record(gpu: PciAddress, members: Mapping[PciAddress, pci.Function]) -> str:
    had = {str(address): {"driver": each.driver, "override": each.override} for address, each in members.items()}
    boot = " ".join(("passthrough", *map(str, members)))
    return json.dumps({"kind": KIND, "gpu": str(gpu), "functions": had, "boot": boot})


def had_before(claims: ours.Ours, key: ResourceKey) -> dict[PciAddress, Had]:
    """What the claim says of each function. It becomes part of paths, so it has to be what we write there."""
    try:
        found = {
            PciAddress.parse(address): Had(each["driver"], each["override"])
            for address, each in claims.claims[key.local]["functions"].items()
        }
        if not all(_NAME.fullmatch(name) for each in found.values() for name in (each.driver, each.override)):
            raise ValueError("a driver has no such name")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"{state.CLAIMS}/{key.local}/record is damaged: {error!r}") from error
    return found


def _drivers(functions: Iterable[PciAddress]) -> Flow[dict[PciAddress, str] | None]:
    """What each bound function is bound to; None when it cannot be read."""
    paths = {pci.sysfs(each, "driver"): each for each in functions}
    links = yield from ask(ReadLinks(tuple(paths)))
    if not isinstance(links, Links):
        return None
    return {paths[path]: posixpath.basename(target) for path, target in links.by_path().items()}


def _carry_out(*writes: Guarded) -> Flow[Done | Failure]:
    """All of them as one program."""
    return _result((yield from do_all(writes)) if writes else ())


def _result(outcomes: Iterable[CallOutcome]) -> Done | Failure:
    """What came of a program. A driver that let go of its function meanwhile means that the facts have changed."""
    for outcome in outcomes:
        match outcome:
            case CallOutcome(CallState.DONE | CallState.SKIPPED):
                continue
            case CallOutcome(reply=Failure(FailureKind.ABSENT, detail)):
                return Failure(FailureKind.CONFLICT, detail)
            case CallOutcome(reply=Failure() as failure):
                return failure
            case CallOutcome(reply=Exited(status) as said):
                return Failure(FailureKind.OTHER, f"ended with {status}: {said.error_text()[:300]}")
            case _:
                return Failure(FailureKind.CONFLICT, outcome.found)
    return Done()
