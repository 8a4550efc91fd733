"""The real parts that tests need are named where `make parts` installs them from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tracked import ROOT
from tests.parts import leave_out
from tests.transports.contract.places import PLACES


def _listed() -> dict[str, str]:
    lines = (ROOT / "requirements" / "debian.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {program: package for program, package, *_ in rows}


def test_every_program_that_a_test_starts_by_name_is_listed_with_its_package() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "tests" / "transports").rglob("*.py"))
    started = set(re.findall(r'(?:run|Popen|start)\(\(?"([a-z-]+)"', source)) | {"sshd", "sudo", "busybox", "dash"}
    assert {"ssh-keygen", "unshare"} <= started
    assert started - set(_listed()) == {"sh"}  # no machine is without


def test_where_nothing_is_missing_nothing_is_installed_and_nothing_said() -> None:
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if not all(Path(name).exists() if name[0] == "/" else shutil.which(name, path=path) for name in _listed()):
        leave_out("some of the parts are missing here")
    run = subprocess.run(("bash", "scripts/parts.sh"), check=True, cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == ""


@pytest.mark.skipif(os.environ.get("CI") != "true" or os.geteuid() != 0, reason="asked of CI, which has root")
def test_in_ci_no_place_of_the_contract_suite_is_left_out() -> None:
    assert {name: kind.missing() for name, kind in PLACES.items() if kind.missing()} == {}
