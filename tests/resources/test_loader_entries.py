"""Kernel arguments on hosts with boot loader entries: every place that grubby keeps is seen and mended on its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gpucarve.calls.predicates import Absent, Sha256
from gpucarve.calls.primitives import Claim, Disown, Restore, Run, WriteFile
from gpucarve.facts import boot, driver, entries, grub, loader, ours
from gpucarve.facts.entries import Entries
from gpucarve.model.changes import Action
from gpucarve.resources.decisions import Decision
from gpucarve.resources.host import kernel_arguments
from gpucarve.resources.host.kernel_arguments import KernelArguments
from tests.resources import sights
from tests.resources.sights import HOST, Sight, change, decide, fact, names, settled

KEY = kernel_arguments.key(HOST)
WANTED = ("intel_iommu=on", "iommu=pt")
THERE = KernelArguments(KEY, WANTED)
OURS = "intel_iommu=on iommu=pt"
TOOLS = driver.Driver("525.105.14", True, True, False, grubby=True)
NEW, OLD = f"{entries.FOLDER}/1f-5.14.0.conf", f"{entries.FOLDER}/1f-0-rescue.conf"
ROOT = "root=/dev/mapper/rl-root ro crashkernel=1G-4G:192M"


def entry(words: str) -> bytes:
    return f"title Rocky Linux\nlinux /vmlinuz-5.14.0\noptions {words}\ngrub_class rocky\n".encode()


def defaults(words: str) -> bytes:
    return f'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="{words}"\nGRUB_ENABLE_BLSCFG=true\n'.encode()


@dataclass(frozen=True)
class Host:
    """A host with entries: what each place says, and what runs."""

    new: str = f"{ROOT} quiet"
    old: str = ROOT
    given: str = "crashkernel=1G-4G:192M"
    cmdline: str | None = f"{ROOT} rhgb"
    running: str = f"BOOT_IMAGE=/vmlinuz {ROOT} quiet"
    options: str | None = None
    more: dict[str, bytes] = field(default_factory=dict)

    def with_ours(self) -> Host:
        """As grubby and we leave it."""
        return replace(
            self,
            new=f"{self.new} {OURS}",
            old=f"{self.old} {OURS}",
            given=f"{self.given} {OURS}",
            cmdline=f"{self.cmdline or self.old} {OURS}",
            options=None if self.options is None else f"{self.options} {OURS}",
        )

    def files(self) -> dict[str, bytes | None]:
        cmdline = None if self.cmdline is None else f"{self.cmdline}\n".encode()
        return {
            grub.DEFAULTS: defaults(self.given),
            entries.NEW_KERNELS: cmdline,
            NEW: entry(self.new),
            OLD: entry(self.old),
        } | self.more

    def sight(self, kept: Host | None = None, **facts: Any) -> Sight:
        files = self.files()
        cmdline, content = files.pop(entries.NEW_KERNELS), files.pop(grub.DEFAULTS)
        assert content is not None
        found = Entries(
            entries={path: each for path, each in files.items() if each is not None},
            environment={} if self.options is None else {"kernelopts": self.options},
            environment_block=b"block",
            new_kernels=cmdline,
            kept=kept.files() if kept else {},
        )
        return Sight(
            boot=boot.Boot("b1", "5.14", tuple(self.running.split()), "GenuineIntel"),
            grub=grub.Grub(content, (), kept.files()[grub.DEFAULTS] if kept else None),
            loader=loader.BootLoader("bls"),
            driver=TOOLS,
            entries=replace(found, **facts),
            claims={KEY.local: _record(kept)} if kept else {},
        )


BARE = Host()
DONE = replace(BARE.with_ours(), running=f"{BARE.running} {OURS}")


def _record(earlier: Host) -> dict[str, Any]:
    return {
        "kind": "kernel-arguments",
        "arguments": list(WANTED),
        "command_line": earlier.running,
        "written": Sha256.of(grub.DEFAULTS, defaults(f"{earlier.given} {OURS}")).digest,
        "kernelopts": earlier.options or "",
    }


def _back(sight: Sight) -> Decision:
    assert isinstance(sight.claims, dict)
    resource = kernel_arguments.before(KEY, ours.Ours(claims=sight.claims), "rolled back", ())
    return decide(resource, sight)


def _content(decision: Decision, path: str) -> bytes:
    (write,) = (each.write for each in sights.writes(decision) if getattr(each.write, "path", "") == path)
    assert isinstance(write, WriteFile), write
    assert isinstance(write.content, bytes)
    return write.content


def test_a_bare_host_gets_claim_defaults_and_grubby_and_needs_a_reboot() -> None:
    decision = decide(THERE, BARE.sight())
    assert names(decision) == ["Claim", "WriteFile", "grubby --update-kernel=ALL"]
    assert change(decision).takes_reboot
    assert _content(decision, grub.DEFAULTS) == defaults(f"{BARE.given} {OURS}")


def test_grubby_is_told_our_keys_alone_and_to_leave_the_defaults_to_us_as_its_last_word() -> None:
    run = sights.writes(decide(THERE, BARE.sight()))[-1].write
    assert isinstance(run, Run)
    assert run.argv[1:] == ("--update-kernel=ALL", f"--args={OURS}", "--no-etc-grub-update")


def test_the_claim_keeps_every_place_and_the_command_line_as_they_are() -> None:
    claim = sights.writes(decide(THERE, BARE.sight()))[0].write
    assert isinstance(claim, Claim)
    assert set(claim.preserve) == {grub.DEFAULTS, entries.NEW_KERNELS, NEW, OLD}
    assert json.loads(claim.record) == _record(BARE)


def test_every_write_is_bound_to_the_entries_that_it_was_decided_on() -> None:
    claim, write, run = sights.writes(decide(THERE, BARE.sight()))
    files = BARE.files()
    of_entries = {Sha256.of(path, each) for path, each in files.items() if each and path != grub.DEFAULTS}
    now, then = defaults(BARE.given), defaults(f"{BARE.given} {OURS}")
    assert set(claim.before) == of_entries | {Sha256.of(grub.DEFAULTS, now)}
    assert write.before == (Sha256.of(grub.DEFAULTS, now),)
    assert set(run.before) == of_entries | {Sha256.of(grub.DEFAULTS, then)}


def test_in_force_and_at_every_place_is_settled() -> None:
    assert "iommu=pt" in settled(decide(THERE, DONE.sight())).note


@pytest.mark.parametrize("place", ["new", "old", "cmdline"])
def test_one_place_without_them_is_enough_for_grubby_and_for_no_reboot(place: str) -> None:
    cut: Any = {place: getattr(BARE, place)}
    decision = decide(THERE, replace(DONE, **cut).sight())
    assert names(decision) == ["Claim", "grubby --update-kernel=ALL"]
    assert not change(decision).takes_reboot


def test_defaults_without_them_are_written_alone() -> None:
    assert names(decide(THERE, replace(DONE, given=BARE.given).sight())) == ["Claim", "WriteFile"]


def test_an_environment_block_without_them_is_mended_for_the_kernels_that_refer_to_it() -> None:
    decision = decide(THERE, replace(DONE, options=ROOT).sight())
    assert names(decision) == ["Claim", "grubby --update-kernel=ALL"]
    settled(decide(THERE, replace(DONE, new="$kernelopts", options=f"{ROOT} {OURS}").sight()))


def test_a_cut_before_the_reboot_leaves_the_reboot_alone() -> None:
    decision = decide(THERE, replace(DONE, running=BARE.running).sight())
    assert names(decision) == []
    assert change(decision).takes_reboot


def test_a_host_without_a_file_for_new_kernels_is_as_good() -> None:
    settled(decide(THERE, replace(DONE, cmdline=None).sight()))
    assert Absent(entries.NEW_KERNELS) in sights.writes(decide(THERE, replace(BARE, cmdline=None).sight()))[-1].before


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (BARE.sight(entries={}), "there is no entry in /boot/loader/entries"),
        (BARE.sight(entries={NEW: b"title x\nlinux /x\n"}), "0 lines of options"),
        (BARE.sight(entries={NEW: b"options a\noptions b\n"}), "2 lines of options"),
        (BARE.sight(new_kernels=b"ro\nquiet\n"), "has several lines"),
        (BARE.sight(links={NEW: "/srv/entry"}), "is a symbolic link to /srv/entry"),
        (replace(BARE, new=f"{ROOT} intel_iommu=on,sm_on").sight(), "--args=intel_iommu=on,sm_on"),
    ],
)
def test_what_grubby_would_not_carry_out_as_it_is_meant_is_refused_with_what_to_do(sight: Sight, said: str) -> None:
    assert said in fact(decide(THERE, sight))


# --- and back


def test_without_a_claim_there_is_nothing_to_take_back() -> None:
    sight = DONE.sight(BARE)
    resource = kernel_arguments.before(KEY, ours.Ours(claims={KEY.local: _record(BARE)}), "rolled back", ())
    sight.claims = {}
    settled(decide(resource, sight))


def test_places_in_which_nothing_else_has_changed_get_the_copies_of_the_claim() -> None:
    decision = _back(DONE.sight(BARE))
    restored = {each.write for each in sights.writes(decision)}
    assert restored == {Restore(KEY.local, path) for path in (grub.DEFAULTS, entries.NEW_KERNELS, NEW, OLD)}
    assert change(decision).takes_reboot
    for each in sights.writes(decision):
        assert each.before != each.wanted != ()


def test_earlier_values_come_back_entry_by_entry() -> None:
    """grubby had moved ours to the end, and one entry had said something else before, in another place."""
    earlier = replace(BARE, new=f"intel_iommu=off {ROOT} quiet")
    now = replace(DONE, new=f"{ROOT} quiet {OURS} hugepages=4")
    decision = _back(now.sight(earlier))
    assert _content(decision, NEW) == entry(f"{ROOT} quiet hugepages=4 intel_iommu=off")
    same = _back(replace(DONE, new=f"{ROOT} quiet {OURS}").sight(earlier))
    assert Restore(KEY.local, NEW) in {each.write for each in sights.writes(same)}


def test_what_others_changed_since_stays_and_only_our_keys_go() -> None:
    now = replace(DONE, old=f"single {ROOT} {OURS}", cmdline=f"{DONE.cmdline} mitigations=off")
    decision = _back(now.sight(BARE))
    assert _content(decision, OLD) == entry(f"single {ROOT}")
    assert _content(decision, entries.NEW_KERNELS) == f"{BARE.cmdline} mitigations=off\n".encode()


def test_an_entry_that_came_since_is_made_as_it_would_be_without_us() -> None:
    path = f"{entries.FOLDER}/1f-5.14.1.conf"
    decision = _back(replace(DONE, more={path: entry(f"{ROOT} {OURS} quiet")}).sight(BARE))
    assert _content(decision, path) == entry(f"{ROOT} quiet")
    before = replace(BARE, running=f"{BARE.running} intel_iommu=off")
    decision = _back(replace(DONE, more={path: entry(f"{ROOT} {OURS}")}).sight(before))
    assert _content(decision, path) == entry(f"{ROOT} intel_iommu=off")


def test_a_file_for_new_kernels_that_grubby_made_goes_and_one_with_more_in_it_stays() -> None:
    earlier = replace(BARE, cmdline=None)
    made = Restore(KEY.local, entries.NEW_KERNELS)
    gone = [each for each in sights.writes(_back(DONE.sight(earlier))) if each.write == made]
    assert not gone, "rhgb is in no entry"
    (restore,) = (
        each for each in sights.writes(_back(replace(DONE, cmdline=DONE.old).sight(earlier))) if each.write == made
    )
    assert restore.wanted == (Absent(entries.NEW_KERNELS),)
    assert _content(_back(DONE.sight(earlier)), entries.NEW_KERNELS) == f"{ROOT} rhgb\n".encode()


def test_the_environment_block_gets_its_options_back_by_its_own_tool() -> None:
    earlier = replace(BARE, new="$kernelopts", options=f"{ROOT} intel_iommu=off quiet")
    now = replace(DONE, new="$kernelopts", options=f"{ROOT} quiet {OURS}")
    run = sights.writes(_back(now.sight(earlier)))[-1].write
    assert isinstance(run, Run)
    assert run.argv == ("grub2-editenv", "-", "set", f"kernelopts={earlier.options}")
    edited = sights.writes(_back(replace(now, options=f"{now.options} audit=1").sight(earlier)))[-1].write
    assert isinstance(edited, Run)
    assert edited.argv[-1] == f"kernelopts={ROOT} quiet audit=1 intel_iommu=off"


def test_the_reboot_alone_is_left_when_every_place_is_as_before_and_then_the_claim_goes() -> None:
    decision = _back(replace(BARE, running=DONE.running).sight(BARE))
    assert names(decision) == []
    assert change(decision).takes_reboot
    decision = _back(BARE.sight(BARE))
    assert change(decision).action is Action.RELEASE
    (disown,) = sights.writes(decision)
    assert disown.write == Disown(KEY.local)
    assert Sha256.of(NEW, entry(BARE.new)) in disown.before


def test_arguments_that_somebody_had_written_into_an_entry_and_never_booted_come_back_as_the_entry_gave_them() -> None:
    half = replace(BARE, new=f"{ROOT} intel_iommu=on")
    assert change(_back(replace(half, running=f"{ROOT} intel_iommu=on").sight(half))).action is Action.RELEASE


def test_a_copy_that_is_gone_from_the_claim_is_refused() -> None:
    sight = DONE.sight(BARE)
    assert isinstance(sight.entries, Entries)
    sight.entries = replace(sight.entries, kept={})
    assert "the copy of /etc/default/grub is gone" in fact(_back(sight))
