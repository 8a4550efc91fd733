"""The loop of one target: draft, check that it refines what was approved, run the first stage, look again.

It is the same loop for a fresh apply, for going on after a crash, after a takeover and for a rollback: nothing is
remembered between two rounds but what the target shows and what the journal says of reboots.

Boundary: decides when to go on, to wait and to end. Every side effect has its intent in the journal before and its
outcome after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from gpucarve.calls.predicates import Equals
from gpucarve.calls.programs import CallOutcome, CallState, ProgramReply, Refusal, RefusalKind
from gpucarve.calls.replies import Failure, FailureKind
from gpucarve.checks import occupancy
from gpucarve.checks.preflight import preflight
from gpucarve.engine.board import Board
from gpucarve.engine.channels import LEASE_SECONDS, Channel, HostChannel, at_work
from gpucarve.engine.driving import drive
from gpucarve.engine.endings import Ended, Ending, Outcome, of_refusal
from gpucarve.engine.events import Emit, Gathered, StageBegun, StepBegun, StepEnded, TargetEnded, Waiting
from gpucarve.engine.intents import Intents
from gpucarve.engine.pausing import Pause
from gpucarve.engine.rollout import Turns
from gpucarve.errors import BugError, UnreachableError
from gpucarve.facts import boot, units
from gpucarve.facts.observed import Observed, Unknown
from gpucarve.model.changes import Action
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.making import Aim, Draft, make
from gpucarve.plan.plans import Plan, StagePlan, Step
from gpucarve.plan.refinement import divergences
from gpucarve.resources.decisions import Batch, FlowWork
from gpucarve.resources.host import gpu_clients, reboot
from gpucarve.resources.order import Stage

_GIVEN_UP = (Outcome.FAILED, Outcome.REFUSED, Outcome.DIVERGED, Outcome.BLOCKED)
_LOOKS = 3  # how often who uses a GPU is looked at again: monitoring opens one for moments
_LOOK_AGAIN = 5.0  # seconds between
_ROUNDS = 4  # how often one step may begin before we say that it makes no progress
_ORPHAN_PATIENCE = 300.0  # seconds for a dead controller's program to end
_RETURN_PATIENCE = 300.0  # seconds for a host that went away to answer again
_BOOT_PATIENCE = 1000.0  # seconds for our boot unit to end; systemd gives it 900


class RunLog(Protocol):
    """The journal, as a track writes it; what comes before a step is for `intents`."""

    def outcome(self, run: str, keys: tuple[ResourceKey, ...], phase: str, detail: str = "") -> None:
        """After."""
        ...

    def ended(self, run: str, target: Target, outcome: str) -> None:
        """Once no step of the target's part will begin any more."""
        ...


@dataclass(slots=True)
class Track:
    """One target's way through a run; `approved` is the part of the plan that is about it.

    `patience` is how long a target that does not answer at the very start is waited for: 0 for a fresh run.
    `reboots` maps a host to the boot id it had when this run last meant to reboot it.
    """

    target: Target
    approved: Plan
    channel: Channel
    run: str
    log: RunLog
    intents: Intents
    board: Board
    turns: Turns
    pause: Pause
    emit: Emit
    patience: float = 0.0
    reboots: dict[Target, str] = field(default_factory=dict)
    _rounds: Counter[ResourceKey] = field(default_factory=Counter, init=False)
    _looks: int = field(default=_LOOKS, init=False)
    _stage: Stage | None = field(default=None, init=False)
    _last: str = field(default="nothing", init=False)

    async def go(self) -> Ending:
        """Run to an ending; never raises for what the target does.

        What else is raised (a journal that cannot be written, our own mistake) ends this target like anything, so that
        nobody waits for it, and is then raised on.
        """
        try:
            ending = await self._loop()
        except Ended as ended:
            ending = ended.ending
        except UnreachableError as error:
            ending = Ending(Outcome.UNREACHABLE, (str(error),))
        except Exception as error:
            await self._end(Ending(Outcome.FAILED, (f"{type(error).__name__}: {error}",)))
            raise
        if self._rounds and ending.outcome in _GIVEN_UP:
            await self._start_clients()
        await self._end(ending)
        return ending

    async def _start_clients(self) -> None:
        """Start again the GPU clients that were stopped for a change which did not come about, as was approved for
        after it: nobody may look at this host for a while, and its monitoring is among them. Best effort."""
        started = gpu_clients.started(self.target)
        step = next((each for each in self.approved.steps if each.key == started), None)
        with suppress(Ended, UnreachableError):
            observed = await self.channel.observe() if step else None
            if step and isinstance(observed, Observed) and gpu_clients.to_start(observed):
                work = gpu_clients.start(observed, predicted=False).work
                if isinstance(work, Batch):
                    await self._run_batches([(step, work)], last=True)

    async def _end(self, ending: Ending) -> None:
        if ending.outcome is not Outcome.OVERTAKEN:
            with suppress(UnreachableError):
                await self.channel.release()
        self.emit(TargetEnded(self.target, ending.outcome.value, ending.reasons))
        self.board.end(self.target, ending)
        self.turns.ended(self.target, ending.outcome)
        if self._rounds and ending.outcome is not Outcome.PAUSED:
            self.log.ended(self.run, self.target, ending.outcome.value)

    async def _loop(self) -> Ending:
        await self.turns.take(self.target)
        observed = await self._arrive(self.patience)
        while True:
            unsettled = self.board.unsettled_among(self._elsewhere)
            draft = make(self._aim, {self.target: observed}, unsettled)
            self.board.report(self.target, draft.settled)
            findings = [each for each in preflight(draft, {self.target: observed}) if not each.warning]
            if findings and self._looks and all(each.check == occupancy.IN_USE for each in findings):
                self._looks -= 1
                self.emit(Waiting(self.target, findings[0].fact))
                await self.channel.sleep(_LOOK_AGAIN)
                observed = await self._arrive(_RETURN_PATIENCE)
                continue
            if findings:
                return Ending(Outcome.REFUSED, tuple(finding.sentence() for finding in findings))
            self._looks = _LOOKS
            if reasons := divergences(self.approved, draft, self._rebooted(observed)):
                return Ending(Outcome.DIVERGED, reasons)
            if not draft.plan.stages:
                return Ending(Outcome.DONE)
            if self.pause.requested:
                return self._paused
            stage = draft.plan.stages[0]
            steps = [step for step in stage.steps if step.key in draft.work]
            if not steps:
                await self._wait_for_others(stage, unsettled)
                observed = await self._arrive(_RETURN_PATIENCE)
                continue
            turn = _batches(draft) or steps
            self._rounds.update(step.key for step in turn)
            if max(self._rounds[step.key] for step in turn) > _ROUNDS:
                reasons = tuple(f"{step.key} is still {step.before}, not {step.after}" for step in turn)
                return Ending(Outcome.FAILED, (*reasons, f"tried {_ROUNDS} times; the last try said: {self._last}"))
            self._tell_stages(turn, draft)
            last = len(turn) == len(draft.plan.steps)
            observed = await self._run(turn, draft, last=last) or await self._arrive(_RETURN_PATIENCE)

    def _tell_stages(self, turn: Sequence[Step], draft: Draft) -> None:
        for stage in draft.plan.stages:
            if stage.stage is not self._stage and any(step in turn for step in stage.steps):
                self._stage = stage.stage
                self.emit(StageBegun(stage))

    @property
    def _paused(self) -> Ending:
        return Ending(Outcome.PAUSED, ("half way" if self._rounds else "not begun",))

    @property
    def _aim(self) -> Aim:
        return Aim(self.approved.fleet, self.approved.document, self.approved.purpose, self.approved.resources)

    @property
    def _elsewhere(self) -> frozenset[ResourceKey]:
        """What is needed of other targets."""
        needs = (need for resource in self.approved.resources for need in resource.needs)
        return frozenset(need for need in needs if need.target != self.target)

    def _rebooted(self, observed: Observed) -> tuple[Target, ...]:
        """This host, when it runs under another boot than the one this run meant to end."""
        running = observed.get(boot.PROBE)
        before = self.reboots.get(self.target)
        return (self.target,) if before and not isinstance(running, Unknown) and running.boot_id != before else ()

    async def _arrive(self, patience: float) -> Observed:
        """A snapshot of a target that answers, has done its part of a boot, and on which no orphan works.

        Raises Ended.
        """
        end = await self.channel.now() + patience
        while True:
            observed = await self._booted(await self.channel.observe())
            if isinstance(observed, Observed):
                if not at_work(observed):
                    self.emit(Gathered(self.target))
                    return observed
                self.emit(Waiting(self.target, "a program of an earlier controller is still at work"))
                held = await self.channel.wait_idle(_ORPHAN_PATIENCE)
                if held is None:
                    observed = await self.channel.observe()
                    if isinstance(observed, Observed):
                        self.emit(Gathered(self.target))
                        return observed
                elif held.kind is RefusalKind.LOCKED:
                    raise Ended(of_refusal(held))
                else:
                    observed = held
            if await self.channel.now() >= end:
                raise Ended(of_refusal(observed))
            if self.pause.requested:
                raise Ended(self._paused)
            self.emit(Waiting(self.target, "it does not answer"))
            await self.channel.sleep(5.0)

    async def _booted(self, observed: Observed | Refusal) -> Observed | Refusal:
        """The snapshot once our boot unit has come to its end: before that, what it brings back seems to be missing."""
        end = await self.channel.now() + _BOOT_PATIENCE
        told = False
        while isinstance(observed, Observed) and _boots(observed) and await self.channel.now() < end:
            if not told:
                self.emit(Waiting(self.target, f"{units.NAME} brings back what the boot has wiped"))
                told = True
            await self.channel.sleep(2.0)
            observed = await self.channel.observe()
        return observed

    async def _wait_for_others(self, stage: StagePlan, unsettled: frozenset[ResourceKey]) -> None:
        """Return in turn, once what the stage waited for in its draft stands. Raises Ended."""
        needs = {need for step in stage.steps for need in step.needs if need in unsettled}
        if not needs:
            raise BugError(f"{stage.steps[0].key} can neither be done nor does it wait for anything")
        self.emit(Waiting(self.target, f"it needs {', '.join(map(str, sorted(needs)))}"))
        self.turns.lend(self.target, {need.target for need in needs})
        if reason := await self.board.wait_for(needs):
            raise Ended(Ending(Outcome.BLOCKED, (reason,)))
        if self.pause.requested:
            raise Ended(self._paused)
        await self.turns.take(self.target)

    async def _run(self, turn: Sequence[Step], draft: Draft, *, last: bool) -> Observed | None:
        """Run these batches, or these flows; the snapshot that came with it, or None when it has to be taken anew.

        Batches come alone, so that what they did is read back before a flow (a reboot) builds on it. The `last` ones
        give the lease back as they end, which saves a round trip; where something is left to do, it is taken again.
        """
        batches = [(step, work) for step in turn if isinstance(work := draft.work[step.key], Batch)]
        if batches:
            return await self._run_batches(batches, last=last)
        for step in turn:
            work = draft.work[step.key]
            if not isinstance(work, Batch) and (not await self._run_flow(step, work) or self.pause.requested):
                break
        return None

    async def _run_batches(self, batches: Sequence[tuple[Step, Batch]], *, last: bool) -> Observed | None:
        """All batches as one program. None when the outcome is unknown or the facts had changed."""
        keys = tuple(step.key for step, _ in batches)
        for step, _ in batches:
            self.emit(StepBegun(step))
        await self.intents.announce(keys)
        result = await self.channel.write([write for _, batch in batches for write in batch.writes], last=last)
        if isinstance(result, Refusal):
            self.log.outcome(self.run, keys, result.kind.value, result.detail)
            if result.kind is RefusalKind.LOCKED:
                raise Ended(of_refusal(result))
            return None
        reply, observed = result
        self._record(batches, reply)
        return observed if reply.complete else None

    def _record(self, batches: Sequence[tuple[Step, Batch]], reply: ProgramReply) -> None:
        """Journal and tell each step's outcome. Raises Ended when a write failed."""
        start = 0
        failed: list[str] = []
        for step, batch in batches:
            outcomes = reply.outcomes[start : start + len(batch.writes)]
            start += len(batch.writes)
            bad = next((each for each in outcomes if each.state not in (CallState.DONE, CallState.SKIPPED)), None)
            word, detail = ("done", "") if bad is None else (bad.state.value, describe(bad))
            self.log.outcome(self.run, (step.key,), word, detail)
            self.emit(StepEnded(step, word, detail))
            self._last = f"{word}: {detail}" if detail else self._last
            if bad is not None and bad.state is CallState.FAILED:
                failed.append(f"{step.key}: {detail}")
        if failed:
            raise Ended(Ending(Outcome.FAILED, tuple(failed)))

    async def _run_flow(self, step: Step, work: FlowWork) -> bool:
        """Whether the flow did what it says; False when the host went away or the facts had changed."""
        self.emit(StepBegun(step))
        detail = ""
        if step.action is Action.REBOOT:
            detail = self._announce_reboot(step)
        await self.intents.announce((step.key,), detail)
        result = await drive(work(), self.channel)
        if isinstance(self.channel, HostChannel):
            self.channel.lease_seconds = LEASE_SECONDS
        word, detail = (result.kind.value, result.detail) if isinstance(result, Failure) else ("done", "")
        self.log.outcome(self.run, (step.key,), word, detail)
        self.emit(StepEnded(step, word, detail))
        self._last = f"{word}: {detail}"
        if not isinstance(result, Failure):
            return True
        if result.kind in (FailureKind.UNREACHABLE, FailureKind.CONFLICT):
            return False
        raise Ended(Ending(Outcome.FAILED, (f"{step.key}: {word}: {detail}",)))

    def _announce_reboot(self, step: Step) -> str:
        """Give watchers of the lease more patience, and remember the boot that is about to end."""
        if isinstance(self.channel, HostChannel):
            self.channel.lease_seconds = int(reboot.PATIENCE)
        boot_id = next(each.value for each in step.preconditions if isinstance(each, Equals))
        self.reboots[self.target] = boot_id
        return boot_id


def _batches(draft: Draft) -> list[Step]:
    """The batches that can run now as one program: those of the first stage, and of each that follows while nothing but
    batches lies between, and none of those needs an earlier one. Services that stop or start are looked at again.
    """
    found: list[Step] = []
    for stage in draft.plan.stages:
        batches = [step for step in stage.steps if isinstance(draft.work.get(step.key), Batch)]
        if found and (len(batches) < len(stage.steps) or _hangs_on(batches, found)):
            break
        found += batches
        if len(batches) < len(stage.steps) or any(step.key.kind == gpu_clients.KIND for step in batches):
            break
    return found


def _hangs_on(steps: Sequence[Step], earlier: Sequence[Step]) -> bool:
    made = {step.key for step in earlier}
    return any(made.intersection(step.needs) or step.key.kind == gpu_clients.KIND for step in steps)


def _boots(observed: Observed) -> bool:
    """Whether systemd has yet to see the end of our boot unit in this boot."""
    unit = observed.get(units.PROBE)
    return not isinstance(unit, Unknown) and unit.due


def describe(outcome: CallOutcome) -> str:
    """One write's outcome in a sentence."""
    failure = outcome.failure()
    return f"{failure.kind.value}: {failure.detail}" if outcome.reply is failure else failure.detail
