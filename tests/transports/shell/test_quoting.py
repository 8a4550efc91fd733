"""Data never becomes program text: any name, argument or content means itself to every shell."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gpucarve.transports.shell.quoting import pattern, printf, word
from tests.transports.shell.shells import every_shell, run

fewer = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Any text that an argv or a path can hold; bytes that are no UTF-8 stand as surrogates.
texts = st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\0", b"0").decode("utf-8", "surrogateescape"))
names = texts.map(lambda text: text.replace("/", "_")).filter(lambda name: name not in (".", ".."))


@every_shell
@fewer
@given(st.lists(texts, min_size=1, max_size=30))
@example(["", "'", "\\", "\n", "$x", "-n", "\x01\x7f", "\udc81\udc82\udc83\udc84\udc85\udc86\udc87\udc88", "ä\x81"])
def test_a_word_means_its_text(shell: tuple[str, ...], given_texts: list[str]) -> None:
    done = run(shell, "{ printf '%s\\0' " + " ".join(map(word, given_texts)) + "; }")
    assert done.stderr == b""
    assert done.stdout == b"".join(text.encode("utf-8", "surrogateescape") + b"\0" for text in given_texts)


@every_shell
@fewer
@given(st.binary(max_size=10_000))
@example(b"")
@example(bytes(range(256)) * 40)
@example(b"-n")
@example(b"\x001\xff7%s\\n")
@example(b"x" * 4095 + b"-" + b"-e")
def test_printf_makes_the_file_hold_the_bytes(shell: tuple[str, ...], tmp_path: Path, content: bytes) -> None:
    target = tmp_path / "file"
    done = run(shell, f"{{ {printf(content)} >{target}; }}")
    assert (done.stderr, target.read_bytes()) == (b"", content)


@every_shell
@fewer
@given(st.sets(names, min_size=1, max_size=8), st.data())
def test_a_pattern_finds_the_names_it_is_made_from(
    shell: tuple[str, ...], tmp_path: Path, present: set[str], data: st.DataObject
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for name in present:
        (folder / name).touch()
    chosen = data.draw(st.sampled_from(sorted(present)))
    literal = "".join(f"[{c}]" if c in "*?[" else c for c in chosen)
    found = run(shell, f"{{ printf '%s\\0' {pattern(f'{folder}/{literal}')}; }}").stdout
    assert found == f"{folder}/{chosen}\0".encode("utf-8", "surrogateescape")
    everything = run(shell, f"{{ printf '%s\\0' {pattern(f'{folder}/*')} {pattern(f'{folder}/.*')}; }}").stdout
    visible = {f"{folder}/{name}".encode("utf-8", "surrogateescape") for name in present}
    assert visible <= set(everything.split(b"\0"))
