"""A line for machines: one JSON object, its keys in the order of the contract."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson

from telemetry.capture.line import Line, own_keys
from telemetry.capture.plain import plain_fields

_NS_PER_US: Final = 1_000
_NS_PER_S: Final = 1_000_000_000


def json_line(line: Line) -> str:
    """*line* as one row of JSON with its end; absent identity is left out.

    A number that JSON cannot write (NaN, the infinities) becomes a text. Source:
    the JSON mapping of protobuf, which OTLP uses.
    """
    record = _identity(line)
    # Lines are stamped with free names; one that was made by hand may not be.
    for name, value in own_keys(line.fields).items():
        record[name] = _finite(value)
    try:
        return orjson.dumps(record).decode() + "\n"
    except TypeError:  # a line made by hand: its values were never made plain
        return orjson.dumps(plain_fields(record)).decode() + "\n"


def _identity(line: Line) -> dict[str, object]:
    record: dict[str, object] = {
        "timestamp": rfc3339(line.unix_ns),
        "level": line.level,
        "event": line.event,
    }
    if line.logger is not None:
        record["logger"] = line.logger
    if line.input_id is not None:
        record |= {
            "input_id": line.input_id,
            "function_call_id": line.function_call_id,
            "function": line.function,
            "attempt": line.attempt,
            "container_id": line.container_id,
            "slot": line.slot,
        }
        record = {name: value for name, value in record.items() if value is not None}
        if line.batch_input_ids:
            record["batch_input_ids"] = line.batch_input_ids
        if line.late:
            record["input_late"] = True
    if line.candidates:
        record["input_candidates"] = line.candidates
    for name in ("trace_id", "span_id", "stream"):
        value = getattr(line, name)
        if value is not None:
            record[name] = value
    record["thread"] = line.thread
    if line.exception is not None:
        record["exception"] = line.exception
    return record


def rfc3339(unix_ns: int) -> str:
    """Unix nanoseconds as RFC 3339: UTC, microseconds."""
    seconds, rest_ns = divmod(unix_ns, _NS_PER_S)
    return f"{_second(seconds)}.{rest_ns // _NS_PER_US:06d}Z"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
