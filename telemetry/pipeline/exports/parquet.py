"""The store as Parquet files, one for each table; needs the extra ``parquet``.

Any of DuckDB, Polars, pandas or Spark reads them: ``select * from 'inputs.parquet'``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from telemetry.pipeline.exports.selection import (
    ALL,
    QUESTION_S,
    OnProgress,
    Progress,
    Selection,
    silent,
)
from telemetry.pipeline.store.queries.all_rows import reach
from telemetry.pipeline.store.queries.flat_tables import (
    TABLES,
    Chosen,
    Column,
    FlatTable,
    Kind,
    flat_rows,
)
from telemetry.pipeline.store.queries.reading import Reader, Row

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError as error:
    raise ImportError(
        "Parquet files need pyarrow: pip install 'input-telemetry[parquet]'"
    ) from error

_AT_ONCE: Final = 10_000
_GROUP: Final = 100_000
"""Rows of a row group: what a reader takes in at once. Source: DuckDB's advice."""
_TYPES: Final[dict[Kind, Any]] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("ns", tz="UTC"),
}


def write(
    store: Path,
    folder: Path,
    selection: Selection = ALL,
    on_progress: OnProgress = silent,
) -> Counter[str]:
    """Write what is selected into *folder*: ``lines.parquet`` and so on.

    A file is there when it is whole: until then it has another name.

    Returns:
        How many rows of each table that were.

    Raises:
        StoreError: The store cannot be read.
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: Counter[str] = Counter()
    with Reader(store, timeout_s=QUESTION_S) as reader:
        for table in TABLES:
            path = folder / f"{table.name}.parquet"
            scratch = path.with_suffix(".part")
            try:
                _write(reader, table, scratch, selection, on_progress, written)
                scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)
    return written


def _write(
    reader: Reader,
    table: FlatTable,
    path: Path,
    selection: Selection,
    on_progress: OnProgress,
    written: Counter[str],
) -> None:
    chosen = Chosen(
        selection.since_ns,
        selection.until_ns,
        selection.function,
        selection.container_id,
        selection.input_id,
    )
    schema = pa.schema([(each.name, _TYPES[each.kind]) for each in table.columns])
    first, last = reach(reader, table.table)
    number = first - 1
    group: list[Any] = []
    waiting = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as file:
        while number < last:
            page = flat_rows(reader, table, chosen, number, _AT_ONCE)
            number = page[-1][0] if len(page) == _AT_ONCE else last
            if page:
                group.append(_arrow(table.columns, page, schema))
                waiting += len(page)
            if waiting >= _GROUP or (number == last and group):
                file.write_table(pa.concat_tables(group), row_group_size=waiting)
                group.clear()
                waiting = 0
            written[table.name] += len(page)
            done = number - first + 1
            on_progress(
                Progress(table.name, done, last - first + 1, written[table.name])
            )


def _arrow(columns: Sequence[Column], rows: Sequence[Row], schema: Any) -> Any:  # noqa: ANN401  # pyarrow has no types
    # The first value of a row is its number.
    by_column = list(zip(*rows, strict=True))[1:]
    arrays = [
        pa.array(map(_flag, values) if each.kind == "flag" else values, kind)
        for each, values, kind in zip(columns, by_column, schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _flag(value: int | None) -> bool | None:
    """What SQLite has instead of a truth value."""
    return None if value is None else bool(value)
