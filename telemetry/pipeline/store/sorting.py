"""From records of a black box, and from lines, to rows of the log, the short way.

These are the loops that each line goes through, so they look at a line as little as
can be: nearly all are plain, and are told from the others by a few comparisons.
Whatever they do not understand at once is left to the long way, which finds out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from telemetry.capture.blackbox.decoding import Head
from telemetry.capture.blackbox.reader import Found
from telemetry.capture.line import LEVELS, Line
from telemetry.pipeline.foreign import ForeignLine

END_NS: Final = 1 << 63
"""Of times that SQLite can keep, in nanoseconds."""

OWN_COLUMNS: Final = 5
"""Of a row of a box: unix_ns, execution, source, event, fields."""
FOREIGN_COLUMNS: Final = 7
"""Of a row of a received line: the same, trace_id and span_id."""

NOBODY: Final = 0
"""Stands for the execution of a line that is nobody's, as far as is known."""

NO_FIELDS: Final = "{}"

_TRACE_CHARS: Final = 32
_SPAN_CHARS: Final = 16

Group = list[Any]
"""Rows of one execution, one value behind the other."""

Source = tuple[int, str | None, str]
"""Level, logger and thread of a line, by which its source is known."""


def sort_out(
    found: Iterable[Found],
    groups: dict[Any, tuple[int, Group]],
    execution_of: Callable[[Any, int], int],
    sources: dict[Source, int],
    source_of: Callable[[Source], int],
) -> list[Found]:
    """Put the rows of plain lines into *groups*; what is left over.

    Args:
        groups: By input id, attempt and lateness, or by None: an execution, and its
            rows. Those that are met for the first time are added.
        execution_of: The number of an execution, by the identity in a record; raises
            a ValueError when there is none, and when its lines go the long way.
        sources: The numbers of those that are known; *source_of* adds to them.
    """
    rest: list[Found] = []
    encoded = orjson.dumps
    met: dict[Head, tuple[int, int, dict[str, Any], Group]] = {}

    def meet(head: Head, unix_ns: int) -> tuple[int, int, dict[str, Any], Group]:
        """Of all lines that begin so: execution, source, bound keys, and rows."""
        level, (logger, bound), who, thread = head.parts
        key = who and (who[0], who[3], who[7])
        known = groups.get(key)
        if known is None:
            known = groups[key] = (execution_of(who, unix_ns), [])
        source = sources.get((level, logger, thread))
        if source is None:
            source = source_of((level, logger, thread))
        met[head] = (known[0], source, bound, known[1])
        return met[head]

    for each in found:
        head, said = each.head, each.what
        if head is None or said.args or said.more or not 0 < said.unix_ns < END_NS:
            rest.append(each)
            continue
        try:
            execution, source, bound, rows = met.get(head) or meet(head, said.unix_ns)
            keys = {**bound, **said.keys} if bound else said.keys
            rows += (
                said.unix_ns,
                execution,
                source,
                said.event,
                encoded(keys).decode() if keys else NO_FIELDS,
            )
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001  # damaged: it may hold anything
            rest.append(each)
    return rest


def sort_out_foreign(
    lines: Iterable[ForeignLine],
    groups: dict[Any, tuple[int, Group, Group]],
    execution_of: Callable[[Line], int],
    sources: dict[Source, int],
    source_of: Callable[[Source], int],
) -> list[ForeignLine]:
    """The same for lines that were received; what is left over.

    Args:
        groups: By input id and attempt, or by None: an execution, its rows without a
            trace, and those with one.
        execution_of: The number of an execution, by a line of it.
    """
    rest: list[ForeignLine] = []
    encoded, text, levels, octets = orjson.dumps, str, LEVELS, bytearray.fromhex
    for each in lines:
        try:
            line = each.line
            unix_ns, event, trace, span = (
                *(line.unix_ns, line.event),
                *(line.trace_id, line.span_id),
            )
            if (
                each.uid is not None
                or line.exception is not None
                or line.late
                or line.candidates
                or line.stream
                or type(event) is not text
                or not (event.isascii() or event.encode())  # lone surrogates raise
                or not 0 < unix_ns < END_NS
            ):
                rest.append(each)
                continue
            key = line.input_id and (line.input_id, line.attempt)
            known = groups.get(key)
            if known is None:
                known = groups[key] = (execution_of(line), [], [])
            who = (levels[line.level], line.logger, line.thread)
            source = sources.get(who)
            if source is None:
                source = source_of(who)
            fields, (execution, plain, traced) = line.fields, known
            kept = encoded(fields).decode() if fields else NO_FIELDS
            if trace is None and span is None:
                plain += (unix_ns, execution, source, event, kept)
            elif len(trace) == _TRACE_CHARS and len(span) == _SPAN_CHARS:  # type: ignore[arg-type]  # None raises TypeError
                traced += (
                    *(unix_ns, execution, source, event, kept),
                    *(octets(trace), octets(span)),  # type: ignore[arg-type]
                )
            else:
                rest.append(each)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001  # it came from strangers
            rest.append(each)
    return rest
