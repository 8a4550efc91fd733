"""A diagnostic as text: place, line, caret, path and hint, whatever the line holds."""

from gpucarve.model.diagnostics import Diagnostic, Position, Severity, render


def test_all_parts_stand_below_the_message() -> None:
    diagnostic = Diagnostic(
        Severity.ERROR,
        "unknown key `prot`",
        Position("fleet.yaml", 12, 5, 4),
        excerpt="    prot: 22",
        path="sites[0].access.ssh",
        hint="known here: port",
    )
    assert render(diagnostic).splitlines() == [
        "fleet.yaml:12:5: error: unknown key `prot`",
        " 12 |     prot: 22",
        "    |     ^^^^",
        "    = at sites[0].access.ssh",
        "    = hint: known here: port",
    ]


def test_a_diagnostic_without_more_is_one_line() -> None:
    diagnostic = Diagnostic(Severity.WARNING, "odd", Position("f", 1, 1))
    assert render(diagnostic) == "f:1:1: warning: odd"


def _caret(excerpt: str, column: int, length: int = 1, excerpt_column: int = 1) -> str:
    position = Position("f", 1, column, length)
    diagnostic = Diagnostic(Severity.ERROR, "m", position, excerpt=excerpt, excerpt_column=excerpt_column)
    return render(diagnostic).splitlines()[2].partition("| ")[2]


def test_carets_are_as_wide_as_the_characters_above_them() -> None:
    assert _caret("名: x", 4) == "    ^"
    assert _caret("a: 名前", 4, 2) == "   ^^^^"
    assert _caret("e\N{COMBINING ACUTE ACCENT}: x", 5) == "   ^"


def test_the_caret_counts_from_where_a_cut_excerpt_begins() -> None:
    assert _caret("tail of a long line", 305, 2, excerpt_column=301) == "    ^^"


def test_a_place_past_the_end_of_the_line_still_gets_a_caret() -> None:
    assert _caret("abc", 4) == "   ^"


def test_characters_that_move_a_terminals_cursor_are_not_printed() -> None:
    diagnostic = Diagnostic(Severity.ERROR, "m", Position("f", 1, 1), excerpt="a\x1b[2Jb\tc", path="x\x1by")
    text = render(diagnostic)
    assert "\x1b" not in text
    assert "a\N{REPLACEMENT CHARACTER}[2Jb c" in text
