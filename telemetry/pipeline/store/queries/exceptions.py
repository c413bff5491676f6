"""Exceptions, those that are alike together."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.pipeline.store.queries.reading import (
    Reader,
    Where,
    checked_limit,
    number_of,
)

_GROUPS: Final = """
select x.fingerprint, x.type, x.message, x.sample, count(*), count(distinct e.input),
    min(o.unix_ns), max(o.unix_ns), min(t.text)
from occurrences o join exceptions x on x.id = o.exception
left join executions e on e.id = o.execution left join texts t on t.id = e.function
"""
_ONES: Final = """
select o.unix_ns, i.input_id, e.attempt, t.text, p.name
from occurrences o join exceptions x on x.id = o.exception
left join executions e on e.id = o.execution left join inputs i on i.id = e.input
left join texts t on t.id = e.function left join processes p on p.id = o.process
"""


class AlikeExceptions(NamedTuple):
    """Exceptions that are alike: of one type, from the same lines of code.

    Attributes:
        message: Of the first one.
        sample: Its traceback.
        seen: How often it was logged, or ended an input, or was noted in a span.
        inputs: How many inputs had it.
        function: One of the functions that had it.
    """

    fingerprint: str
    type: str
    message: str
    sample: str
    seen: int
    inputs: int
    first_ns: int
    last_ns: int
    function: str | None


class Occurrence(NamedTuple):
    """An exception, once."""

    unix_ns: int
    input_id: str | None
    attempt: int | None
    function: str | None
    process: str | None


def exception_groups(
    reader: Reader,
    *,
    function: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
    limit: int = 100,
) -> list[AlikeExceptions]:
    """Groups of exceptions, the most frequent first."""
    checked_limit(limit)
    with reader.asking():
        where = Where()
        if function is not None:
            where.add("e.function = ?", number_of(reader, function))
        where.add_given("o.unix_ns >= ?", since_ns)
        where.add_given("o.unix_ns < ?", until_ns)
        rows = reader.rows(
            f"{_GROUPS} {where} group by x.id order by count(*) desc, x.id limit ?",
            (*where.values, limit),
        )
    return [AlikeExceptions(*row) for row in rows]


def occurrences(
    reader: Reader, fingerprint: str, *, limit: int = 100
) -> list[Occurrence]:
    """When and where an exception was, the newest first."""
    checked_limit(limit)
    with reader.asking():
        rows = reader.rows(
            f"{_ONES} where x.fingerprint = ? order by o.unix_ns desc limit ?",
            (fingerprint, limit),
        )
    return [Occurrence(*row) for row in rows]
