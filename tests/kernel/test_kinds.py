"""One GPU through every change of workload kind on a real kernel, beside a board of the same id that stays untouched.

The IOMMU is on before, so no change needs a reboot; the twin takes all changes (`tests/story/test_changes.py`). Each
state is judged twice: by gpucarve's verification, and by the shell's own look at the kernel (`cards`).
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from os import environ
from pathlib import Path

import pytest

from gpucarve.model.changes import Action
from gpucarve.plan.plans import Purpose
from tests.kernel import shims
from tests.kernel.booting import second_apply_writes_nothing, unit_ended
from tests.kernel.cards import CARDS, card, cards
from tests.kernel.guest import Guest
from tests.kernel.lab import GuestLab, footprint
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.story.kinds import KINDS, stroll, walk

Record = Callable[[str, object], None]

EVERY = environ.get("GPUCARVE_EVERY_PAIR") == "1"
# On which changes of the way an engine is killed, and after which of its programs.
KILLS = {3: 2, 6: 2, 8: 4}
CUT = 3  # of the programs that make a whole stack of MIG-backed vGPUs


def test_a_gpu_goes_through_all_kinds_and_back_to_the_exact_start(
    pair: Guest, tmp_path: Path, record_property: Record
) -> None:
    """Each pair of kinds in one direction, both with GPUCARVE_EVERY_PAIR=1. Engines are killed on the way, and what is
    left is finished; on one visit another type takes the place of the first."""
    lab = GuestLab(pair, tmp_path)
    start, (_, other) = footprint(pair), cards(pair)
    kinds = tuple(KINDS)
    way = walk(kinds) if EVERY else stroll(kinds)
    killed = 0
    for number, kind in enumerate(way):
        lab.cut = KINDS[kind]
        if number in KILLS:
            killed += lab.engine(after_program=KILLS[number]).wait() == -signal.SIGKILL
            assert lab.run().done
        plan = lab.becomes(KINDS[kind])
        assert cards(pair) == (CARDS[kind], other), kind
        assert not [step for step in plan.steps if step.action is Action.REBOOT]
        if kind == "time-sliced" and way.index(kind) == number:
            plan = lab.becomes("vgpu: {A100D-80C: 1}")
            assert {step.key.subject.partition("#")[0] for step in plan.steps} == {GPU}
            assert cards(pair) == (replace(CARDS[kind], vgpus=("A100D-80C",)), other)
    second_apply_writes_nothing(lab)
    assert lab.run(Purpose.ROLLBACK).done
    assert footprint(pair) == start
    assert killed == len(KILLS)
    record_property("changes of kind, without a reboot", len(way) - 1)


def test_a_whole_stack_is_finished_after_a_power_cut_and_comes_back_at_a_boot_in_its_order(
    pair: Guest, tmp_path: Path
) -> None:
    lab = GuestLab(pair, tmp_path, cut=KINDS["mig-backed"])
    assert lab.engine(after_program=CUT).wait() == -signal.SIGKILL
    pair.quit()
    pair.start(snapshot=None)
    assert lab.run().done
    assert (card(pair), lab.stands()) == (CARDS["mig-backed"], True)
    shims.forget(pair)
    pair.reboot()
    assert unit_ended(pair) == "active"
    assert card(pair) == CARDS["mig-backed"]
    ran = [line for line in shims.order(pair) if _makes(line)]
    assert [line.split()[0] for line in ran] == ["sriov-manage", *["nvidia-smi"] * 4, *["mdevctl"] * 4]
    second_apply_writes_nothing(lab)


def _makes(line: str) -> bool:
    return GPU.removesuffix("0") in line and any(word in line for word in (" -e ", " -mig ", " -cgi ", "mdevctl start"))


@pytest.mark.skipif(not EVERY, reason="make kernel-every-pair asks for it")
@pytest.mark.parametrize(("first", "then"), list(permutations(KINDS, 2)))
def test_a_gpu_goes_from_any_kind_to_any_other_from_a_clean_start_and_back(
    pair: Guest, tmp_path: Path, first: str, then: str
) -> None:
    lab = GuestLab(pair, tmp_path)
    start, (_, other) = footprint(pair), cards(pair)
    for kind in (first, then):
        lab.becomes(KINDS[kind])
        assert cards(pair) == (CARDS[kind], other)
    assert lab.run(Purpose.ROLLBACK).done
    assert (footprint(pair), cards(pair)[1]) == (start, other)
