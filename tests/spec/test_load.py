"""Documents that are right, in all the ways people and programs write them."""

import json
from collections.abc import Mapping
from typing import cast

import pytest
import yaml

from gpucarve import spec
from gpucarve.model.hosts import Target
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
