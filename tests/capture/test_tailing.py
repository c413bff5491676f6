"""The file of a descriptor, when nobody gets to read it in its own process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.capture import tailing
from telemetry.capture.tailing import Tail, leftover, trim

MIB = 1 << 20
ROW = b"%07d\n"


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Tail]:
    """A descriptor of the test's own that is written to a file."""
    fd = os.open(os.devnull, os.O_WRONLY)
    tail = Tail(fd, tmp_path / "x.out")
    if not tailing._punch(tail._file, 0, 4_096):
        pytest.skip("files have no holes here")
    yield tail
    tail.close()
    os.close(fd)


def write(tail: Tail, rows: range) -> None:
    """So many rows of eight bytes."""
    os.write(tail.fd, b"".join(ROW % number for number in rows))


def everything(tail: Tail) -> bytes:
    """All that is unread."""
    return b"".join(iter(tail.read, b""))


def rows_in(data: bytes) -> list[int]:
    """The rows that are whole."""
    return [int(row) for row in data.split(b"\n") if row.isdigit() and len(row) == 7]


def test_the_oldest_is_given_up_and_counted(tail: Tail) -> None:
    """What is kept is the newest; a note in its place says what is missing."""
    write(tail, range(500_000))
    gone = trim(tail.path, MIB)
    data = everything(tail)

    assert MIB <= len(data) <= MIB + 8_192
    assert data.startswith(b"\n[%d bytes of output were not captured" % gone)
    kept = rows_in(data)
    assert kept == [*range(kept[0], 500_000)]
    assert 0 <= kept[0] * 8 - gone <= 8_192
    assert tail.path.stat().st_blocks * 512 < 2 * MIB


def test_what_is_missing_adds_up(tail: Tail) -> None:
    """A note that is given up itself is counted on, also for a dead process."""
    gone = 0
    for part in range(4):
        write(tail, range(part * 200_000, (part + 1) * 200_000))
        gone += trim(tail.path, MIB)
    note, *rest = [row for row in leftover(tail.path) if row]

    assert note == f"[{gone} bytes of output were not captured: too much at once]"
    assert rest[-1] == "0799999"
    assert 0 <= int(rest[1]) * 8 - gone <= 8_192


def test_little_stays(tail: Tail) -> None:
    """Nothing is given up below the limit, nor of what was read and released."""
    write(tail, range(1_000))
    assert trim(tail.path, MIB) == 0
    assert rows_in(everything(tail)) == [*range(1_000)]
    tail.release()
    write(tail, range(1_000, 2_000))

    assert trim(tail.path, MIB) == 0
    assert rows_in(everything(tail)) == [*range(1_000, 2_000)]


def test_it_is_trimmed_while_it_is_read(
    tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding the data and reading them: no zeros are taken for output."""
    write(tail, range(500_000))
    read, steps = os.pread, iter([True])

    def late(fd: int, count: int, offset: int) -> bytes:
        if next(steps, False):
            trim(tail.path, MIB)
        return read(fd, count, offset)

    monkeypatch.setattr("telemetry.capture.tailing.os.pread", late)
    data = everything(tail)

    assert b"\0" not in data
    assert data.startswith(b"\n[")
    assert rows_in(data)[-1] == 499_999
