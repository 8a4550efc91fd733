"""Compatibility: questions that later rooms ask, answered from the tables, and tables that agree with each other."""

from __future__ import annotations

import re

import pytest

from gpucarve import catalog
from gpucarve.catalog import (
    drivers,
    gpu_operator,
    host_interfaces,
    kubevirt,
    labels,
    naming,
    nova,
    versions,
    vgpu_limits,
    vgpu_software,
)
from gpucarve.catalog.drivers import CudaSupport, Modules
from gpucarve.model.mig import MigProfileName
from gpucarve.model.pci import PciAddress

CATALOG = catalog.load()
GPUS = {gpu.id for gpu in CATALOG.gpus()}


@pytest.mark.parametrize(
    ("older", "newer"),
    [("16.9", "16.10"), ("470.82", "470.82.01"), ("1.9.0-beta", "1.9.0"), ("580", "580.65.06"), ("v0.58.1", "0.58.2")],
)
def test_versions_sort_by_their_numbers(older: str, newer: str) -> None:
    assert versions.key(older) < versions.key(newer)


def test_a_version_without_its_last_noughts_is_the_same() -> None:
    assert versions.key("16") == versions.key("16.0.0")
    assert versions.line("26.3.2", 2) == "26.3"


@pytest.mark.parametrize("text", ["", "a", "1.", "1.2.3.4.5", "1..2", "1" * 9, "1.0\n", "1.0-" + "x" * 99])
def test_anything_else_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        versions.key(text)


def test_a_release_belongs_to_a_branch_whose_number_its_drivers_have() -> None:
    for release in vgpu_software.releases():
        branch = vgpu_software.branch(release.major)
        assert branch is not None
        number = branch.driver_branch.removeprefix("R")
        assert release.host_driver.split(".")[0] == number
        assert (release.guest_linux or number).split(".")[0] == number
        assert vgpu_software.branch_of_driver(release.host_driver) == branch


def test_every_branch_has_releases_and_a_kind_has_its_years() -> None:
    assert {release.major for release in vgpu_software.releases()} == {each.major for each in vgpu_software.branches()}
    years = {(each.kind, each.support_years) for each in vgpu_software.branches()}
    assert years == {("lts", 3), ("production", 1), (None, None)}


def test_a_host_driver_can_be_of_two_releases() -> None:
    assert [each.release for each in vgpu_software.releases_with_host("550.90.05")] == ["17.3", "17.2"]
    assert [each.release for each in vgpu_software.releases_with_guest("528.89")] == ["15.2"]
    assert vgpu_software.releases_with_host("1.2.3") == ()
    release = vgpu_software.release("15.2")
    assert release is not None
    assert (release.host_driver, release.guest_linux, release.date) == ("525.105.14", "525.105.17", "2023-03")


@pytest.mark.parametrize(
    ("host", "guest", "rule", "compatible"),
    [
        ("525.105.14", "525.105.17", "same-release", True),
        ("525.105.14", "528.89", "same-release", True),  # Windows
        ("525.147.01", "525.60.13", "same-branch", True),
        ("535.54.06", "525.60.13", "newer-manager", True),
        ("580.65.05", "535.54.03", "lts-to-lts", True),  # 19 and 16
        ("535.54.06", "470.63.01", "lts-to-lts", True),  # 16 and 13
        ("550.54.10", "570.124.06", "newer-guest", False),
        ("550.54.10", "525.60.13", "not-listed", False),  # 17 and 15, neither long-term
        ("580.65.05", "470.63.01", "not-listed", False),  # 16 stands between
        ("570.124.03", "535.54.03", "not-listed", False),  # 18 is no long-term branch
        ("525.999.01", "525.60.13", "same-branch", True),  # a release too new for the table
    ],
)
def test_a_manager_and_a_guest_driver_go_together_by_nvidias_rules(
    host: str, guest: str, rule: str, compatible: bool
) -> None:
    found = vgpu_software.pairing(host, guest)
    assert found is not None
    assert (found.id, found.compatible) == (rule, compatible)


def test_a_driver_of_no_known_branch_is_not_judged() -> None:
    assert vgpu_software.pairing("999.1", "525.60.13") is None
    assert vgpu_software.pairing("525.60.12", "garbage") is None


def test_an_architecture_is_driven_until_its_last_branch() -> None:
    assert vgpu_software.drives("Pascal", "16.14") is True
    assert vgpu_software.drives("Pascal", "17.0") is False
    assert vgpu_software.drives("Turing", "20.0") is None
    assert vgpu_software.drives("Hopper", "20.0") is None


def test_a_gpus_first_release_is_known_for_some() -> None:
    assert vgpu_software.first_release("a10") == "12.2"
    assert vgpu_software.first_release("t4") is None
    for each in vgpu_software.first_releases():
        assert vgpu_software.release(each.release) is not None
        assert set(each.gpus) <= GPUS


def test_windows_11_with_c_types_needs_an_ubuntu_host() -> None:
    allowed = {each.host for each in vgpu_software.guests() if each.guest == "Windows 11" and each.supported}
    assert allowed == {"Ubuntu with KVM"}


def test_every_series_of_a_type_has_a_meaning_and_a_licence() -> None:
    used = {each.name.series for code in CATALOG.boards() for each in CATALOG.vgpu_types(code)}
    assert used == {each.series for each in vgpu_software.all_series()}
    compute = vgpu_software.series("C")
    assert compute is not None
    assert (compute.purpose, compute.cuda) == ("compute", True)
    assert vgpu_software.series("X") is None


@pytest.mark.parametrize(
    ("gpu", "name", "cuda"),
    [
        ("m60", "M60-8Q", True),
        ("m60", "M60-4Q", False),
        ("t4", "T4-4Q", True),
        ("t4", "T4-1B", False),
        ("a100-pcie-80gb", "A100D-20C", True),
    ],
)
def test_cuda_works_in_q_and_c_types_and_on_maxwell_in_8q_alone(gpu: str, name: str, cuda: bool) -> None:
    model, kind = CATALOG.gpu_model(gpu), CATALOG.vgpu_type(name)
    assert model is not None
    assert kind is not None
    assert vgpu_limits.supports_cuda(kind, model) is cuda


@pytest.mark.parametrize(
    ("gpu", "name", "ecc", "mib"),
    [
        ("a100-pcie-80gb", "A100D-40C", True, 40960 / 16 + 16 + 128 / 2),  # HBM needs no room for ECC
        ("a40", "A40-24Q", False, 24576 / 16 + 16 + 128 / 2),
        ("a40", "A40-24Q", True, 24576 / 16 * 2 + 16 + 128 / 2),
        ("t4", "T4-16C", False, 16384 / 16 + 16 + 128 + 28),
        ("m60", "M60-8Q", False, 8192 / 16 + 16 + 4),
    ],
)
def test_a_guest_lacks_the_framebuffer_that_the_driver_reserves(gpu: str, name: str, ecc: bool, mib: float) -> None:
    model, kind = CATALOG.gpu_model(gpu), CATALOG.vgpu_type(name)
    assert model is not None
    assert kind is not None
    assert vgpu_limits.reserved_mib(kind, model, ecc=ecc) == mib


def test_only_turing_types_that_exist_lose_framebuffer_to_compression() -> None:
    for each in vgpu_limits.compressions():
        kind = CATALOG.vgpu_type(each.type)
        assert kind is not None
        board = CATALOG.board(kind.board)
        assert board is not None
        assert board.architecture == "Turing"


def test_cuda_toolkits_come_newest_first_with_drivers_to_match() -> None:
    keys = [(versions.key(each.cuda), each.update) for each in drivers.cuda_toolkits()]
    assert keys == sorted(keys, reverse=True)
    needs = [versions.key(each.driver) for each in drivers.cuda_toolkits()]
    assert needs == sorted(needs, reverse=True)


@pytest.mark.parametrize(
    ("driver", "cuda", "support"),
    [
        ("550.54.15", "12.4", CudaSupport.FULL),
        ("525.60.13", "12.4", CudaSupport.LIMITED),
        ("525.60.12", "12.4", CudaSupport.NONE),
        ("470.256.02", "11.8", CudaSupport.LIMITED),
        ("440.33", "10.2", CudaSupport.FULL),
        ("439.99", "10.2", CudaSupport.NONE),
        ("550.54.15", "14.0", None),
    ],
)
def test_a_toolkit_runs_on_its_driver_and_within_its_major_on_older_ones(
    driver: str, cuda: str, support: CudaSupport | None
) -> None:
    assert drivers.cuda_support(driver, cuda) is support


@pytest.mark.parametrize("seen", drivers.cuda_seen(), ids=lambda each: each.driver)
def test_the_newest_toolkit_of_a_driver_is_what_nvidia_smi_prints(seen: drivers.CudaSeen) -> None:
    newest = drivers.newest_cuda(seen.driver)
    assert newest is not None
    assert newest.cuda == seen.cuda


def test_no_toolkit_is_old_enough_for_an_ancient_driver() -> None:
    assert drivers.newest_cuda("340.1") is None


def test_a_compute_capability_has_its_first_toolkit() -> None:
    assert drivers.first_cuda("8.6") == "11.1"
    assert drivers.first_cuda("1.0") is None
    toolkits = {each.cuda for each in drivers.cuda_toolkits()}
    assert {each.first_cuda for each in drivers.first_cudas()} <= toolkits


def test_every_architecture_has_a_flavour_of_kernel_modules() -> None:
    for architecture in {gpu.architecture for gpu in CATALOG.gpus()}:
        assert drivers.kernel_modules(architecture) is not None, architecture
    assert drivers.kernel_modules("Kepler") is None


def test_vgpu_hosts_want_open_modules_later_than_hosts_of_containers() -> None:
    ampere, ada, volta = (drivers.kernel_modules(each) for each in ("Ampere", "Ada Lovelace", "Volta"))
    assert ampere is not None
    assert ada is not None
    assert volta is not None
    assert (ampere.compute, ampere.vgpu_host) == (Modules.OPEN, Modules.PROPRIETARY)
    assert ada.vgpu_host is Modules.OPEN
    assert (volta.compute, volta.last_branch) == (Modules.PROPRIETARY, "R580")


def test_operator_versions_come_in_order_of_their_dates_within_a_line() -> None:
    by_line: dict[str, list[str]] = {}
    for each in gpu_operator.releases():
        by_line.setdefault(versions.line(each.version, 2), []).append(each.date)
    assert all(dates == sorted(dates) for dates in by_line.values())


def test_an_operator_version_installs_its_parts() -> None:
    release = gpu_operator.release("v25.3.4")
    assert release is not None
    assert (release.driver, release.vgpu_device_manager, release.mig_manager) == ("580.82.07", "0.4.0", "0.12.3")
    assert (release.min_kubernetes, release.openshift_from, release.openshift_to) == ("1.16.0", "4.14", "4.19")
    assert gpu_operator.release("0.0.1") is None


def test_vm_workloads_come_with_the_version_that_is_said_to_bring_them() -> None:
    fact = gpu_operator.fact("sandbox-since")
    assert fact is not None
    assert fact.version is not None
    for each in gpu_operator.releases():
        brings = versions.key(each.version) >= versions.key(fact.version)
        assert (each.vgpu_device_manager is not None) == brings == (each.sandbox_device_plugin is not None)


@pytest.mark.parametrize(
    ("version", "state"),
    [("26.7.0", "supported"), ("26.3.1", "deprecated"), ("25.10.1", "ended"), ("1.11.0", "ended"), ("27.1.0", None)],
)
def test_an_operator_line_has_a_state(version: str, state: str | None) -> None:
    assert gpu_operator.state(version) == state


def test_an_operator_line_was_tested_on_some_platforms() -> None:
    tested = gpu_operator.platforms("25.3.0")
    assert tested is not None
    assert (tested.kubernetes_from, tested.kubernetes_to) == ("1.29", "1.33")
    assert gpu_operator.platforms("1.11.0") is None
    assert all(gpu_operator.release(each.version) for each in gpu_operator.validated())


def test_the_operators_list_of_gpus_is_of_known_gpus() -> None:
    for each in gpu_operator.vgpu_gpus():
        assert each.gpus
        assert set(each.gpus) <= GPUS
    assert {each.name for each in gpu_operator.vgpu_gpus() if not each.supported} == {"A10G", "A10M", "L40G"}


def test_the_same_selector_has_another_key_in_hyperconverged() -> None:
    keys = {each.api: (each.kind, each.pci_selector_key, each.usb_key) for each in kubevirt.apis()}
    assert keys["kubevirt"] == ("KubeVirt", "pciVendorSelector", "usb")
    assert keys["hyperconverged-v1beta1"] == ("HyperConverged", "pciDeviceSelector", "usbHostDevices")
    new = kubevirt.api("hyperconverged-v1")
    assert new is not None
    assert (new.since, new.permitted) == ("1.18.0", "spec.virtualization.permittedHostDevices")
    assert kubevirt.api("kubevirt-v9") is None


def test_a_broken_version_names_the_one_that_mends_it() -> None:
    assert kubevirt.fixed_in("kubevirt", "v0.59.0") == "0.59.1"
    assert kubevirt.fixed_in("openshift-virtualization", "4.12.2") == "4.12.3"
    assert kubevirt.fixed_in("kubevirt", "1.0.0") is None
    for each in kubevirt.broken():
        assert versions.key(each.version) < versions.key(each.fixed_in)


def test_a_product_has_its_first_version_for_a_task() -> None:
    assert kubevirt.minimum("vgpu", "kubevirt") == "0.59.1"
    assert kubevirt.minimum("vgpu", "hyperconverged") is None


def test_a_workload_is_a_label_value_with_operands() -> None:
    workload = labels.label("nvidia.com/gpu.workload.config")
    assert workload is not None
    assert workload.values == ("container", "vm-passthrough", "vm-vgpu")
    assert workload.default in workload.values
    for value in workload.values:
        assert labels.operands(value)
    assert "vgpu-device-manager" in labels.operands("vm-vgpu")
    assert labels.operands("virtual") == ()
    assert labels.label("nvidia.com/nothing") is None


def _made(rule: str, given: str) -> str:
    match rule:
        case "kubevirt-vgpu":
            return naming.kubevirt_vgpu(given)
        case "kubevirt-passthrough":
            return naming.kubevirt_passthrough(given)
        case "device-plugin-none" | "device-plugin-single":
            return naming.WHOLE_GPU
        case "device-plugin-mixed":
            return naming.mig_mixed(MigProfileName.parse(given))
        case "device-plugin-shared":
            return naming.shared(given)
        case "mig-parted-config":
            return naming.mig_parted_layout(MigProfileName.parse(given))
        case "nova-pci":
            return naming.nova_pci_class(*given.split(":"))
        case "nova-provider":
            hypervisor, address = given.split()
            return naming.nova_provider(hypervisor, PciAddress.parse(address))
        case _:
            raise AssertionError(rule)


@pytest.mark.parametrize("example", naming.examples(), ids=lambda each: f"{each.rule} {each.given}")
def test_a_rule_makes_the_names_that_its_source_gives(example: naming.NameExample) -> None:
    if example.rule == "kubevirt-builtin":  # written by hand, and unlike the plugin's
        assert naming.kubevirt_vgpu(example.given) != example.name
    else:
        assert _made(example.rule, example.given) == example.name


def test_the_kubevirt_resources_of_gpus_follow_the_rule() -> None:
    """The plugin's pci.ids is older than the catalog's, which since names a 72GB variant beside one card."""
    unlike = set()
    for gpu in CATALOG.gpus():
        made = {naming.kubevirt_passthrough(name) for name in gpu.pci_names}
        unlike |= {gpu.id} if set(gpu.kubevirt_resources) - made else set()
    assert unlike == {"rtx-pro-5000-blackwell"}


def test_a_host_path_has_placeholders_for_what_varies() -> None:
    current = host_interfaces.interface("vendor-vfio.current")
    assert current is not None
    assert current.value.format(vf="0000:65:00.4").endswith("0000:65:00.4/nvidia/current_vgpu_type")
    assert host_interfaces.interface("nothing") is None
    for each in host_interfaces.interfaces():
        assert each.kind in {"path", "command", "format", "nvml", "driver"}
        assert (each.kind == "path") == each.value.startswith("/sys/")
        assert re.fullmatch(r"[^{}]*(\{[a-z]+\}[^{}]*)*", each.value), each.name


@pytest.mark.parametrize(
    ("version", "holds", "not_yet"),
    [
        ("28.0.0", {"single-type-group-ignored", "mdev-class"}, {"max-instances", "groups-always-read"}),
        ("29.0.0", {"max-instances", "groups-always-read"}, {"single-type-group-ignored", "vendor-vfio"}),
        ("31.0.0", {"vendor-vfio"}, {"numbered-groups"}),
    ],
)
def test_what_holds_in_nova_depends_on_the_release(version: str, holds: set[str], not_yet: set[str]) -> None:
    found = {each.id for each in nova.in_force(version)}
    assert holds <= found
    assert not not_yet & found
    assert nova.change("max-instances") in nova.changes()
    assert nova.change("nothing") is None


def test_live_migration_names_versions_and_limits() -> None:
    needs = {each.part: each.version for each in nova.live_migration()}
    assert needs["libvirt"] == "8.6"
    assert needs["post-copy"] is None
