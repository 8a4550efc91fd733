"""A fleet of one guest, reached through gpucarve's own SSH transport, and what a rollback there has to bring back.

Boundary: drives `gpucarve.app` the way a face does, but approves every plan.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpucarve import app, spec
from gpucarve.app.worlds import World, open_world
from gpucarve.calls import state
from gpucarve.checks.verification import verify
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending
from gpucarve.engine.events import Event
from gpucarve.journal.store import Journal
from gpucarve.model.findings import Verdict
from gpucarve.model.hosts import Target
from gpucarve.plan.plans import Plan, Purpose
from gpucarve.transports.replay import Exchange
from tests.kernel.alike.recorded import RecordedWorld
from tests.kernel.alike.steps import Act
from tests.kernel.engine import Engine, Errand, start
from tests.kernel.guest import Guest
from tests.kernel.machine import GPU_ADDRESS as GPU
from tests.story.kinds import workload

HOST = Target("bench", "gpuhost")
TYPE = "A100D-40C"

# Everything that a change of ours may touch or leave behind, but gpucarve's own state, which must outlive every run.
_FOOTPRINT = f"""
cat /proc/cmdline
find /etc /boot /lib/systemd /usr/lib/systemd /run/systemd/system -xdev \\( -type f -o -type l -o -type d \\) \
    ! -path '{state.ROOT}*' ! -path '/etc/machine-id' -printf '%y %m %U %G %p %l\\n' | sort
find /etc /boot/grub/grub.cfg -xdev -type f -exec sha256sum {{}} + | sort -k2
ls /sys/kernel/iommu_groups /sys/bus/mdev/devices 2>/dev/null
systemctl list-unit-files --no-legend --no-pager | grep -v transient
"""

# What NVIDIA's functions are bound to, by which override, how many virtual functions each has, and MIG.
_CARDS = """
for each in /sys/bus/pci/devices/*; do
    read -r vendor <$each/vendor
    [ $vendor = 0x10de ] || continue
    echo "${each##*/} $(readlink $each/driver) $(cat $each/driver_override $each/sriov_numvfs 2>/dev/null | xargs)"
done
nvidia-smi --query-gpu=pci.bus_id,mig.mode.current,mig.mode.pending --format=csv,noheader || true
nvidia-smi mig -lgi || true
nvidia-smi mig -lci || true
"""

# Every file and directory that a change could reach, and what the devices are, with the times of the last writes.
_TRACES = f"""
find /etc /boot /root /srv /opt /usr/local /usr/lib/nvidia {state.ROOT} -xdev \
    {{without}} -printf '%y %m %U %G %i %s %T@ %C@ %p %l\n' 2>/dev/null | sort
find /run -maxdepth 1 -name '*gpucarve*' -printf '%i %T@ %p\n'
find {state.ROOT} /etc/mdevctl.d -type f {{without}} -exec sha256sum {{{{}}}} + 2>/dev/null | sort
find /sys/bus/mdev/devices /sys/kernel/iommu_groups -mindepth 1 -maxdepth 1 -printf '%i %T@ %p %l\n' | sort
"""


def traces(guest: Guest, *, ours: bool = True) -> list[str]:
    """What any write would show in: a line for each file with inode, size and times. `ours` is what gpucarve keeps."""
    without = "" if ours else f"-not -path '{state.ROOT}*' -not -path /var/lib"
    return guest.shell(_TRACES.format(without=without) + _CARDS).splitlines()


def footprint(guest: Guest) -> list[str]:
    """Files with mode, owner and content, links, units, kernel command line, devices with drivers, overrides, virtual
    functions and MIG, a line each."""
    return guest.shell(_FOOTPRINT + _CARDS).splitlines()


def vgpus(count: int) -> str:
    """A cut into so many vGPUs."""
    return f"vgpu: {{{TYPE}: {count}}}"


def document(guest: Guest, user: str, cuts: Mapping[str, str]) -> bytes:
    """The guest with these GPUs, by address, cut like this, and no word of its others."""
    (serves,) = {workload(cut) for cut in cuts.values()}
    entries = ", ".join(f'{{gpu: "{gpu}", {cut}}}' for gpu, cut in cuts.items())
    return f"""
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {{name: bench}}
sites:
  - name: {HOST.site}
    platform: linux
    access:
      ssh:
        user: {user}
        port: {guest.port}
        identityFile: {guest.key}
        knownHosts: {guest.known_hosts}
        hosts: {{{HOST.name}: {guest.host}}}
    pools:
      - name: cards
        nodes: {{names: [{HOST.name}]}}
        workload: {serves}
        cut: [{entries}]
""".encode()


@dataclass
class GuestLab:
    """One guest, one document, and a controller with its journal in `folder`.

    `cut` is what `gpu` is to become, `beside` what others are, by address.
    """

    guest: Guest
    folder: Path
    user: str = "admin"
    cut: str = vgpus(2)
    gpu: str = GPU
    beside: Mapping[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    exchanges: list[Exchange | Act] | None = None

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite")

    @property
    def text(self) -> bytes:
        """The document."""
        return document(self.guest, self.user, {self.gpu: self.cut, **self.beside})

    @property
    def fleet(self) -> app.Fleet:
        """The document, loaded."""
        return app.Fleet.of(spec.load(self.text, "fleet.yaml"), self.text)

    def engine(self, purpose: Purpose = Purpose.APPLY, **options: Any) -> Engine:
        """Start a process that does the same; `options` are those of its errand."""
        return start(Errand(self.text, self.journal.path, purpose, **options))

    def copy(self, folder: Path) -> GuestLab:
        """The same controller as it is now, in another folder: for a guest that was brought back to this moment."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("journal.*"):
            shutil.copy2(path, folder)
        return GuestLab(self.guest, folder, self.user, self.cut, self.gpu, self.beside)

    def open(self) -> World:
        """The way to the guest; what is said there is kept in `exchanges`, where there are any."""
        world = open_world(self.fleet, None)
        return world if self.exchanges is None else RecordedWorld(world, self.exchanges)

    def run(self, purpose: Purpose = Purpose.APPLY, **options: Any) -> Result:
        """Go on with a run that was cut off, or plan, approve and apply."""
        return asyncio.run(self._run(purpose, **options))

    async def _run(self, purpose: Purpose, **options: Any) -> Result:
        world = self.open()
        try:
            run = app.unfinished(self.journal, self.fleet, purpose)
            if run is None:
                survey = await app.survey(world, self.fleet, purpose)
                assert not survey.problems, [each.sentence() for each in survey.problems]
                plan = survey.draft.plan
            else:
                plan = run.plan
            return await app.apply(world, self.journal, plan, self.events.append, continued=run, **options)
        finally:
            await world.close()

    def apply(self, plan: Plan) -> Result:
        """Apply a plan, whatever stands in its way."""

        async def carry_out() -> Result:
            world = self.open()
            try:
                return await app.apply(world, self.journal, plan, self.events.append)
            finally:
                await world.close()

        return asyncio.run(carry_out())

    def survey(self, purpose: Purpose = Purpose.APPLY) -> app.Survey:
        """Look and draft."""

        async def look() -> app.Survey:
            world = self.open()
            try:
                return await app.survey(world, self.fleet, purpose)
            finally:
                await world.close()

        return asyncio.run(look())

    def becomes(self, cut: str) -> Plan:
        """The guest under another document, verified, with nothing left to do; the plan that brought it there."""
        self.cut = cut
        survey = self.survey()
        assert not survey.problems, [each.sentence() for each in survey.problems]
        result = self.apply(survey.draft.plan)
        assert result.done, result.endings
        after = self.survey()
        assert after.draft.plan.stages == ()
        assert [each for each in verify(after.draft) if each.verdict is not Verdict.HOLDS] == []
        return survey.draft.plan

    def stands(self) -> bool:
        """Whether all of the document does."""
        survey = self.survey()
        return not survey.problems and all(each.verdict is Verdict.HOLDS for each in verify(survey.draft))

    def ending(self, result: Result) -> Ending:
        """How the guest's part ended."""
        return result.endings[HOST]
