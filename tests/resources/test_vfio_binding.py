"""A whole GPU for guests: who may have it, how its functions are bound, and how they go back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gpucarve.calls.predicates import Equals
from gpucarve.calls.primitives import Claim, Disown, ReadFiles, ReadLinks, Remove, Run, WriteFile, WriteValue
from gpucarve.calls.programs import CallOutcome, CallState, Guarded
from gpucarve.calls.replies import Done, Exited, Failure, FailureKind, File, Files, Link, Links
from gpucarve.facts import bindings, initramfs, mediated, pci, users
from gpucarve.facts.observed import Unreadable
from gpucarve.model.changes import Action, DisruptionKind
from gpucarve.model.pci import PciAddress
from gpucarve.resources.decisions import Outlook
from gpucarve.resources.host import vfio_binding
from gpucarve.resources.host.vfio_binding import NoVfioBinding, VfioBinding
from tests.resources import sights
from tests.resources.sights import HOST, Driven, Sight, change, claimless, decide, fact, settled

GPU, AUDIO, USB = (PciAddress.parse(f"0000:65:00.{number}") for number in (0, 1, 2))
PORT = PciAddress.parse("0000:64:00.0")
OTHER = PciAddress.parse("0000:17:00.0")
ALL = (GPU, AUDIO, USB)
LOCK = f"/proc/driver/nvidia/gpus/{GPU}/unbindLock"
KEY = vfio_binding.key(HOST, GPU)
NEED = claimless("kernel-arguments")
WANTED = VfioBinding(KEY, GPU, ALL, (NEED,))
BACK = NoVfioBinding(KEY, GPU, "rolled back")
NATIVE = {GPU: "nouveau", AUDIO: "snd_hda_intel", USB: "xhci_hcd"}
HELD = NATIVE | {GPU: "nvidia"}
GIVEN = dict.fromkeys(ALL, "vfio-pci")
RULE = bindings.rule(GPU, ALL)
RECORD: dict[str, Any] = {
    "kind": "vfio-binding",
    "gpu": str(GPU),
    "functions": {str(each): {"driver": driver, "override": ""} for each, driver in NATIVE.items()},
    "boot": f"passthrough {GPU} {AUDIO} {USB}",
}
PROCESS = users.User(4711, "", "", "python3")
GUEST = users.User(4712, "vm-1", "", "qemu-system-x86_64")
SERVICE = users.User(900, "", "nvidia-persistenced", "nvidia-persistenced")


def _bus(drivers: dict[PciAddress, str], **gpu: Any) -> tuple[pci.Function, ...]:
    """A GPU with companions in one group behind a port, and another GPU."""
    ids = {GPU: ("1e30", "0300"), AUDIO: ("10f7", "0403"), USB: ("1ad6", "0c03")}
    own = [pci.Function(each, *_ids(ids[each]), drivers[each], 12, override=_override(drivers[each])) for each in ids]
    own[0] = replace(own[0], **gpu)
    port = pci.Function(PORT, "347a", "0000", "0604", "pcieport", 12, vendor="8086")
    return (port, *own, pci.Function(OTHER, "1eb8", "12a2", "0302", "nvidia", 11))


def _ids(found: tuple[str, str]) -> tuple[str, str, str]:
    return (found[0], "129e", found[1])


def _override(driver: str) -> str:
    return "vfio-pci" if driver == "vfio-pci" else ""


def _sight(drivers: dict[PciAddress, str], *, claimed: bool = False, rule: bytes | None = None, **gpu: Any) -> Sight:
    sight = Sight(functions=_bus(drivers, **gpu), claims={KEY.local: RECORD} if claimed else {})
    sight.bindings = bindings.Bindings({GPU: rule} if rule else {})
    return sight


def _used(sight: Sight, **found: Any) -> Sight:
    sight.users = users.Users(**found)
    return sight


@dataclass
class Kernel:
    """Functions with their drivers and overrides, as writes to sysfs change them; `keeps` are not taken by vfio-pci.

    A native driver is there while its name is in `loaded`; an `add` event loads what is in `loads`. `lock` is what
    NVIDIA's driver says of the GPU's unbind lock, None where it has none; it is not granted before `refusals` are over.
    """

    drivers: dict[PciAddress, str]
    keeps: frozenset[PciAddress] = frozenset()
    loaded: set[str] = field(default_factory=lambda: set(NATIVE.values()))
    loads: frozenset[str] = frozenset()
    overrides: dict[PciAddress, str] = field(default_factory=dict)
    fails: Callable[[Any], Failure | None] = lambda _write: None
    lock: str | None = None
    refusals: int = 0
    image: str = "tool initramfs-tools\nlisted\n"

    def driven(self) -> Driven:
        """A flow's counterpart."""
        return Driven(self._read, lambda asked: tuple(self._write(each) for each in asked))

    def _read(self, request: Any) -> Any:
        if isinstance(request, ReadFiles):
            assert request.patterns == (LOCK,)
            return Files((File(LOCK, self.lock.encode()),) if self.lock is not None else ())
        if request == initramfs.LISTED:
            return Exited(0, self.image.encode())
        assert isinstance(request, ReadLinks)
        here = {pci.sysfs(each, "driver"): driver for each, driver in self.drivers.items() if driver}
        return Links(tuple(Link(path, f"../../drivers/{here[path]}") for path in request.patterns if path in here))

    def _write(self, guarded: Guarded) -> CallOutcome:
        if failure := self.fails(guarded.write):
            return CallOutcome(CallState.FAILED, failure)
        match guarded.write:
            case WriteValue(path, value) if path.endswith("/driver_override"):
                self.overrides[PciAddress.parse(path.split("/")[-2])] = value.strip()
            case WriteValue(path, value) if path == LOCK:
                self.lock, self.refusals = (value if not self.refusals else "0"), max(0, self.refusals - 1)
            case WriteValue(path, _) if Equals(LOCK, "1") in guarded.before and self.lock != "1":
                return sights.STOPPED
            case WriteValue(path, value) if path.endswith("/unbind"):
                if guarded.wanted and not self.drivers[PciAddress.parse(value)]:
                    return CallOutcome(CallState.SKIPPED)
                assert self.drivers[PciAddress.parse(value)] == path.split("/")[-2]
                self.drivers[PciAddress.parse(value)] = ""
            case WriteValue(path, value) if path.endswith("/drivers_probe"):
                self._probe(PciAddress.parse(value))
            case WriteValue(path, "add"):
                address = PciAddress.parse(path.split("/")[-2])
                self.loaded |= self.loads & {NATIVE[address]}
                self._probe(address)
            case _:
                pass  # nothing that moves a function
        return CallOutcome(CallState.DONE, Done())

    def _probe(self, address: PciAddress) -> None:
        if self.overrides.get(address) and address not in self.keeps:
            self.drivers[address] = self.overrides[address]
        elif not self.overrides.get(address) and NATIVE[address] in self.loaded:
            self.drivers[address] = NATIVE[address]


def _run(resource: VfioBinding | NoVfioBinding, sight: Sight, kernel: Kernel) -> tuple[Done | Failure, Driven]:
    work = change(decide(resource, sight)).work
    assert callable(work)
    driven = kernel.driven()
    return driven.run(work()), driven


def _written(driven: Driven) -> list[Any]:
    return [each.write for asked in driven.asked for each in asked]


# --- there


def test_bound_by_override_rule_and_claim_is_settled() -> None:
    assert "vfio-pci" in settled(decide(WANTED, _sight(GIVEN, claimed=True, rule=RULE))).note


@pytest.mark.parametrize(
    "sight",
    [
        _sight(GIVEN, rule=RULE),
        _sight(GIVEN, claimed=True),
        _sight(GIVEN, claimed=True, rule=bindings.rule(GPU, (GPU,))),
        _sight(GIVEN | {USB: "xhci_hcd"}, claimed=True, rule=RULE),
        _sight(GIVEN, claimed=True, rule=RULE, override=""),
    ],
    ids=["no claim", "no rule", "another rule", "a companion is not", "by an id, not by the override"],
)
def test_anything_less_is_not_settled(sight: Sight) -> None:
    assert change(decide(WANTED, sight)).action is Action.CREATE


def test_every_function_goes_to_vfio_pci_by_its_address() -> None:
    kernel = Kernel(dict(NATIVE))
    result, driven = _run(WANTED, _sight(NATIVE), kernel)
    assert result == Done()
    assert kernel.drivers == GIVEN
    writes = _written(driven)
    assert isinstance(writes[0], Claim)
    assert json.loads(writes[0].record) == RECORD
    assert writes[1] == WriteFile(bindings.path(GPU), RULE)
    assert Run(("modprobe", "vfio-pci")) in writes
    assert not any("new_id" in str(each) for each in writes)


def test_a_function_is_taken_only_while_it_is_the_board_that_it_was() -> None:
    _, driven = _run(WANTED, _sight(NATIVE), Kernel(dict(NATIVE)))
    boards = zip(ALL, ("1e30", "10f7", "1ad6"), strict=True)
    assert driven.asked[0][0].before == tuple(
        Equals(pci.sysfs(each, name), f"0x{value}")
        for each, number in boards
        for name, value in (("device", number), ("subsystem_device", "129e"))
    )


def test_what_is_bound_already_is_neither_unbound_nor_disturbed() -> None:
    sight = _sight(GIVEN | {USB: "xhci_hcd"}, claimed=True, rule=RULE)
    result, driven = _run(WANTED, sight, Kernel(GIVEN | {USB: "xhci_hcd"}))
    assert result == Done()
    poked = [each for each in _written(driven) if isinstance(each, WriteValue) and "override" not in each.path]
    assert {each.value for each in poked} == {str(USB)}


def test_a_claim_alone_that_is_missing_disturbs_nothing() -> None:
    decision = change(decide(WANTED, _used(_sight(GIVEN, rule=RULE), by_group={12: (GUEST,)})))
    assert decision.disruption.kind is DisruptionKind.NONE


@pytest.mark.parametrize("refusals", [0, 3])
def test_nvidias_driver_loses_the_gpu_under_its_unbind_lock_in_one_program(refusals: int) -> None:
    kernel = Kernel(dict(HELD), lock="0", refusals=refusals)
    found, driven = _run(WANTED, _sight(HELD), kernel)
    assert (found, kernel.drivers) == (Done(), GIVEN)
    last = [asked for asked in driven.asked if asked[0].write == WriteValue(LOCK, "1")][-1]
    assert [getattr(each.write, "path", "") for each in last] == [LOCK, "/sys/bus/pci/drivers/nvidia/unbind"]
    assert last[1].before == (Equals(LOCK, "1"),)


def test_a_gpu_that_stays_open_is_never_unbound_and_the_failure_says_what_may_hold_it() -> None:
    kernel = Kernel(dict(HELD), lock="0", refusals=99)
    found, driven = _run(WANTED, _sight(HELD), kernel)
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.BUSY
    assert "modprobe -r nvidia_drm" in found.detail
    assert kernel.drivers == HELD
    assert driven.time > 0


def test_a_driver_without_that_lock_is_unbound_as_any() -> None:
    kernel = Kernel(dict(HELD))
    assert _run(WANTED, _sight(HELD), kernel)[0] == Done()
    assert kernel.drivers == GIVEN


def test_a_lock_that_an_unbinding_left_behind_is_given_back() -> None:
    kernel = Kernel(dict(HELD), lock="1")
    found, driven = _run(BACK, _sight(HELD, claimed=True), kernel)
    assert (found, kernel.lock, kernel.drivers) == (Done(), "0", HELD)
    assert isinstance(_written(driven)[-1], Disown)


def test_vfio_pci_that_does_not_take_a_function_is_a_failure_that_names_it() -> None:
    result, _ = _run(WANTED, _sight(NATIVE), Kernel(dict(NATIVE), keeps=frozenset({AUDIO})))
    assert isinstance(result, Failure)
    assert f"{AUDIO} is bound to no driver" in result.detail


def test_a_driver_that_let_go_meanwhile_means_that_the_facts_have_changed() -> None:
    def fails(write: Any) -> Failure | None:
        gone = isinstance(write, WriteValue) and write.path.endswith("xhci_hcd/unbind")
        return Failure(FailureKind.ABSENT, "No such device") if gone else None

    result, _ = _run(WANTED, _sight(NATIVE), Kernel(dict(NATIVE), fails=fails))
    assert isinstance(result, Failure)
    assert result.kind is FailureKind.CONFLICT


@pytest.mark.parametrize("outlook", [Outlook(reboot=True), Outlook(unsettled=frozenset({NEED}))])
def test_before_the_reboot_it_is_predicted_with_the_functions_that_are_known(outlook: Outlook) -> None:
    sight = Sight(functions=tuple(replace(each, iommu_group=None) for each in _bus(NATIVE)))
    decision = change(decide(WANTED, sight, outlook))
    assert decision.work is None
    assert [str(each) for each in decision.assumes] == [f"driver of {GPU}: vfio-pci"]


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (_sight(NATIVE, boot_vga=True), "the host's own display"),
        (_sight(NATIVE, iommu_group=None), "no IOMMU group"),
        (_sight(NATIVE, enabled_vfs=4), "4 virtual functions"),
        (_used(_sight(NATIVE | {GPU: "nvidia"}), by_gpu={GPU: (PROCESS,)}), "process 4711 (python3)"),
        (_used(_sight(GIVEN | {USB: "xhci_hcd"}), by_group={12: (GUEST,)}), "guest vm-1"),
        (_sight(NATIVE, rule=b"# mine\n"), "did not write"),
    ],
)
def test_a_gpu_that_cannot_be_given_away_is_refused_with_the_reason(sight: Sight, words: str) -> None:
    assert words in fact(decide(WANTED, sight))


def test_a_function_of_another_device_in_the_group_is_named_with_its_driver() -> None:
    nic = pci.Function(PciAddress.parse("0000:66:00.0"), "1572", "0006", "0200", "i40e", 12, vendor="8086")
    found = fact(decide(WANTED, Sight(functions=(*_bus(NATIVE), nic))))
    assert "0000:66:00.0 (8086:1572, i40e) shares IOMMU group 12" in found


def test_a_claim_of_other_functions_is_not_built_upon() -> None:
    sight = _sight(NATIVE, claimed=True)
    sight.claims = {KEY.local: RECORD | {"functions": {str(GPU): {"driver": "nouveau", "override": ""}}}}
    assert "its functions are others now" in fact(decide(WANTED, sight))


def test_a_vgpu_on_the_gpu_is_named() -> None:
    sight = _sight(NATIVE)
    sight.mediated = mediated.Mediated({}, {"u-1": mediated.Mdev("u-1", GPU, "nvidia-1")}, {})
    assert "vGPU u-1" in fact(decide(WANTED, sight))


@pytest.mark.parametrize(
    "found",
    [
        {"by_gpu": {GPU: (SERVICE,)}},
        {"by_gpu": {OTHER: (PROCESS,)}},
        {"by_group": {13: (GUEST,)}},
    ],
    ids=["a service that is stopped for it", "a process on another GPU", "a guest with another device"],
)
def test_who_does_not_hinder_is_not_in_the_way(found: dict[str, Any]) -> None:
    decision = change(decide(WANTED, _used(_sight(NATIVE | {GPU: "nvidia"}), **found)))
    assert decision.quiet


def test_a_gpu_that_nvidias_driver_does_not_have_needs_no_service_stopped() -> None:
    assert not change(decide(WANTED, _sight(NATIVE))).quiet


def test_a_function_that_is_not_there_leads_to_no_write() -> None:
    with pytest.raises(Unreadable, match=str(USB)):
        decide(WANTED, Sight(functions=_bus(NATIVE)[:3]))


# --- back


def test_without_a_claim_it_is_as_before() -> None:
    assert settled(decide(BACK, _sight(GIVEN))).note == "as before"


def test_each_function_goes_back_to_the_driver_that_it_had_and_the_claim_goes_last() -> None:
    kernel = Kernel(dict(GIVEN), overrides=dict(GIVEN))
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), kernel)
    assert result == Done()
    assert kernel.drivers == NATIVE
    assert set(kernel.overrides.values()) == {""}
    writes = _written(driven)
    assert writes[0] == Remove(bindings.path(GPU))
    assert writes[-1] == Disown(KEY.local)


def test_an_image_that_carries_our_rule_is_made_anew_before_the_claim_goes() -> None:
    kernel = Kernel(dict(GIVEN), image=f"tool initramfs-tools\nlisted\nrules {GPU}\n")
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), kernel)
    assert result == Done()
    assert driven.commands()[-2:] == ["update-initramfs -u -k all", "Disown"]


@pytest.mark.parametrize("image", [f"tool dracut\nlisted\nrules {OTHER}\n", "tool \n"])
def test_an_image_without_our_rule_is_left_as_it_is(image: str) -> None:
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), Kernel(dict(GIVEN), image=image))
    assert result == Done()
    assert not {"update-initramfs -u -k all", "dracut --regenerate-all --force"} & set(driven.commands())


def test_an_image_that_cannot_be_listed_keeps_the_claim() -> None:
    kernel = Kernel(dict(GIVEN), image="tool dracut\nfailed\n")
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), kernel)
    assert isinstance(result, Failure)
    assert "Disown" not in driven.commands()


def test_a_driver_that_is_not_loaded_is_asked_for_through_udev() -> None:
    kernel = Kernel(dict(GIVEN), loaded={"nouveau"}, loads=frozenset({"snd_hda_intel"}))
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), kernel)
    assert result == Done()
    assert kernel.drivers == NATIVE | {USB: ""}
    assert "udevadm settle --timeout=30" in driven.commands()


def test_a_host_that_goes_away_while_udev_is_asked_keeps_the_claim() -> None:
    lost = Failure(FailureKind.UNREACHABLE, "the connection ended first")
    kernel = Kernel(dict(GIVEN), loaded={"nouveau"}, loads=frozenset({"snd_hda_intel"}))
    kernel.fails = lambda write: lost if isinstance(write, WriteValue) and write.value == "add" else None
    result, driven = _run(BACK, _sight(GIVEN, claimed=True, rule=RULE), kernel)
    assert result == lost
    assert Disown(KEY.local) not in _written(driven)


def test_a_function_that_vfio_pci_had_before_us_stays_with_it() -> None:
    sight = _sight(GIVEN, claimed=True, rule=RULE)
    functions = RECORD["functions"] | {str(AUDIO): {"driver": "vfio-pci", "override": "vfio-pci"}}
    sight.claims = {KEY.local: RECORD | {"functions": functions}}
    kernel = Kernel(dict(GIVEN), overrides=dict(GIVEN))
    result, _ = _run(BACK, sight, kernel)
    assert result == Done()
    assert kernel.drivers == NATIVE | {AUDIO: "vfio-pci"}
    assert kernel.overrides[AUDIO] == "vfio-pci"


def test_a_cut_after_unbinding_is_mended() -> None:
    unbound = dict.fromkeys(ALL, "")
    kernel = Kernel(dict(unbound))
    result, _ = _run(BACK, _sight(unbound, claimed=True), kernel)
    assert result == Done()
    assert kernel.drivers == NATIVE


def test_a_guest_that_has_the_gpu_keeps_it() -> None:
    assert "guest vm-1" in fact(decide(BACK, _used(_sight(GIVEN, claimed=True, rule=RULE), by_group={12: (GUEST,)})))


@pytest.mark.parametrize(
    "functions",
    [None, {"x": {"driver": "", "override": ""}}, {str(GPU): {"driver": "../x", "override": ""}}, {str(GPU): {}}],
)
def test_a_claim_that_does_not_say_what_was_bound_is_damaged(functions: Any) -> None:
    sight = _sight(GIVEN, claimed=True)
    sight.claims = {KEY.local: RECORD | {"functions": functions}}
    with pytest.raises(Unreadable, match="damaged"):
        decide(BACK, sight)
