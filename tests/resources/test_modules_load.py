"""Modules loaded at boot: one file of ours, where no file of another does it."""

from __future__ import annotations

from typing import Any

import pytest

from gpucarve.calls.primitives import WriteFile
from gpucarve.facts import modules
from gpucarve.model.changes import Action
from gpucarve.resources.host import modules_load
from gpucarve.resources.host.modules_load import ModulesLoad, ModulesLoadAsBefore
from tests.resources import sights
from tests.resources.sights import HOST, Sight, change, decide, fact, names, settled

KEY = modules_load.key(HOST)
WANTED = ModulesLoad(KEY, ("vfio_pci",))
BACK = ModulesLoadAsBefore(KEY, "rolled back")
RECORD: dict[str, Any] = {"kind": "modules-load", "modules": ["vfio_pci"]}
OURS = b"# Written by gpucarve: what keeps GPUs for guests needs these\nvfio_pci\n"
KVM = "/etc/modules-load.d/kvm.conf"


def _sight(ours: bytes | None = None, **more: Any) -> Sight:
    files = {modules.LOAD: ours} if ours else {}
    return Sight(modules=modules.Modules(ours=files, **more), claims={KEY.local: RECORD} if ours else {})


def test_a_module_that_any_file_loads_is_settled() -> None:
    assert KVM in settled(decide(WANTED, _sight(loaded_at_boot={"vfio_pci": (KVM,)}))).note


def test_a_module_may_be_spelt_with_a_dash() -> None:
    dashed = ModulesLoad(KEY, ("vfio-pci",))
    assert KVM in settled(decide(dashed, _sight(loaded_at_boot={"vfio_pci": (KVM,)}))).note
    write = sights.writes(decide(dashed, _sight()))[1].write
    assert isinstance(write, WriteFile)
    assert write.content == OURS


def test_otherwise_our_file_is_written_under_a_claim() -> None:
    decision = decide(WANTED, _sight())
    assert names(decision) == ["Claim", "WriteFile"]
    write = sights.writes(decision)[1].write
    assert isinstance(write, WriteFile)
    assert (write.path, write.content) == (modules.LOAD, OURS)
    assert not change(decision).takes_reboot


def test_a_blacklist_that_would_keep_it_out_at_boot_is_named() -> None:
    sight = _sight(blacklisted={"vfio_pci": ("/etc/modprobe.d/no-vfio.conf",)}, loaded_at_boot={"vfio_pci": (KVM,)})
    assert "/etc/modprobe.d/no-vfio.conf" in fact(decide(WANTED, sight))


@pytest.mark.parametrize("resource", [WANTED, BACK])
def test_a_file_of_our_name_with_more_in_it_is_left_alone(resource: ModulesLoad | ModulesLoadAsBefore) -> None:
    assert "did not write" in fact(decide(resource, _sight(b"# mine\nvfio_pci\n")))


def test_back_restores_the_file_and_lets_go() -> None:
    decision = decide(BACK, _sight(OURS))
    assert change(decision).action is Action.REMOVE
    assert names(decision) == ["Restore", "Disown"]


def test_without_a_claim_it_is_as_before() -> None:
    assert settled(decide(BACK, _sight())).note == "as before"
