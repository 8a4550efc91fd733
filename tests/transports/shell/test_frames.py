"""The reply's format: any payload comes back, whatever is said around it, and a cut-off reply never seems whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gpucarve.transports.shell.frames import Frame, Part, read

NONCE = "0123456789abcdef01234567"
parts = st.builds(Part, st.binary(max_size=60), st.booleans())
words = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=6), max_size=3).map(tuple)
frames = st.builds(Frame, st.sampled_from(["write", "reads", "lease"]), words, st.lists(parts, max_size=4).map(tuple))
noise = st.binary(max_size=60).filter(lambda content: NONCE.encode() not in content)


def spelled(frame: Frame) -> bytes:
    """A frame as a host sends it."""
    lengths = "".join(f" {len(part.content)}{'+' if part.cut else ''}" for part in frame.parts)
    header = " ".join((NONCE, frame.label, *frame.words)) + f" :{lengths}\n"
    return header.encode() + b"".join(part.content for part in frame.parts)


END = spelled(Frame("end", (), (Part(b""),)))


@given(st.lists(frames, max_size=5), noise, noise)
def test_frames_come_back_whatever_is_said_around_them(sent: list[Frame], before: bytes, after: bytes) -> None:
    reply = (before + b"\n" if before else b"") + b"".join(map(spelled, sent)) + END + after
    found = read(NONCE, reply)
    assert found.frames == tuple(sent)
    assert found.ended
    assert not found.complaint


@given(st.lists(frames, max_size=5), st.data())
def test_a_cut_off_reply_keeps_its_whole_frames_and_has_no_end(sent: list[Frame], data: st.DataObject) -> None:
    spelled_frames = [spelled(frame) for frame in sent]
    reply = b"".join(spelled_frames) + END
    length = data.draw(st.integers(0, len(reply) - 1))
    found = read(NONCE, reply[:length])
    whole = 0
    for size in map(len, spelled_frames):
        if size > length:
            break
        length -= size
        whole += 1
    assert found.frames == tuple(sent[:whole])
    assert not found.ended


@given(st.binary(max_size=200))
def test_a_payload_may_look_like_frames(inner: bytes) -> None:
    frame = Frame("reads", (), (Part(END + inner + END),))
    assert read(NONCE, spelled(frame) + END).frames == (frame,)


@given(st.binary(max_size=300))
def test_nothing_else_is_taken_for_frames(content: bytes) -> None:
    found = read(NONCE, content)
    assert (found.frames, found.ended, found.stray) == ((), False, content)


@given(noise)
def test_what_the_shell_complained_of_is_told(text: bytes) -> None:
    found = read(NONCE, spelled(Frame("end", (), (Part(text),))))
    assert found.complaint == text.decode("utf-8", "replace").strip()
