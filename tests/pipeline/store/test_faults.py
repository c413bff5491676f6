"""The writer is killed, the disk is full, others read: nothing is lost or doubled."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.pipeline.store.failures import StoreFullError, StoreLockedError
from telemetry.pipeline.store.outbox import StoreOutbox
from telemetry.pipeline.store.queries.lines import LineFilter, lines, lines_after
from telemetry.pipeline.store.writing import Store
from tests.pipeline.store.records import PROG, SECOND, T0, Kept, identity, line

# Writes numbered lines in transactions, each with the position behind it and a parcel,
# and says which one is committed. It goes on from where the store says that it was.
_WRITER = """
import sys
from pathlib import Path
from telemetry.pipeline.store.outbox import StoreOutbox
from tests.pipeline.store.records import Kept, PROG, identity, line
kept = Kept(Path(sys.argv[1]))
outbox = StoreOutbox(kept.store)
processes = kept.intake.processes
while True:
    at = (processes.position(PROG.name) or {0: (1, 0, 0)})[0][1]
    with kept.store.transaction():
        number = processes.number(PROG)
        numbers = range(at, at + 100)
        lines = [line(f"n{n}", identity(n // 10, box=None)) for n in numbers]
        kept.intake.take(number, lines)
        outbox.put("logs", 100, str(at).encode())
        processes.set_position(PROG.name, {0: (1, at + 100, 0)})
    print(at + 100, flush=True)
"""
_READER = """
import sys
from pathlib import Path
from telemetry.pipeline.store.queries.lines import LineFilter, lines_after
from telemetry.pipeline.store.queries.reading import Reader
last, seen = 0, 0
with Reader(Path(sys.argv[1])) as reader:
    while seen < 2000:
        for each in lines_after(reader, LineFilter(), last, 500):
            assert each.number == last + 1 and each.line.event == f"line {seen}"
            last, seen = each.number, seen + 1
print(seen)
"""
_LIMITED = """
import resource, sys
from pathlib import Path
from telemetry.pipeline.store.failures import StoreFullError
from tests.pipeline.store.records import Kept, PROG, line
kept = Kept(Path(sys.argv[1]))
kept.take(PROG, line("before"))
limit = 2 << 20
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for _ in range(100):
        kept.take(PROG, *[line("x" * 900) for n in range(1000)])
except StoreFullError as error:
    print("full")
rows = kept.rows("select count(*) % 1000 from logs")
print(rows[0][0])
"""


def run(script: str, path: Path) -> subprocess.Popen[str]:
    """A process of its own, in the root of the repository."""
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )


def test_a_killed_writer_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """SIGKILL at any moment: all that was acknowledged is there, everything once."""
    path = tmp_path / "store.sqlite"
    acknowledged = 0
    for round_ in range(4):
        writer = run(_WRITER, path)
        assert writer.stdout is not None
        for _ in range(3 + round_):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)  # it is at the next transaction
        acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        writer.stdout.close()
        writer.wait()

        kept = Kept(path)
        position = kept.intake.processes.position(PROG.name)
        assert position is not None
        stored = position[0][1]
        assert stored >= acknowledged
        rows = kept.rows("select event from logs order by id")
        assert rows == [(f"n{n}",) for n in range(stored)]
        assert kept.count(["inputs", "executions"]) == {
            "inputs": stored // 10,
            "executions": stored // 10,
        }
        parcels = kept.rows("select body from outbox order by number")
        assert parcels == [(str(n).encode(),) for n in range(0, stored, 100)]
        kept.store.close()


def test_another_process_reads_while_it_is_written(kept: Kept) -> None:
    """A reader sees each transaction whole, in order, and holds nobody up."""
    kept.take(PROG, line("line 0"))
    reader = run(_READER, kept.path)
    for at in range(1, 2_000, 10):
        kept.take(PROG, *[line(f"line {n}") for n in range(at, min(at + 10, 2_000))])
    assert reader.communicate(timeout=30)[0] == "2000\n"
    assert reader.returncode == 0


def test_a_reader_that_stays_does_not_keep_the_wal(kept: Kept) -> None:
    """A question lets go of the file when it is answered: the WAL can be cut off."""
    with kept.asking() as reader:
        kept.take(PROG, *[line("x" * 500) for _ in range(2_000)])
        assert len(lines(reader, LineFilter(), limit=10).lines) == 10
        kept.store.checkpoint()

        assert kept.path.with_name("store.sqlite-wal").stat().st_size == 0
        assert len(lines_after(reader, LineFilter(), 0, 10)) == 10


def test_who_reads_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The WAL is cut off another time, and the writer goes on at once."""
    # Longer than a test may take.
    monkeypatch.setattr("telemetry.pipeline.store.opening.BUSY_S", 600.0)
    kept = Kept(tmp_path / "store.sqlite")
    with kept.asking() as reader:
        kept.take(PROG, line("first"))
        with reader.asking():
            assert reader.one("select count(*) from logs") == 1
            kept.take(PROG, line("second"))
            kept.store.checkpoint()
            assert reader.one("select count(*) from logs") == 1
    kept.store.checkpoint()

    assert kept.path.with_name("store.sqlite-wal").stat().st_size == 0
    assert kept.rows("pragma busy_timeout") == [(600_000,)]
    kept.store.close()


def test_a_full_disk_keeps_nothing_of_a_transaction(kept: Kept) -> None:
    """SQLITE_FULL: rolled back and said; with space it is written, once."""
    outbox = StoreOutbox(kept.store)
    kept.take(PROG, line("before", identity(1, box=None)))
    pages = kept.rows("pragma page_count")[0][0]
    kept.rows(f"pragma max_page_count = {pages + 8}")
    many = [line(f"n{n} " + "x" * 400, identity(n, box=None)) for n in range(2_000)]

    def take_all() -> None:
        with kept.store.transaction():
            number = kept.intake.processes.number(PROG)
            kept.intake.take(number, many)
            outbox.put("logs", 1, b"body")
            kept.intake.processes.set_position(PROG.name, {0: (1, 1, 1)})

    for _ in range(2):
        with pytest.raises(StoreFullError, match="nothing of what was to be written"):
            take_all()

    assert kept.rows("select event from logs") == [("before",)]
    assert kept.intake.processes.position(PROG.name) is None
    assert outbox.waiting("logs", 0, 100) == []
    kept.rows("pragma max_page_count = 1000000")
    kept.take(PROG, *many)
    assert kept.count(["logs", "inputs"]) == {"logs": 2_001, "inputs": 2_000}
    outbox.close()


def test_a_file_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    """A limit of the process or a quota is said in the same words."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY

    assert run(_LIMITED, tmp_path / "store.sqlite").communicate()[0] == "full\n1\n"


def test_a_writer_elsewhere_is_waited_for_and_then_named(kept: Kept) -> None:
    """Somebody else's tool that holds the file is no reason to lose anything."""
    other = sqlite3.connect(kept.path, isolation_level=None)
    other.execute("begin immediate")
    kept.rows("pragma busy_timeout = 10")

    with pytest.raises(StoreLockedError, match="another process writes"):
        kept.take(PROG, line("later"))

    other.execute("rollback")
    other.close()
    kept.take(PROG, line("later"))
    assert kept.rows("select event from logs") == [("later",)]


def test_times_that_go_back_are_kept_as_they_are(kept: Kept) -> None:
    """A clock that leaps between two lines moves neither, and both are found."""
    day_s = 24 * 3600.0
    kept.take(PROG, line("first", at_s=day_s), line("second", at_s=-day_s))
    kept.take(PROG, line("third", at_s=2.0))

    with kept.asking() as reader:
        page = lines(reader, LineFilter())
        events = [each.line.event for each in page.lines]
        assert events == ["second", "third", "first"]
        since = LineFilter(since_ns=page.lines[1].line.unix_ns)
        assert [each.line.event for each in lines(reader, since).lines] == [
            "third",
            "first",
        ]


def test_a_line_that_comes_after_a_newer_one_is_found_by_its_time(kept: Kept) -> None:
    """Boxes are read one after the other: what was said before may come later."""
    kept.take(PROG, line("said later", at_s=5.0))
    kept.take(PROG, line("said before", at_s=1.0))

    with kept.asking() as reader:
        until = LineFilter(until_ns=T0 + 2 * SECOND)
        found = [each.line.event for each in lines(reader, until).lines]
    assert found == ["said before"]


def test_an_index_that_is_behind_is_not_noticed(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many lines are indexed later; a search finds them before, and after."""
    monkeypatch.setattr("telemetry.pipeline.store.queries.lines._READ_LINES", 0)
    store: Store = kept.store
    kept.take(PROG, *[line(f"wolf {n}") for n in range(2_500)])
    kept.take(PROG, *[line(f"bear {n}") for n in range(2_500)])
    assert kept.index.behind == 5_000
    with kept.asking() as reader:
        before = lines(reader, LineFilter(text="WOLF 1"), limit=5_000).lines
        while kept.index.catch_up():
            half = lines(reader, LineFilter(text="WOLF 1"), limit=5_000).lines
            assert half == before
        after = lines(reader, LineFilter(text="WOLF 1"), limit=5_000).lines

    assert len(before) == sum(str(n).startswith("1") for n in range(2_500))
    assert before == after
    assert store.get_meta("indexed") == 5_000
