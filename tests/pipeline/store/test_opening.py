"""A store that cannot be opened says why, and one that is damaged is set aside."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry.pipeline.store.failures import (
    NoStoreError,
    StoreDamagedError,
    StoreError,
    StoreLockedError,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.pipeline.store.writing import Store
from tests.pipeline.store.records import PROG, Kept, line

_WRITER = """
import sys
from pathlib import Path
from telemetry.pipeline.store.writing import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
"""


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_files_are_their_owners_alone(kept: Kept) -> None:
    """Nobody else of the machine can read what programs log."""
    kept.take(PROG, line())

    assert {mode_of(each) for each in kept.path.parent.iterdir()} == {0o600}


def test_garbage_is_set_aside_and_said(tmp_path: Path) -> None:
    """A file that is no database is kept under another name, and a store begun."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    said: list[str] = []

    with Store(path, on_problem=said.append) as store:
        store.connection.execute("select * from logs")

    aside = next(tmp_path.glob("store.sqlite.corrupt-*"))
    assert aside.read_bytes().startswith(b"this is no database")
    assert str(aside) in said[0]
    assert "a new store was begun" in said[0]


def test_damage_in_the_middle_is_said_and_can_be_set_aside(kept: Kept) -> None:
    """A page that is overwritten is a `StoreDamagedError`, and no silent loss."""
    for _ in range(3):
        kept.take(PROG, *[line(f"line {n} " + "x" * 200) for n in range(2_000)])
    kept.store.checkpoint()
    kept.store.close()
    with kept.path.open("r+b") as file:
        file.seek(-100 * 4096, 2)
        file.write(b"\xaa" * 4096 * 100)

    again = Kept(kept.path)
    with (
        pytest.raises(StoreDamagedError, match="is damaged"),
        again.store.transaction(),
    ):
        again.rows("delete from logs where event like '%line%'")
    again.store.close()


def test_two_processes_do_not_write(tmp_path: Path) -> None:
    """The second one is told who is meant; when the first ends, it may write."""
    path = tmp_path / "store.sqlite"
    other = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"ready\n"

    with pytest.raises(StoreLockedError, match="written by another process"):
        Store(path)
    other.kill()
    other.communicate()

    Store(path).close()


def test_no_store_yet_is_said(tmp_path: Path) -> None:
    """Who asks before anything was written learns how a store begins."""
    with pytest.raises(NoStoreError, match="telemetry agent"):
        Reader(tmp_path / "store.sqlite")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """No store is made where there is no folder."""
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / "nowhere" / "store.sqlite")


def test_a_reader_changes_nothing(kept: Kept, reader: Reader) -> None:
    """Whatever a question says, the store stays as it is."""
    with pytest.raises(StoreError, match="readonly"), reader.asking():
        reader.rows("delete from processes")
