"""The file of an older version becomes one of this, and nothing is ever destroyed."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from telemetry.pipeline.store.failures import StoreError
from telemetry.pipeline.store.rows import ContainerRow, ExecutionRow, InputRow
from telemetry.pipeline.store.schema import STEPS, VERSION, migrate, version_of
from tests.pipeline.store.records import PROG, Kept, line

FUTURE = (*STEPS, "alter table inputs add column mood text; drop view v_inputs;")


def opened(path: Path) -> sqlite3.Connection:
    """A connection without transactions of its own."""
    return sqlite3.connect(path, isolation_level=None)


def test_a_file_of_version_1_is_brought_up_to_date(kept: Kept) -> None:
    """What is in a store of version 1 is there after the steps to a later one."""
    kept.take(PROG, line("of old"))
    kept.store.close()
    connection = opened(kept.path)
    assert version_of(connection) == VERSION

    migrate(connection, steps=FUTURE)

    assert version_of(connection) == VERSION + 1
    assert connection.execute("select event from v_lines").fetchall() == [("of old",)]
    assert connection.execute("select mood from inputs").fetchall() == []
    connection.close()


def test_a_step_that_fails_changes_nothing(kept: Kept) -> None:
    """All steps are done, or none: the file stays one of its own version."""
    kept.take(PROG, line("of old"))
    kept.store.close()
    connection = opened(kept.path)
    broken = (*STEPS, "drop table logs; create table meta (twice text);")

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection, steps=broken)

    assert version_of(connection) == VERSION
    assert connection.execute("select event from logs").fetchall() == [("of old",)]
    connection.close()


def test_a_newer_file_is_left_alone(kept: Kept) -> None:
    """A program of yesterday neither reads nor changes what one of tomorrow wrote."""
    kept.store.close()
    connection = opened(kept.path)
    migrate(connection, steps=FUTURE)
    connection.close()
    before = kept.path.read_bytes()

    with pytest.raises(StoreError, match=f"version {VERSION + 1}.*newer program"):
        Kept(kept.path)
    with pytest.raises(StoreError, match=f"version {VERSION + 1}.*a newer agent"):
        kept.asking()

    assert kept.path.read_bytes() == before


def test_an_older_file_is_not_read_before_it_is_brought_up_to_date(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader changes nothing: it says that an agent has to be started."""
    monkeypatch.setattr("telemetry.pipeline.store.opening.VERSION", VERSION + 1)

    with pytest.raises(StoreError, match="an older agent; end that one"):
        kept.asking()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file that is somebody else's is refused, not filled with our tables."""
    path = tmp_path / "store.sqlite"
    connection = opened(path)
    connection.execute("create table theirs (x)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="a database of another program"):
        Kept(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("inputs", InputRow),
        ("executions", ExecutionRow),
        ("containers", ContainerRow),
    ],
)
def test_rows_in_memory_have_the_columns_of_the_table(
    kept: Kept, table: str, row: type[Any]
) -> None:
    """A row is read and written by position: the order is the same."""
    columns = [each[1] for each in kept.rows(f"pragma table_info({table})")]

    assert [each.name for each in fields(row)] == columns
