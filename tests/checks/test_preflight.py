"""What would go wrong: guests in reach, others' vGPUs that a reboot would end, missing tools, unknown facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpucarve.checks.preflight import preflight
from gpucarve.facts import boot, domains, driver, grub, modules, users, vendor_vfio
from gpucarve.facts.observed import Unknown
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.pci import PciAddress
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.decisions import Resource
from gpucarve.resources.host import kernel_arguments, mig_mode, slots, virtual_functions
from gpucarve.resources.host.kernel_arguments import KernelArguments
from gpucarve.resources.host.mig_mode import MigMode
from gpucarve.resources.host.vgpu import Vgpu
from gpucarve.resources.host.vgpu_removal import NoVgpu
from gpucarve.resources.host.virtual_functions import VirtualFunctions
from tests.resources import sights
from tests.resources.sights import BARE, FOREIGN, GPU, HOST, OTHER_GPU, PLAIN, TYPE, VFS, Sight, claim, functions, vgpus

GUEST = (users.User(41, "vm-7"),)
ARGUMENTS = KernelArguments(kernel_arguments.key(HOST), ("intel_iommu=on", "iommu=pt"))
FUNCTIONS = VirtualFunctions(virtual_functions.key(HOST, GPU), GPU, 2)
SLOT = Vgpu(slots.key(HOST, GPU, TYPE, 0), GPU, TYPE, 2)


def _found(sight: Sight, *resources: Resource, purpose: Purpose = Purpose.APPLY) -> tuple[Finding, ...]:
    observed = {HOST: sight.observed()}
    return preflight(_draft(sight, *resources, purpose=purpose), observed)


def _draft(sight: Sight, *resources: Resource, purpose: Purpose = Purpose.APPLY) -> Draft:
    return make(Aim("lab", "d", purpose, resources), {HOST: sight.observed()})


def _bare(**more: object) -> Sight:
    """A host that has to be rebooted for its arguments."""
    loader = grub.Grub(BARE.encode(), (PLAIN,))
    booted = boot.Boot("b1", "6.1", PLAIN, "GenuineIntel", "DMAR", virtualization=True)
    return replace(Sight(), boot=booted, grub=loader, **more)  # type: ignore[arg-type]  # fields of Sight


def test_a_host_with_nobody_on_it_may_be_changed() -> None:
    assert _found(_bare(functions=functions(0)), ARGUMENTS, FUNCTIONS, SLOT) == ()


@pytest.mark.parametrize("parent", [VFS[3], OTHER_GPU])
def test_a_guest_anywhere_on_the_host_stops_a_reboot_and_is_named(parent: PciAddress) -> None:
    found = _found(_bare(mediated=vgpus({FOREIGN: parent}, users=GUEST)), ARGUMENTS)
    said = [each for each in found if each.check == "in use"]
    assert said
    assert all("guest vm-7" in each.fact and each.fix for each in said)


@pytest.mark.parametrize(("parent", "stopped"), [(VFS[3], True), (OTHER_GPU, False)])
def test_a_guest_stops_what_disturbs_its_own_gpu_and_nothing_else(parent: PciAddress, stopped: bool) -> None:
    sight = Sight(functions=functions(0), mediated=vgpus({FOREIGN: parent}, users=GUEST))
    if stopped:  # the function is there, and its GPU shows none that are on
        sight.functions = sights.without(functions(4), enabled_vfs=0)
    assert bool(_found(sight, FUNCTIONS)) is stopped


def test_a_vgpu_that_nobody_uses_stops_nothing_but_a_reboot() -> None:
    sight = Sight(functions=sights.without(functions(4), enabled_vfs=0), mediated=vgpus({FOREIGN: VFS[3]}))
    assert _found(sight, FUNCTIONS) == ()


def test_others_vgpus_stop_a_reboot_since_nobody_would_make_them_again() -> None:
    (found,) = _found(_bare(mediated=vgpus({FOREIGN: OTHER_GPU})), ARGUMENTS)
    assert FOREIGN in found.fact
    assert found.verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("adopted", "purpose", "stopped"),
    [
        (False, Purpose.APPLY, False),
        (True, Purpose.APPLY, False),
        (False, Purpose.ROLLBACK, False),
        (True, Purpose.ROLLBACK, True),
    ],
)
def test_what_is_ours_or_will_be_made_again_stops_no_reboot(adopted: bool, purpose: Purpose, stopped: bool) -> None:
    sight = _bare(claims=claim(0, adopted=adopted), mediated=vgpus({sights.uuid(0): VFS[0]}))
    assert bool(_found(sight, ARGUMENTS, purpose=purpose)) is stopped


@pytest.mark.parametrize("name", ["mediated", "functions", "claims"])
def test_a_reboot_is_not_begun_where_who_uses_what_cannot_be_read(name: str) -> None:
    found = _found(_bare(**{name: Unknown("the file is damaged")}), ARGUMENTS)
    assert found
    assert {each.verdict for each in found} == {Verdict.UNKNOWN}
    assert all("the file is damaged" in each.fact for each in found)


def test_a_guest_without_a_gpu_stops_a_reboot_too_and_nothing_else() -> None:
    running = domains.Domains(running={"db-1": domains.Domain("db-1")})
    (found,) = _found(_bare(domains=running), ARGUMENTS)
    assert (found.fact, found.warning) == ("guest db-1 runs", False)
    assert _found(Sight(functions=functions(0), domains=running), FUNCTIONS) == ()


def test_a_guest_that_has_a_gpu_is_named_once() -> None:
    running = domains.Domains(running={"vm-7": domains.Domain("vm-7")})
    found = _found(_bare(mediated=vgpus({FOREIGN: VFS[3]}, users=GUEST), domains=running), ARGUMENTS)
    said = {each.fact for each in found if each.check == "in use"}
    assert said == {f"vGPU {FOREIGN} on {GPU} is used by guest vm-7"}


def test_a_guest_that_is_shut_off_and_counts_on_the_gpu_is_told_and_stops_nothing() -> None:
    defined = domains.Domains(defined={"vm-9": domains.Domain("vm-9", frozenset({GPU}))})
    (found,) = _found(Sight(functions=functions(0), domains=defined), FUNCTIONS)
    assert found.warning
    assert found.fact == f"guest vm-9 is defined with {GPU}"


def test_a_guest_that_is_shut_off_and_counts_on_a_vgpu_that_goes_is_told() -> None:
    uuid = sights.uuid(0)
    defined = domains.Domains(defined={"vm-9": domains.Domain("vm-9", frozenset(), frozenset({uuid}))})
    gone = NoVgpu(slots.key(HOST, GPU, TYPE, 0), GPU, "the document no longer asks for it")
    (found,) = _found(Sight(claims=claim(0), mediated=vgpus({uuid: VFS[0]}), domains=defined), gone)
    assert (found.warning, found.fact) == (True, f"guest vm-9 is defined with vGPU {uuid}")


def test_vgpus_are_not_planned_where_mdevctl_is_missing() -> None:
    sight = _bare(functions=functions(0), driver=driver.Driver("525.1", True, False, True))
    (found,) = _found(sight, ARGUMENTS, FUNCTIONS, SLOT)
    assert (found.fact, found.fix) == ("mdevctl is missing", "install the package mdevctl")


@pytest.mark.parametrize("seen", ["the files of a virtual function", "the modules"])
def test_a_host_without_mediated_devices_is_refused_before_anything_is_turned_on(seen: str) -> None:
    if seen == "the modules":
        loaded = modules.Modules(frozenset({"nvidia", "nvidia_vgpu_vfio", "vfio_pci_core"}))
        sight = _bare(functions=functions(0), modules=loaded, mediated=replace(vgpus(), bus=False))
    else:
        sight = _bare(functions=functions(0), vendor_vfio=vendor_vfio.VendorVfio({VFS[0]: vendor_vfio.VfVgpu(0)}))
    (found,) = _found(sight, ARGUMENTS, FUNCTIONS, SLOT)
    assert (found.check, found.warning) == ("vGPU back-end", False)
    assert "mediated devices alone" in found.rule


def test_a_host_whose_driver_for_vgpus_has_mediated_devices_is_not_refused() -> None:
    sight = _bare(functions=functions(0), modules=modules.Modules(frozenset({"nvidia_vgpu_vfio"})))
    assert _found(sight, ARGUMENTS, FUNCTIONS, SLOT) == ()


def test_what_may_keep_a_gpu_from_its_reset_is_told_and_stops_nothing() -> None:
    mode = MigMode(mig_mode.key(HOST, GPU), GPU, enabled=True, takes_reset=True)
    sight = Sight(functions=functions(0), modules=modules.Modules(frozenset({"nvidia_drm"})))
    sight.driver = driver.Driver("525.105.14", True, True, True, nvidia_smi=True)
    (found,) = _found(sight, mode)
    assert found.warning
    assert "modprobe -r nvidia_drm" in found.fix
    assert _found(replace(sight, modules=modules.Modules()), mode) == ()


@pytest.mark.parametrize("enabled", [True, False])
def test_a_service_that_sets_mig_anew_at_each_boot_is_another_writer(enabled: bool) -> None:
    mode = MigMode(mig_mode.key(HOST, GPU), GPU, enabled=True, takes_reset=True)
    sight = Sight(functions=functions(0), driver=driver.Driver("525.105.14", True, True, True, nvidia_smi=True))
    sight.users = users.Users(services={users.MIG_MANAGER: users.Service(False, enabled=enabled)})
    found = _found(sight, mode)
    assert [each.check for each in found] == ["other writers"] * enabled
    assert all("systemctl disable" in each.fix and not each.warning for each in found)


@pytest.mark.parametrize("reboots", [True, False])
def test_the_fabric_manager_is_neither_stopped_nor_in_the_way(reboots: bool) -> None:
    mode = MigMode(mig_mode.key(HOST, GPU), GPU, enabled=True, takes_reset=True)
    sight = _bare(functions=functions(0)) if reboots else Sight(functions=functions(0))
    sight.driver = driver.Driver("525.105.14", True, True, True, nvidia_smi=True)
    manager = users.User(900, "", users.FABRIC_MANAGER, "nv-fabricmanager")
    sight.users = users.Users(
        {GPU: (manager,)}, services={users.FABRIC_MANAGER: users.Service(True, 900, enabled=True)}
    )
    resources = (ARGUMENTS, mode) if reboots else (mode,)
    assert _found(sight, *resources) == ()
    assert all(step.key.kind != "gpu-clients" for step in _draft(sight, *resources).plan.steps)


def test_what_a_resource_is_blocked_by_is_among_the_reasons() -> None:
    (found,) = _found(replace(_bare(), grub=None), ARGUMENTS)
    assert "/etc/default/grub is not there" in found.fact


def test_a_fact_that_a_resource_needs_and_is_unknown_is_a_reason() -> None:
    (found,) = _found(Sight(boot=Unknown("no /proc")), ARGUMENTS)
    assert (found.verdict, found.fact) == (Verdict.UNKNOWN, "no /proc")
