"""Records for the benchmark of the store: twenty lines, and the end of their input."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.current import NOBODY
from telemetry.capture.blackbox.decoding import RecordDecoder
from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import EXECUTION, encode
from telemetry.capture.line import Line
from telemetry.capture.span_records import Settled
from telemetry.pipeline.foreign import ForeignLine

INFO: Final = 20
END: Final = EXECUTION
ERROR: Final = 40
PER_INPUT: Final = 20
PER_REQUEST: Final = 512
REQUEST_BYTES: Final = PER_REQUEST * 161
"""161 bytes per record, as in the figures that the targets come from."""
T0_NS: Final = 1_700_000_000_000_000_000
STEP_NS: Final = 8_640_000
"""Between two lines: ten million make a day."""
FUNCTIONS: Final = tuple(f"function_{n}" for n in range(10))

INSERT: Final = (
    "insert into logs (unix_ns, execution, source, event, fields) "
    "values (?, ?, ?, ?, ?)"
)
_WORDS: Final = (
    *("reading", "writing", "parsing", "resizing", "uploading", "waiting", "cache"),
    *("hit", "miss", "retrying", "connection", "tensor", "batch", "row", "page"),
)
_AT_ONCE: Final = 4_096
_ERROR_EVERY: Final = 9_973
_DECODER: Final = RecordDecoder()


def input_id(number: int) -> str:
    """An id that rises with *number*."""
    return f"in-01J{number:023d}"


def rare(number: int) -> str:
    """A word that only the line of that number has."""
    return f"x{number:x}z"


def records(count: int) -> list[Found]:
    """So many: lines, and after each twenty the end of their input."""
    found: list[Found] = []
    for number in range(count // (PER_INPUT + 1)):
        for at in range(PER_INPUT):
            found.append(_found(_line(number * PER_INPUT + at), len(found)))
        found.append(_found(_settled(number), len(found)))
    return found


def rows(count: int) -> list[tuple[Any, ...]]:
    """The same lines as they lie in the table."""
    fields = '{"fn":"embed","step":17,"secs":0.25}'
    return [
        (T0_NS + n * STEP_NS, n // PER_INPUT + 1, 1, _event(n), fields)
        for n in range(count)
    ]


def box(folder: Path, found: Iterable[Found]) -> Path:
    """A black box with these records."""
    path = folder / "ps-1.box"
    made = BlackBox(path, {}, budget_bytes=64 << 20, slots=1)
    for each in found:
        made.append(NOBODY, encode(each.record))
    made.close()
    return path


def foreign_lines(count: int) -> list[ForeignLine]:
    """Lines of a program with plain OpenTelemetry: four attributes, and a trace."""
    return [
        ForeignLine(
            Line(
                T0_NS + n * STEP_NS,
                "info",
                _event(n),
                {"fn": "embed", "step": n, "secs": 0.25, "host": "a"},
                "bench",
                trace_id=f"{n // PER_INPUT + 1:032x}",
                span_id=f"{n + 1:016x}",
            )
        )
        for n in range(count)
    ]


def many_lines(count: int) -> Iterator[list[Found]]:
    """Lines with the ends of their inputs, some thousand at a time."""
    found: list[Found] = []
    for number in range(count):
        found.append(_found(_line(number), number))
        if number % PER_INPUT == PER_INPUT - 1:
            found.append(_found(_settled(number // PER_INPUT), number))
        if len(found) >= _AT_ONCE:
            yield found
            found = []
    yield found


def _event(number: int) -> str:
    first = _WORDS[number % len(_WORDS)]
    second = _WORDS[number // 7 % len(_WORDS)]
    return f"{first} {second} {rare(number)} done"


def _line(number: int) -> list[Any]:
    who = number // PER_INPUT
    identity = [input_id(who), None, FUNCTIONS[who % len(FUNCTIONS)], 0, None, None]
    said = {"fn": "embed", "step": number, "secs": 0.25}
    return [
        ERROR if number % _ERROR_EVERY == 0 else INFO,
        ["bench", {}],
        [*identity, None, False, f"{who + 1:032x}", f"{who + 1:016x}"],
        "MainThread",
        [T0_NS + number * STEP_NS, _event(number), [], said],
    ]


def _settled(number: int) -> tuple[Any, ...]:
    start_ns = T0_NS + number * PER_INPUT * STEP_NS
    end_ns = start_ns + PER_INPUT * STEP_NS
    function = FUNCTIONS[number % len(FUNCTIONS)]
    settled = Settled(input_id(number), start_ns, end_ns, "success", 0, function)
    return EXECUTION, None, end_ns, settled


def _found(record: object, offset: int) -> Found:
    what, head = _DECODER.decode(encode(record)) or (None, None)
    return Found(time.time_ns(), what, 0, 1, offset, head)
