"""What travels to a host: it stands alone, runs on old Pythons, is the same for the same files, and leaves no file."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gpucarve.app import benches
from gpucarve.bench import asking
from gpucarve.calls.primitives import Inspect
from gpucarve.calls.replies import Exited, Failure, FailureKind
from tests.house.tracked import ROOT

OLDEST = (3, 9)


def _command(workload: str) -> Inspect:
    call = next(asking.run(workload, asking.Wish(), benches.archive()))
    assert isinstance(call, Inspect)
    return call


def _reply(reply: Exited | Failure) -> object:
    flow = asking.run("copy", asking.Wish(), b"")
    next(flow)
    with pytest.raises(StopIteration) as stop:
        flow.send(reply)
    return stop.value.value


def test_every_file_of_the_runner_is_in_the_archive_and_imports_nothing_of_gpucarve_but_itself() -> None:
    with zipfile.ZipFile(io.BytesIO(benches.archive())) as archive:
        names = set(archive.namelist())
        texts = {name: archive.read(name).decode() for name in names if name.endswith(".py")}
    folder = ROOT / "src" / "gpucarve" / "runner"
    files = {path.relative_to(ROOT / "src").as_posix() for path in folder.rglob("*") if "__pycache__" not in path.parts}
    assert {name for name in files if not name.endswith(("runner/kernels",))} <= names
    own = {name for name in texts if name.startswith("gpucarve/")}
    for name in own:
        for node in ast.walk(ast.parse(texts[name], feature_version=OLDEST)):
            if isinstance(node, ast.ImportFrom | ast.Import):
                module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                top = (module or "").split(".")
                assert top[0] in sys.stdlib_module_names or top[:2] == ["gpucarve", "runner"], (name, module)


def test_the_archive_is_the_same_each_time_and_carries_nvidias_monitoring_module() -> None:
    first = benches.archive()
    benches.archive.cache_clear()
    assert benches.archive() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert "nvmlDeviceGetClockInfo" in archive.read("pynvml.py").decode()


def test_an_old_python_gets_as_far_as_saying_how_old_it_is() -> None:
    ast.parse(asking.BOOT, feature_version=(3, 4))
    told = _reply(Exited(0, b'{"format": "gpucarve/runner/1", "python": "3.6"}'))
    assert isinstance(told, asking.Refusal)
    assert "python3 is version 3.6" in told.fact
    assert "3.9" in told.rule


def test_the_runner_starts_from_memory_in_an_empty_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    call = _command("devices")
    run = subprocess.run(
        (sys.executable, *call.argv[1:]), input=call.stdin, capture_output=True, cwd=tmp_path, check=True,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "POCL_CACHE_DIR": "/dev/null"},
    )  # fmt: skip
    assert json.loads(run.stdout)["format"] == asking.FORMAT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Failure(FailureKind.ABSENT, "python3: no such command"), ("no python3", "RHCOS")),
        (Failure(FailureKind.TIMED_OUT, "python3 was ended"), ("did not end",)),
        (Exited(1, b"", b"Segmentation fault"), ("status 1", "Segmentation fault")),
        (Exited(0, b"[]"), ("something else",)),
        (Exited(0, b'{"format": "gpucarve/runner/99"}'), ("something else",)),
        (Exited(127, b"", b"env: 'python3': No such file or directory"), ("no python3",)),
    ],
)
def test_an_answer_that_is_none_says_why(reply: Exited | Failure, words: tuple[str, ...]) -> None:
    told = _reply(reply)
    assert isinstance(told, asking.Refusal)
    for word in words:
        assert word in f"{told.fact} {told.rule} {told.fix}"
