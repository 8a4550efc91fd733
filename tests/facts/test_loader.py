"""Which way kernel arguments reach the kernel."""

from __future__ import annotations

import pytest

from gpucarve.facts import grub, loader
from tests.facts.answers import Content, known, why

OSTREE, ENTRIES = "/run/ostree-booted", "/boot/loader/entries"
DEBIAN = 'GRUB_CMDLINE_LINUX="quiet"\n'
FEDORA = DEBIAN + "GRUB_ENABLE_BLSCFG=true\n"


@pytest.mark.parametrize(
    ("defaults", "there", "kind"),
    [
        (DEBIAN, (grub.CONFIG,), "grub"),
        (DEBIAN, (), "grub"),
        (DEBIAN, (grub.CONFIG, ENTRIES), "grub"),
        (FEDORA, (ENTRIES,), "bls"),
        (None, (ENTRIES,), "bls"),
        (DEBIAN + "GRUB_ENABLE_BLSCFG=false\n", (ENTRIES,), "grub"),
        (DEBIAN + '  GRUB_ENABLE_BLSCFG="false"\n', (ENTRIES,), "grub"),
        (FEDORA, (OSTREE, ENTRIES), "ostree"),
        (None, (), ""),
    ],
    ids=[
        "Debian",
        "never configured",
        "entries that GRUB does not read",
        "Fedora",
        "systemd-boot",
        "entries switched off",
        "entries switched off in quotes",
        "CoreOS",
        "none",
    ],
)
def test_the_boot_loader_is_told_by_what_it_reads(defaults: str | None, there: tuple[str, ...], kind: str) -> None:
    files: dict[str, Content] = {} if defaults is None else {grub.DEFAULTS: defaults}
    assert known(loader.PROBE, files, folders=there).kind == kind


def test_defaults_that_cannot_be_read_whole_make_it_unknown() -> None:
    assert grub.DEFAULTS in why(loader.PROBE, {grub.DEFAULTS: None})
