"""What is exported as Parquet has the rows of the store, in columns with types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from telemetry.pipeline.exports import parquet as export
from telemetry.pipeline.exports.selection import ALL, Progress, Selection
from tests.pipeline.store.queries import afternoon
from tests.pipeline.store.queries.afternoon import A, B
from tests.pipeline.store.records import (
    FUNCTION,
    PROG,
    SECOND,
    T0,
    Kept,
    input_id,
    line,
)

pyarrow_parquet = pytest.importorskip("pyarrow.parquet")
TABLES = ["executions", "inputs", "lines", "spans"]


def exported(
    kept: Kept, folder: Path, selection: Selection = ALL
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each file; times in nanoseconds, for which Python has no type."""
    export.write(kept.path, folder, selection)
    found = {}
    for path in sorted(folder.iterdir()):
        table = pyarrow_parquet.read_table(path)
        for at, each in enumerate(table.schema):
            if str(each.type) == "timestamp[ns, tz=UTC]":
                table = table.set_column(at, each.name, table[at].cast("int64"))
        found[path.stem] = table.to_pylist()
    return found


def test_every_row_in_its_table(kept: Kept, tmp_path: Path) -> None:
    """Four files, and each has what the store has."""
    afternoon.fill(kept)
    found = exported(kept, tmp_path / "out")
    counts = kept.count(["executions", "inputs", "logs", "spans"])

    assert list(found) == TABLES
    assert [len(found[each]) for each in TABLES] == list(counts.values())
    first = found["inputs"][0]
    assert (first["input_id"], first["function"], first["outcome"]) == (
        input_id(1),
        FUNCTION,
        "success",
    )
    assert first["started"] == T0
    (error,) = [each for each in found["lines"] if each["level"] == "error"]
    assert error["exception"].startswith("Traceback")
    assert (error["input_id"], error["container_id"]) == (input_id(4), A)
    assert {row["input_id"] for row in found["spans"]} >= {input_id(7)}


@pytest.mark.parametrize(
    ("selection", "inputs"),
    [
        (Selection(function="resize"), {7, 8}),
        (Selection(container_id=B), {3, 6}),
        (Selection(input_id=input_id(2)), {2}),
        (Selection(since_ns=T0 + 41 * SECOND), {7, 8}),
    ],
)
def test_selection(
    kept: Kept, tmp_path: Path, selection: Selection, inputs: set[int]
) -> None:
    """Only what is wanted is in the files."""
    afternoon.fill(kept)
    found = exported(kept, tmp_path / "out", selection)

    assert {row["input_id"] for row in found["executions"]} == set(
        map(input_id, inputs)
    )


def test_many_pages(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages and row groups lose nothing; how far it is rises to the end."""
    monkeypatch.setattr(export, "_AT_ONCE", 10)
    monkeypatch.setattr(export, "_GROUP", 25)
    kept.take(PROG, *(line(f"line {n}") for n in range(101)))
    told: list[Progress] = []
    written = export.write(kept.path, tmp_path, on_progress=told.append)
    file = pyarrow_parquet.ParquetFile(tmp_path / "lines.parquet")

    assert written["lines"] == 101
    assert file.read().column("event").to_pylist() == [f"line {n}" for n in range(101)]
    assert file.num_row_groups == 4
    assert [p.done for p in told if p.what == "lines"][-1] == 101


def test_an_empty_store(kept: Kept, tmp_path: Path) -> None:
    """Its files have columns and no rows."""
    found = exported(kept, tmp_path / "out")

    assert found == {name: [] for name in TABLES}


def test_no_half_file_is_left(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails in the middle leaves nothing that looks whole."""
    afternoon.fill(kept)

    def fail(*_args: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(export, "_arrow", fail)
    with pytest.raises(OSError, match="the disk is full"):
        export.write(kept.path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_the_extra() -> None:
    """The message names what to install."""
    code = """
import sys
sys.modules["pyarrow"] = None
try:
    import telemetry.pipeline.exports.parquet
except ImportError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "pip install 'input-telemetry[parquet]'" in ended.stdout
