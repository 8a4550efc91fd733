"""Kernel arguments where no tool of ours manages the boot loader: taken as they are, or the command that adds them."""

from __future__ import annotations

import pytest

from gpucarve.facts import boot, driver, entries, grub, loader
from gpucarve.facts.entries import Entries
from gpucarve.resources.host import kernel_arguments
from gpucarve.resources.host.kernel_arguments import KernelArguments
from tests.resources.sights import HOST, Sight, change, decide, fact, names, settled

THERE = KernelArguments(kernel_arguments.key(HOST), ("intel_iommu=on", "iommu=pt"))
OURS = "intel_iommu=on iommu=pt"
NO_TOOLS = driver.Driver("525.105.14", True, True, False)
ENTRY = f"{entries.FOLDER}/ostree-2.conf"


def _sight(kind: str, running: str, next_boot: str | None = None, defaults: str | None = None) -> Sight:
    """A host of this kind; `next_boot` is what its newest entry says."""
    older = {f"{entries.FOLDER}/ostree-1.conf": b"version 1\noptions root=UUID=1\n"} if kind == "ostree" else {}
    newest = {} if next_boot is None else {ENTRY: f"version 2\noptions {next_boot}\n".encode()}
    return Sight(
        boot=boot.Boot("b1", "6.8", tuple(running.split()), "GenuineIntel"),
        loader=loader.BootLoader(kind),
        grub=None if defaults is None else grub.Grub(f'GRUB_CMDLINE_LINUX="{defaults}"\n'.encode(), ()),
        driver=NO_TOOLS,
        entries=Entries(entries=older | newest),
    )


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (_sight("ostree", f"ro {OURS}", f"ro {OURS}"), "kept by /boot/loader/entries/ostree-2.conf"),
        (_sight("bls", f"ro {OURS}", f"ro {OURS}"), "kept by /boot/loader/entries/ostree-2.conf"),
        (_sight("grub", f"ro {OURS}", defaults=OURS), "kept by /etc/default/grub"),
        (_sight("grub", f"ro {OURS}", defaults="$COMPUTED"), "cannot be read here"),
        (_sight("", f"ro {OURS}"), "cannot be read here"),
    ],
)
def test_what_is_in_force_and_kept_as_far_as_can_be_read_is_taken_as_it_is(sight: Sight, said: str) -> None:
    assert said in settled(decide(THERE, sight)).note


@pytest.mark.parametrize("kind", ["ostree", "bls"])
def test_what_the_next_boot_has_already_takes_that_boot_and_no_write(kind: str) -> None:
    decision = decide(THERE, _sight(kind, "ro quiet", f"ro {OURS}"))
    assert names(decision) == []
    assert change(decision).takes_reboot


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (
            _sight("ostree", "ro", "ro"),
            "run rpm-ostree kargs --append-if-missing=intel_iommu=on --append-if-missing=iommu=pt,",
        ),
        (
            _sight("ostree", f"ro {OURS}", "ro intel_iommu=off iommu=pt"),
            "run rpm-ostree kargs --delete-if-present=intel_iommu=off --append-if-missing=intel_iommu=on,",
        ),
        (_sight("bls", "ro", "ro"), f"add {OURS} to the line 'options' of every file in /boot/loader/entries"),
        (_sight("grub", "ro", defaults=OURS), "or grub2-mkconfig -o /boot/grub2/grub.cfg, and reboot"),
        (_sight("grub", f"ro {OURS}", defaults="quiet"), f"give {OURS} in GRUB_CMDLINE_LINUX of /etc/default/grub"),
        (_sight("", "ro"), f"have the host started with {OURS}"),
    ],
)
def test_what_a_later_boot_would_lack_is_refused_with_the_command_that_adds_it(sight: Sight, said: str) -> None:
    assert said in fact(decide(THERE, sight))


def test_red_hat_s_entries_without_grubby_ask_for_grubby() -> None:
    sight = _sight("bls", "ro", "ro")
    sight.entries = Entries(entries={ENTRY: b"options ro\n"}, environment_block=b"")
    assert "install grubby" in fact(decide(THERE, sight))
