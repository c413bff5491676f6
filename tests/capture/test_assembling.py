"""The assembler: which writes make which records, without a clock or a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.capture.ansi import redraws, unstyled
from telemetry.capture.assembling import (
    PIECE_CHARS,
    Pending,
    Piece,
    assemble,
    leftover,
)


class Writer:
    """Feeds writes at given seconds, and keeps the pieces."""

    def __init__(self) -> None:
        self.pending: Pending | None = None
        self.pieces: list[Piece] = []

    def __call__(self, *texts: str, now_s: float = 0.0) -> Writer:
        for text in texts:
            pieces, self.pending = assemble(
                self.pending, text, now_s=now_s, now_ns=int(now_s * 1e9)
            )
            self.pieces += pieces
        return self

    def end(self) -> list[str]:
        """All texts, with what was left over."""
        if self.pending is not None:
            self.pieces += leftover(self.pending)
        return [piece.text for piece in self.pieces]


@pytest.mark.parametrize(
    ("writes", "events"),
    [
        (["a", " ", "b", "\n"], ["a b"]),
        (["a\nb", "\n"], ["a\nb"]),
        (["a\nb\n"], ["a\nb"]),
        (["a\r\n", "b\r\n"], ["a", "b"]),
        (["\n", "  \n", "\n\n"], []),
        (["\n  indented\n\n"], ["  indented"]),
        (["no end"], ["no end"]),
        (
            ["\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07\n"],
            ["red link"],
        ),
    ],
)
def test_writes_make_records(writes: list[str], events: list[str]) -> None:
    """A record ends where a write ends with a line end; blank lines leave none."""
    assert Writer()(*writes).end() == events


def test_long_line_is_split_and_marked() -> None:
    """Nothing of a line without end is lost or kept waiting, and the parts say so."""
    writer = Writer()
    for _ in range(5):
        writer("x" * (PIECE_CHARS // 2))
        assert writer.pending is None or len(writer.pending[0]) <= PIECE_CHARS
    writer("\n", "next\n")

    assert "".join(writer.end()) == "x" * (5 * (PIECE_CHARS // 2)) + "next"
    assert [p.continued for p in writer.pieces] == [False, True, True, False]


def test_long_text_is_split_between_lines() -> None:
    """Where there are line ends, no line is torn and none is marked."""
    rows = ["r" * 1_000] * 200
    writer = Writer()("\n".join(rows), "\n")

    assert "\n".join(writer.end()).split("\n") == rows
    assert not any(piece.continued for piece in writer.pieces)


def test_progress_is_paced_and_its_last_state_stays() -> None:
    """Of a thousand redraws in three seconds four are left, and the last of all."""
    writer = Writer()
    for number in range(1_000):
        writer(f"\r{number / 10}%   ", now_s=100 + number * 0.003)
    writer("\r100%", "\n", now_s=103)

    progress = [piece.text for piece in writer.pieces if piece.progress]
    assert progress[0] == "0.0%"
    assert len(progress) <= 4
    assert writer.pieces[-1] == Piece("100%", drawn=True)
    assert writer.pending is None


def test_return_behind_the_text() -> None:
    """A return at the end draws over as well; a plain line afterwards is whole."""
    writer = Writer()
    writer("1", "\r", "2", "\r", now_s=1).__call__("3", "\r", "done", "\n", now_s=1.5)

    assert [p.text for p in writer.pieces if not p.progress] == ["done"]


def test_erased_bar_leaves_nothing() -> None:
    """A bar with ``leave=False`` blanks its row."""
    writer = Writer()("\rbar", now_s=1)("\r   ", "\r", now_s=1.1)

    assert writer.end() == ["bar"]


def test_rows_above_a_redraw_stand() -> None:
    """A line that rich prints above its live rows, in the same write, is not lost."""
    live = "\r\x1b[2K\x1b[1A\x1b[2K"
    writer = Writer()("row 1\nrow 2", now_s=1)
    for number in range(50):
        writer(f"{live}row {number}\nrow 2", now_s=1.2)
    writer(f"{live}hello\nrow 1\nrow 2", now_s=1.3)
    writer(f"{live}row 1\nrow 2", "\n", now_s=1.4)

    finals = [piece.text for piece in writer.pieces if not piece.progress]
    assert finals == ["hello"]
    assert len(writer.pieces) == 2


def test_nested_bars_are_bounded() -> None:
    """A bar below another goes down and up; that ends no line of the upper one."""
    writer = Writer()("\router 0%", now_s=1)
    for number in range(200):
        writer("\n", f"\rinner {number}%", "\x1b[A", now_s=1.1)
    writer("plain", "\n", now_s=1.2)

    texts = writer.end()
    assert texts[-1] == "plain"
    assert texts[-2].endswith("inner 199%")
    assert len(texts) <= 5


def test_screen_is_bounded() -> None:
    """A display of endless rows does not grow in memory."""
    writer = Writer()("a\x1b[A")
    for number in range(3_000):
        writer("\n", f"\r{number}")

    assert writer.pending is not None
    screen = writer.pending[2]
    assert screen is not None
    assert len(screen.state().split("\n")) <= 202


@given(st.lists(st.text(alphabet="ab\n \x1b[1mAK\r\\]", max_size=12), max_size=12))
def test_any_writes(writes: list[str]) -> None:
    """Whatever is written: no failure, and no escape sequence or blank in a record."""
    for text in Writer()(*writes).end():
        assert text.strip()
        assert unstyled(text) == text or not redraws(text)


@given(st.text(alphabet="abc \n", max_size=60), st.lists(st.integers(1, 9)))
def test_plain_text_is_kept(text: str, cuts: list[int]) -> None:
    """Without redraws every visible row arrives, once and in order."""
    writer, at = Writer(), 0
    for cut in cuts:
        writer(text[at : at + cut])
        at += cut
    writer(text[at:])

    got = [row for event in writer.end() for row in event.split("\n") if row.strip()]
    assert got == [row for row in text.split("\n") if row.strip()]
