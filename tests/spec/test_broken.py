"""Broken documents and everything that is said about each: `broken/NAME.yaml` and, beside it, `broken/NAME.txt`."""

from pathlib import Path

import pytest

from gpucarve import spec
from gpucarve.errors import DocumentError
from gpucarve.model.diagnostics import Diagnostic, Severity, render

FOLDER = Path(__file__).parent / "broken"
DOCUMENTS = sorted(FOLDER.glob("*.yaml"))


def _diagnostics(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(DocumentError) as caught:
        spec.load(path.read_bytes(), path.name)
    return caught.value.diagnostics


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_broken_document_is_answered_with_these_words(path: Path) -> None:
    said = "\n".join(render(diagnostic) for diagnostic in _diagnostics(path)) + "\n"
    assert said == path.with_suffix(".txt").read_text("utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_diagnostic_has_a_place_in_document_order_and_says_what_to_do(path: Path) -> None:
    found = _diagnostics(path)
    assert all(diagnostic.severity is Severity.ERROR and diagnostic.hint for diagnostic in found)
    places = [(diagnostic.position.line, diagnostic.position.column) for diagnostic in found]
    assert places == sorted(places)
    lines = path.read_bytes().decode("utf-8", "replace").splitlines() or [""]
    for (line, column), diagnostic in zip(places, found, strict=True):
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1
        assert diagnostic.position.length >= 1


def test_there_are_documents_and_no_answer_without_one() -> None:
    assert len(DOCUMENTS) >= 25
    assert {path.stem for path in DOCUMENTS} == {path.stem for path in FOLDER.glob("*.txt")}
