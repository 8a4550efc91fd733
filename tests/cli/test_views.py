"""Views: values in, text out."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gpucarve.cli.views import events, findings, plans, results
from gpucarve.cli.views.text import Role, Style, printable
from gpucarve.engine.converge import Result
from gpucarve.engine.endings import Ending, Outcome
from gpucarve.engine.events import Waiting
from gpucarve.model.changes import Action, Assumption, Disruption, DisruptionKind, Irreversible, NothingToUndo
from gpucarve.model.findings import Finding, Verdict
from gpucarve.model.hosts import ResourceKey, Target
from gpucarve.plan.plans import Plan, Purpose, StagePlan, Step
from gpucarve.resources.order import Stage

A, B = Target("edge", "a30-1"), Target("edge", "a30-2")
WIDE = Style(100)


def _step(target: Target, kind: str = "vgpu", action: Action = Action.CREATE) -> Step:
    return Step(
        ResourceKey(target, kind), action, "none", "one", "wanted", False, (), NothingToUndo(), Disruption(), (), ()
    )  # fmt: skip


def _plan(*stages: StagePlan) -> Plan:
    return Plan("lab", "0" * 64, Purpose.APPLY, (), stages)


def test_a_step_that_cannot_be_undone_is_named_at_the_end_with_its_reason() -> None:
    final = replace(_step(A, "firmware", Action.CHANGE), undo=Irreversible("firmware only goes forward"))
    shown = plans.render(_plan(StagePlan(A, Stage.BOOT, (final,))), WIDE)
    assert "No way back  change firmware: cannot be undone: firmware only goes forward\n" in shown + "\n"
    assert "Way back " not in shown.replace("No way back ", "")


def test_what_is_disturbed_is_summed_up_for_each_host() -> None:
    reboot = replace(_step(A, "reboot", Action.REBOOT), disruption=Disruption(DisruptionKind.REBOOT, "host"))
    reload = replace(_step(B), disruption=Disruption(DisruptionKind.DRIVER_RELOAD, "0000:65:00.0"))
    plan = _plan(StagePlan(A, Stage.BOOT, (reboot,)), StagePlan(B, Stage.CREATE_VGPUS, (reload,)))
    assert plans.disturbed(plan) == ["edge/a30-1: 1 reboot", "edge/a30-2: driver reload of 0000:65:00.0"]


def test_a_predicted_step_says_when_it_will_be_known_and_what_it_assumes() -> None:
    reboot = StagePlan(A, Stage.BOOT, (_step(A, "reboot", Action.REBOOT),))
    later = replace(_step(A), predicted=True, assumes=(Assumption("virtual functions", "0000:65:00.0", "16"),))
    shown = plans.render(_plan(reboot, StagePlan(A, Stage.CREATE_VGPUS, (later,))), WIDE, wide=True)
    assert "known after the reboot; assumed: virtual functions of 0000:65:00.0: 16" in shown


def test_a_reboot_of_another_host_makes_nothing_known_here() -> None:
    reboot = StagePlan(A, Stage.BOOT, (_step(A, "reboot", Action.REBOOT),))
    assert plans.known_when(A, (reboot,)) == "known after the reboot"
    assert plans.known_when(B, (reboot,)) == "known when what it needs stands"


def test_a_boot_stage_without_a_reboot_promises_none() -> None:
    written = StagePlan(A, Stage.BOOT, (_step(A, "kernel-arguments", Action.CHANGE),))
    assert "rebooted" not in plans.render(_plan(written), WIDE)


def test_a_plan_without_stages_is_one_sentence() -> None:
    assert plans.render(_plan(), WIDE) == "Nothing to apply: fleet lab needs no change."


def test_a_plan_in_short_is_a_line_a_step_host_by_host() -> None:
    write = replace(_step(A, "kernel-arguments", Action.CHANGE), before="off", after="on")
    made = replace(_step(A), predicted=True)
    gone = replace(_step(B, action=Action.REMOVE), before="a vGPU", after="none", reason="rolled back")
    shown = plans.render(
        _plan(
            StagePlan(A, Stage.BOOT, (write, _step(A, "reboot", Action.REBOOT))),
            StagePlan(B, Stage.REMOVE_VGPUS, (gone,)),
            StagePlan(A, Stage.CREATE_VGPUS, (made, made)),
        ),
        WIDE,
    )
    assert shown.partition("\n\nDisturbs")[0] == (
        "Plan to apply: fleet lab, 5 steps on 2 hosts\n"
        "\n"
        "edge/a30-1\n"
        "  boot\n"
        "    ~  kernel-arguments: off -> on  (wanted)\n"
        "    !  reboot\n"
        "  create vGPUs\n"
        "    +? vgpu: one  (wanted)\n"
        "    +? vgpu: one\n"
        "\n"
        "edge/a30-2\n"
        "  remove vGPUs\n"
        "    -  vgpu: a vGPU  (rolled back)"
    )


def test_findings_are_grouped_by_host_with_rule_and_fix() -> None:
    found = [
        Finding(A, "in use", Verdict.DIFFERS, "a guest uses it", "it would stop", "shut it down"),
        Finding(B, "access", Verdict.UNKNOWN, "no answer"),
    ]
    assert findings.render(found, WIDE) == (
        "edge/a30-1\n"
        "  differs  in use: a guest uses it\n"
        "           it would stop\n"
        "           fix: shut it down\n"
        "edge/a30-2\n"
        "  unknown  access: no answer"
    )
    assert findings.summary(found) == "2 checks: 1 different, 1 unknown"


def test_what_a_host_says_cannot_steer_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2Jguest\u202e"
    finding = Finding(A, "in use", Verdict.DIFFERS, hostile, hostile, hostile)
    seen = replace(_step(A, action=Action.CHANGE), before=hostile)
    shown = [
        findings.render([finding], WIDE),
        events.line(Waiting(A, hostile), WIDE),
        results.render(Result("r", {A: Ending(Outcome.FAILED, (hostile,))}), Purpose.APPLY, WIDE),
        *(plans.render(_plan(StagePlan(A, Stage.BOOT, (seen,))), WIDE, wide=wide) for wide in (False, True)),
    ]
    for text in shown:
        assert "guest" in text
        assert text.replace("\n", "").isprintable()


def test_a_result_names_each_host_that_did_not_get_there_and_what_to_do() -> None:
    endings = {A: Ending(Outcome.DONE), B: Ending(Outcome.LOCKED, ("laptop-2 is at work",))}
    shown = results.render(Result("r", endings), Purpose.APPLY, WIDE)
    assert shown.startswith("1 of 2 hosts applied.\nedge/a30-2: locked\n")
    assert "laptop-2 is at work" in shown
    assert "--take-over" in shown


def test_every_outcome_but_done_has_its_next_step() -> None:
    for outcome in Outcome:
        if outcome is not Outcome.DONE:
            assert "next" in results.render(Result("r", {A: Ending(outcome)}), Purpose.APPLY, WIDE)


@given(st.text(), st.integers(20, 120), st.integers(0, 18))
def test_wrapping_keeps_every_word_and_the_width_where_words_allow_it(text: str, width: int, indent: int) -> None:
    plain, coloured = Style(width), Style(width, colour=True)
    lines = plain.paragraph(text, first=" " * indent)
    assert [word for line in lines for word in line.split()] == printable(text).split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
    painted = coloured.paragraph(text, first=coloured.paint(Role.HEAD, " " * indent), rest=" " * indent)
    assert len(painted) == len(lines)
