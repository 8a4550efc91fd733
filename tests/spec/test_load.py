"""Documents that are right, in all the ways people and programs write them."""

import json
from collections.abc import Mapping
from typing import cast

import pytest
import yaml

from gpucarve import spec
from gpucarve.model.hosts import Target
from gpucarve.model.mig import MigProfileName
from gpucarve.model.pci import PciAddress
from gpucarve.model.vgpu import VgpuTypeName
from gpucarve.spec.compose import resolve
from tests.spec.documents import GOOD, changed

LOADED = spec.load(GOOD, "fleet.yaml")


def test_a_document_becomes_typed_values() -> None:
    assert LOADED.metadata.name == "lab"
    (site,) = LOADED.sites
    assert (site.name, site.platform, site.access.ssh.user, site.access.ssh.port) == ("edge", "linux", "admin", 22)
    (pool,) = site.pools
    assert (pool.name, pool.workload, pool.nodes.names) == ("vdi", "vm-vgpu", ("gpu-1", "gpu-2"))
    (cut,) = pool.cut
    assert cut.gpu == spec.GpuAt(PciAddress(0, 0x65, 0, 0))
    assert cut.kind == "vgpu"
    assert cut.vgpu == {VgpuTypeName("A100D", 40, "C"): 2}


def test_the_hosts_are_all_nodes_with_their_site_and_pool() -> None:
    site = LOADED.sites[0]
    assert list(LOADED.hosts()) == [(Target("edge", name), site, site.pools[0]) for name in ("gpu-1", "gpu-2")]


def test_a_node_is_reached_under_its_address_or_its_name() -> None:
    ssh = spec.load(changed(("user: admin", "user: admin, hosts: {gpu-2: 192.0.2.7}")), "f").sites[0].access.ssh
    assert ssh.address("gpu-1") == "gpu-1"
    assert ssh.address("gpu-2") == "192.0.2.7"


def test_paths_and_port_are_kept_as_written() -> None:
    text = changed(("user: admin", "user: admin, port: 2222, identityFile: ~/.ssh/lab key, knownHosts: ./hosts"))
    ssh = spec.load(text, "f").sites[0].access.ssh
    assert (ssh.port, ssh.identity_file, ssh.known_hosts) == (2222, "~/.ssh/lab key", "./hosts")


@pytest.mark.parametrize("selector", ["'0000:65:00.0'", "0000:65:00.0", "65:00.0", "00000000:65:00.0"])
def test_every_spelling_of_an_address_is_one_address(selector: str) -> None:
    assert spec.load(changed(('"0000:65:00.0"', selector)), "f") == LOADED


def test_an_address_in_digits_stays_an_address_where_yaml_reads_a_number() -> None:
    assert yaml.safe_load("41:00.0") == 2460.0
    text = changed(('"0000:65:00.0"', "41:00.0"))
    assert spec.load(text, "f").sites[0].pools[0].cut[0].gpu == spec.GpuAt(PciAddress(0, 0x41, 0, 0))


def test_all_gpus_are_chosen_by_a_word() -> None:
    assert spec.load(changed(('"0000:65:00.0"', "all")), "f").sites[0].pools[0].cut[0].gpu == spec.EveryGpu()


def _cut(entry: str, workload: str = "vm-vgpu") -> spec.Cut:
    """The one cut of a document whose entry is written so."""
    text = changed(
        ('          - gpu: "0000:65:00.0"\n            vgpu: {A100D-40C: 2}', f"          - {entry}"),
        ("vm-vgpu", workload),
    )
    (cut,) = spec.load(text, "f").sites[0].pools[0].cut
    return cut


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("T4", {"t4"}),
        ("nvidia a30", {"a30", "a30x"}),
        ("NVIDIA A100 80GB PCIe", {"a100-pcie-80gb"}),
        ("a100-pcie-80gb", {"a100-pcie-80gb"}),
        ("20b5", {"a100-pcie-80gb"}),
        ("10de:1e30", {"quadro-rtx-6000", "quadro-rtx-8000"}),
        ('"2235"', {"a40"}),
    ],
)
def test_a_model_is_chosen_by_any_name_that_people_use_for_it(word: str, ids: set[str]) -> None:
    gpu = _cut(f"{{gpu: {word}, passthrough: true}}", "vm-passthrough").gpu
    assert isinstance(gpu, spec.GpuModelled)
    assert str(gpu) == word.strip('"')
    assert set(gpu.ids) == ids


def test_an_index_is_a_whole_number_from_zero() -> None:
    assert _cut("{gpu: 0, whole: true}", "container").gpu == spec.GpuIndex(0)
    assert str(_cut("{gpu: 15, whole: true}", "container").gpu) == "15"


def test_each_kind_of_cut_says_which_it_is_and_holds_nothing_of_the_others() -> None:
    cuts = {
        "whole": _cut("{gpu: all, whole: true}", "container"),
        "mig": _cut("{gpu: all, mig: {1g.10gb: 4, MIG 3g.40gb: 1}}", "container"),
        "passthrough": _cut("{gpu: all, passthrough: true}", "vm-passthrough"),
        "vgpu": _cut("{gpu: all, vgpu: {A100D-2-20C: 3, A100D-1-10CME: 1}}"),
    }
    for kind, cut in cuts.items():
        assert cut.kind == kind
        assert [key for key in cuts if getattr(cut, key) is not None] == [kind]
    assert cuts["mig"].mig == {MigProfileName(1, 10): 4, MigProfileName(3, 40): 1}
    assert cuts["vgpu"].vgpu == {
        VgpuTypeName("A100D", 20, "C", 2): 3,
        VgpuTypeName("A100D", 10, "C", 1, "ME"): 1,
    }


@pytest.mark.parametrize(
    ("entry", "workload"),
    [
        ("{gpu: A100D, mig: {3g.40gb: 2}}", "container"),
        ("{gpu: A100, mig: {4g.20gb: 1, 2g.10gb: 1, 1g.5gb+me: 1}}", "container"),
        ("{gpu: A30, mig: {1g.6gb: 4}}", "container"),
        ("{gpu: RTX PRO 6000 Blackwell Server Edition, mig: {1g.24gb+gfx: 4}}", "container"),
        ("{gpu: NVIDIA RTX PRO 5000 Blackwell, mig: {1g.24gb: 2}}", "container"),
        ("{gpu: 0, mig: {1g.10gb: 7}}", "container"),
        ("{gpu: 0, vgpu: {DC-1-12Q: 8}}", "vm-vgpu"),
        ("{gpu: 0, vgpu: {DC-1-12Q: 7, DC-1-8Q: 1}}", "vm-vgpu"),
        ("{gpu: A100D, vgpu: {A100D-7-80C: 1}}", "vm-vgpu"),
        ("{gpu: A100D, vgpu: {A100D-3-40C: 1, A100D-2-20C: 1, A100D-1-10C: 2}}", "vm-vgpu"),
    ],
)
def test_amounts_that_some_card_can_hold_are_taken(entry: str, workload: str) -> None:
    assert _cut(entry, workload).kind in entry


def test_a_rollout_is_one_host_after_the_other_unless_the_document_says_otherwise() -> None:
    assert LOADED.sites[0].rollout == spec.Rollout(canary=1, max_unavailable=1, max_failures=1)
    text = changed(("platform: linux", "platform: linux\n    rollout: {canary: 0, maxUnavailable: 8, maxFailures: 3}"))
    rollout = spec.load(text, "f").sites[0].rollout
    assert (rollout.canary, rollout.max_unavailable, rollout.max_failures) == (0, 8, 3)


def test_every_host_of_a_site_may_be_a_canary() -> None:
    text = changed(("platform: linux", "platform: linux\n    rollout: {canary: 2}"))
    assert spec.load(text, "f").sites[0].rollout.canary == 2


def test_a_type_may_carry_the_drivers_prefix() -> None:
    assert spec.load(changed(("A100D-40C", "GRID A100D-40C")), "f") == LOADED


def test_types_of_one_size_may_differ_in_series() -> None:
    vgpu = spec.load(changed(("{A100D-40C: 2}", "{A40-8Q: 4, A40-8C: 2}")), "f").sites[0].pools[0].cut[0].vgpu
    assert vgpu == {VgpuTypeName("A40", 8, "Q"): 4, VgpuTypeName("A40", 8, "C"): 2}


def test_one_address_may_be_cut_differently_in_two_pools() -> None:
    second = GOOD.partition("    pools:\n")[2].replace("vdi", "ml").replace("[gpu-1, gpu-2]", "[gpu-3]")
    assert len(spec.load(GOOD + second, "f").sites[0].pools) == 2


@pytest.mark.parametrize(
    "source",
    [
        GOOD.encode(),
        "\ufeff" + GOOD,
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "# a comment\n---\n" + GOOD + "...\n",
        "%YAML 1.2\n---\n" + GOOD,
    ],
    ids=["bytes", "bom", "bom in bytes", "crlf", "cr", "markers", "directive"],
)
def test_the_files_form_does_not_matter(source: str | bytes) -> None:
    assert spec.load(source, "f") == LOADED


def test_a_document_may_be_json() -> None:
    site = {
        "name": "edge",
        "platform": "linux",
        "access": {"ssh": {"user": "admin"}},
        "pools": [
            {
                "name": "vdi",
                "nodes": {"names": ["gpu-1", "gpu-2"]},
                "workload": "vm-vgpu",
                "cut": [{"gpu": "0000:65:00.0", "vgpu": {"A100D-40C": 2}}],
            }
        ],
    }
    document = {"apiVersion": "gpucarve/v1alpha1", "kind": "Fleet", "metadata": {"name": "lab"}, "sites": [site]}
    assert spec.load(json.dumps(document), "f") == LOADED


NUMBERS_ELSEWHERE = ["41:00.0", "0123", "0x1F", "1e3", "1.5", "2.0", "+1", "1_000", "-0", ".inf", "9" * 20]
WORDS_ELSEWHERE = ["no", "on", "True", "~", "Null", "2024-01-01"]


@pytest.mark.parametrize("text", [*NUMBERS_ELSEWHERE, *WORDS_ELSEWHERE])
def test_text_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("null", None), ("", None), ("0", 0), ("-7", -7), ("42", 42)]
)
def test_only_these_forms_are_not_text(text: str, value: object) -> None:
    assert resolve(text) is value or resolve(text) == value


def test_nothing_loaded_can_be_changed() -> None:
    cut = LOADED.sites[0].pools[0].cut[0]
    with pytest.raises(ValueError, match="frozen"):
        cut.gpu = spec.EveryGpu()
    with pytest.raises(TypeError):
        cast("dict[VgpuTypeName, int]", cut.vgpu)[VgpuTypeName("A100D", 40, "C")] = 3
    hosts: Mapping[str, str] = LOADED.sites[0].access.ssh.hosts
    with pytest.raises(TypeError):
        cast("dict[str, str]", hosts)["gpu-1"] = "elsewhere"


def test_all_is_for_the_gpus_that_narrower_entries_leave() -> None:
    whole = '- gpu: all\n            vgpu: {A100D-20C: 4}\n          - gpu: "0000:65:00.0"'
    cut = spec.load(changed(('- gpu: "0000:65:00.0"', whole)), "f").sites[0].pools[0].cut
    assert [each.gpu for each in cut] == [spec.EveryGpu(), spec.GpuAt(PciAddress(0, 0x65, 0, 0))]
