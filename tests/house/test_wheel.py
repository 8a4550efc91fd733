"""What is installed is what is here."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.house.tracked import ROOT, paths


def test_the_wheel_carries_every_file_of_the_package_and_nothing_else(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps")
    options = ("--no-build-isolation", "--wheel-dir", tmp_path, ROOT)
    subprocess.run((*command, *options), check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("gpucarve-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        carried = {name for name in opened.namelist() if ".dist-info/" not in name}
    tracked = {path.relative_to("src").as_posix() for path in paths() if path.parts[0] == "src"}
    assert {"gpucarve/py.typed", "gpucarve/transports/shell/fragments/base.sh"} <= tracked
    assert tracked - carried == set()
    assert {name for name in carried - tracked if not name.endswith(".py")} == set()
