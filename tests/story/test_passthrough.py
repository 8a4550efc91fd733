"""A Quadro with its companions goes to guests, through the reboot, and comes back; the T4 beside it is not touched.

The second built-in host is made as traps go: nouveau is in its initramfs, so that a blacklist alone would not reach it,
and so is the Quadro's USB driver, so that a udev rule alone would come too late.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gpucarve import app
from gpucarve.calls.primitives import Run
from gpucarve.engine.converge import Result
from gpucarve.engine.events import Event
from gpucarve.facts import modules, ours
from gpucarve.facts.observed import Observed
from gpucarve.journal.store import Journal
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Purpose
from gpucarve.resources.host import modules_load
from gpucarve.resources.host.modules_load import ModulesLoad
from gpucarve.resources.host.vfio_binding import VfioBinding
from gpucarve.resources.order import Stage
from gpucarve.twin.faults import Fault, Point, PowerLoss
from gpucarve.twin.hosts import SimulatedHost
from gpucarve.twin.machine import Files
from gpucarve.twin.worlds import SECOND_HOST as HOST
from gpucarve.twin.worlds import World, built_in_scene
from tests.story.lab import footprint
from tests.story.passing import Passing
from tests.twin.second import FUNCTIONS, NATIVE, QUADRO, T4

pytestmark = pytest.mark.anyio

GIVEN = dict.fromkeys(FUNCTIONS, "vfio-pci")
QUADRO_GIVEN = Passing.of(HOST, FUNCTIONS, "iommu=pt")


@dataclass
class Shop:
    """The second host and a controller."""

    folder: Path
    world: World = field(default_factory=lambda: World(built_in_scene()))
    events: list[Event] = field(default_factory=list)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite")

    @property
    def host(self) -> SimulatedHost:
        return self.world.hosts[HOST]

    def drivers(self, *functions: str) -> dict[str, str]:
        """What these functions are bound to; unbound ones are left out."""
        found = self.host.machine.up.devices.drivers
        return {each: found[each] for each in functions if each in found}

    async def observed(self) -> Observed:
        found = (await app.observe(self.world, (HOST,)))[HOST]
        assert isinstance(found, Observed), found
        return found

    async def draft(self, purpose: Purpose = Purpose.APPLY) -> Draft:
        """What would be done now."""
        return QUADRO_GIVEN.draft(await self.observed(), purpose)

    async def run(self, purpose: Purpose = Purpose.APPLY) -> Result:
        """Plan and carry out."""
        draft = await self.draft(purpose)
        assert not draft.blocked, [each.sentence() for each in draft.blocked]
        return await app.apply(self.world, self.journal, draft.plan, self.events.append)

    async def restart(self) -> None:
        """Power off, and wait until the host is back with its boot unit."""
        self.host.strike(PowerLoss(30.0))
        await self.world.clock.sleep(200.0)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


async def test_the_plan_names_drivers_image_and_reboot_and_predicts_the_binding(shop: Shop) -> None:
    plan = (await shop.draft()).plan
    assert [(each.stage, each.predicted) for each in plan.stages] == [
        (Stage.BOOT, False),
        (Stage.BIND_PASSTHROUGH, True),
    ]
    texts = {step.key.kind: step for stage in plan.stages for step in stage.steps}
    assert texts["driver-blacklist"].after == "nouveau kept out, also in the initramfs"
    assert all(f"{address} {driver}" in texts["vfio-binding"].before for address, driver in NATIVE.items())


async def test_the_whole_way_there_binds_every_function_and_a_second_apply_writes_nothing(shop: Shop) -> None:
    assert (await shop.run()).done
    assert shop.drivers(*FUNCTIONS) == GIVEN
    assert shop.drivers(T4) == {}  # nouveau is kept out for good
    assert "nouveau" not in shop.host.machine.up.devices.modules
    before = shop.host.counts[Point.AFTER_WRITE]
    assert not (await shop.draft()).plan.stages
    assert shop.host.counts[Point.AFTER_WRITE] == before


async def test_every_later_boot_binds_them_again(shop: Shop) -> None:
    assert (await shop.run()).done
    await shop.restart()
    assert shop.drivers(*FUNCTIONS) == GIVEN
    assert not (await shop.draft()).plan.stages


async def test_a_board_of_the_same_id_stays_with_its_driver(shop: Shop) -> None:
    """The T4's driver is taken for this: nothing is blacklisted, and only the Quadro's functions are named."""
    load, functions = modules_load.key(HOST), QUADRO_GIVEN.functions
    binding = VfioBinding(QUADRO_GIVEN.binding, functions[0], functions, (load,))
    resources = (ModulesLoad(load, ("vfio_pci",)), binding)
    draft = make(Aim("lab", "digest", Purpose.APPLY, resources), {HOST: await shop.observed()})
    assert (await app.apply(shop.world, shop.journal, draft.plan, shop.events.append)).done
    assert shop.drivers(*FUNCTIONS, T4) == GIVEN | {T4: "nouveau"}


async def test_rolled_back_the_host_is_as_it_was(shop: Shop) -> None:
    before = footprint(shop.host)
    assert (await shop.run()).done
    assert (await shop.run(Purpose.ROLLBACK)).done
    assert footprint(shop.host) == before
    assert (await shop.observed()).require(ours.PROBE).claims == {}


async def test_rolled_back_after_a_kernel_came_in_between_the_image_has_nothing_of_ours(shop: Shop) -> None:
    """A package makes the image anew while the GPU is given away; the image takes our rule in with everything else."""
    before = footprint(shop.host)
    assert (await shop.run()).done
    shop.host.by_hand(Run(("update-initramfs", "-u")))
    assert (await shop.run(Purpose.ROLLBACK)).done
    assert footprint(shop.host) == before
    await shop.restart()
    assert shop.drivers(*FUNCTIONS, T4) == NATIVE | {T4: "nouveau"}


async def test_a_guest_keeps_the_gpu(shop: Shop) -> None:
    assert (await shop.run()).done
    shop.host.start_guest(QUADRO, "vm-1")
    blocked = (await shop.draft(Purpose.ROLLBACK)).blocked
    assert any("guest vm-1" in each.fact for each in blocked)


async def test_without_the_new_image_the_blacklist_would_not_have_held(shop: Shop) -> None:
    """The trap is there: our file alone, and nouveau still comes first."""
    draft = await shop.draft()
    await app.apply(shop.world, shop.journal, draft.plan, shop.events.append)
    content = shop.host.machine.files.nodes[modules.BLACKLIST]
    other = World(built_in_scene())
    host = other.hosts[HOST]
    host.machine = replace(host.machine, files=Files({**host.machine.files.nodes, modules.BLACKLIST: content}))
    host.strike(PowerLoss(30.0))
    await other.clock.sleep(200.0)
    assert host.machine.up.devices.drivers[QUADRO] == "nouveau"


@pytest.mark.parametrize("point", [Point.BEFORE_WRITE, Point.AFTER_WRITE])
@pytest.mark.parametrize("purpose", [Purpose.APPLY, Purpose.ROLLBACK])
async def test_a_power_cut_at_any_write_is_mended_by_running_again(
    tmp_path: Path, purpose: Purpose, point: Point
) -> None:
    number = 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = Shop(folder)
        before = footprint(shop.host)
        if purpose is Purpose.ROLLBACK:
            assert (await shop.run()).done
        shop.host.place(Fault(point, number, PowerLoss(30.0)))
        written = shop.host.counts[point]
        for _ in range(4):
            with suppress(AssertionError):
                if (await shop.run(purpose)).done:
                    break
            await shop.world.clock.sleep(300.0)
        assert not (await shop.draft(purpose)).plan.stages, f"{point.value} {number}"
        if purpose is Purpose.APPLY:
            assert shop.drivers(*FUNCTIONS) == GIVEN
        else:
            assert footprint(shop.host) == before, f"{point.value} {number}"
        if shop.host.counts[point] - written < number:
            break
    assert number > 5
