"""One log line, of each logger that is measured: an event, five fields, and ids."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import orjson
import structlog

import telemetry

FLOOR: Final = "floor: orjson.dumps(dict) + os.write"
OURS: Final = "ours: get_logger, in an input"
UNIQUE: Final = "ours: an event that is new each time"
ARGUMENTS: Final = "ours: an event with arguments"
DISABLED: Final = "ours: a debug line that is off"
STDLIB: Final = "ours: logging, by its road"
PRINT: Final = "ours: print(), by its road"
STRUCTLOG: Final = "structlog, fastest as documented"
STRUCTLOG_OFF: Final = "structlog: a debug line that is off"
HANDWRITTEN: Final = "logging + hand-written orjson formatter"
OTEL: Final = "logging + OpenTelemetry's handler, exported nowhere"
BOTH: Final = "logging: a JSON line and OpenTelemetry's handler"

INPUT: Final[ContextVar[str]] = ContextVar("input")
TRACE: Final[ContextVar[str]] = ContextVar("trace")

Line = Callable[[int], object]
"""Logs one line; gets its number."""

_KEYS: Final[dict[str, Any]] = {"fn": "embed", "secs": 0.25}


def name_input() -> None:
    """Give the peers of this context the ids that they write."""
    INPUT.set("in-01JABCDEFGHJKMNPQRSTVWXYZ0")
    TRACE.set("4bf92f3577b34da6a3ce929d0e0e4736")


def floor(fd: int) -> Line:
    """The least that makes a line of JSON: one dict, encoded and written."""
    now, write, dumps = time.time_ns, os.write, orjson.dumps

    def line(step: int) -> None:
        said = {
            "timestamp": now(),
            "level": "info",
            "event": "step done",
            "input_id": INPUT.get(),
            "trace_id": TRACE.get(),
            "fn": "embed",
            "step": step,
            "secs": 0.25,
        }
        write(fd, dumps(said) + b"\n")

    return line


def ours() -> dict[str, Line]:
    """What this toolkit records; run them in an input."""
    log, plain = telemetry.get_logger("bench"), logging.getLogger("bench.plain")
    plain.addHandler(logging.NullHandler())
    plain.setLevel(logging.INFO)
    plain.propagate = False
    return {
        OURS: lambda step: log.info("step done", fn="embed", step=step, secs=0.25),
        UNIQUE: lambda n: log.info(f"step {n} done", fn="embed", step=n, secs=0.25),  # noqa: G004  # what is measured
        ARGUMENTS: lambda n: log.info("step %d done", n, fn="embed", secs=0.25),
        DISABLED: lambda n: log.debug("step done", fn="embed", step=n, secs=0.25),
        STDLIB: lambda n: plain.info("step done", extra={**_KEYS, "step": n}),
        PRINT: lambda _: print("step done"),
    }


def peers(fd: int) -> dict[str, Line]:
    """What others write to *fd*."""
    usual, written = _structlog(fd), _handwritten(fd)
    return {
        STRUCTLOG: lambda n: usual.info("step done", fn="embed", step=n, secs=0.25),
        STRUCTLOG_OFF: lambda n: usual.debug("step", fn="embed", step=n, secs=0.25),
        HANDWRITTEN: lambda n: written.info("step done", extra={**_KEYS, "step": n}),
    }


def otel(fd: int) -> dict[str, Line]:
    """OpenTelemetry's handler alone, and beside a line of JSON. It loads the SDK."""
    # Not at the top: what is loaded here changes what everything costs.
    from benchmarks.steal_otel import log_handler  # noqa: PLC0415

    alone, both = _logger("bench.otel"), _handwritten(fd)
    handler = log_handler()
    alone.addHandler(handler)
    both.addHandler(handler)
    given = {**_KEYS, "input_id": INPUT.get(), "trace_id": TRACE.get()}
    return {
        OTEL: lambda n: alone.info("step done", extra={**given, "step": n}),
        BOTH: lambda n: both.info("step done", extra={**given, "step": n}),
    }


def _structlog(fd: int) -> Any:  # noqa: ANN401  # structlog's own
    processors = structlog.processors
    return structlog.wrap_logger(
        structlog.BytesLogger(os.fdopen(os.dup(fd), "wb")),
        processors=[
            structlog.contextvars.merge_contextvars,
            processors.add_log_level,
            processors.format_exc_info,
            processors.TimeStamper(fmt="iso", utc=True),
            processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind(input_id=INPUT.get(), trace_id=TRACE.get())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        found = vars(record)
        line = {
            "timestamp": record.created,
            "level": record.levelname,
            "event": record.getMessage(),
            "input_id": INPUT.get(),
            "trace_id": TRACE.get(),
            **{key: found[key] for key in ("fn", "step", "secs")},
        }
        return orjson.dumps(line).decode()


def _handwritten(fd: int) -> logging.Logger:
    found = _logger("bench.handwritten")
    handler = logging.StreamHandler(os.fdopen(os.dup(fd), "w"))
    handler.setFormatter(_Json())
    found.addHandler(handler)
    return found


def _logger(name: str) -> logging.Logger:
    return logging.Logger(name, logging.INFO)  # noqa: LOG001  # below no other
