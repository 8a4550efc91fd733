"""What the benchmarks count, apart from time, is right."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.house.tracked import ROOT


def test_the_storys_round_trips_are_counted_and_a_second_apply_is_one_look_without_a_write() -> None:
    command = (sys.executable, ROOT / "benchmarks" / "round_trips.py")
    run = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    shown = dict(re.findall(r"^(apply|apply again|rollback): (\d+) round trips?, ", run.stdout, re.MULTILINE))
    assert set(shown) == {"apply", "apply again", "rollback"}
    assert int(shown["apply"]) > 1
    assert shown["apply again"] == "1"
    assert " 1 x gather " in run.stdout.partition("apply again:")[2].partition("rollback:")[0]
