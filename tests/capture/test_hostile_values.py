"""Whatever comes, and by whichever road: one whole line, of the right input."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from msgspec import convert
from opentelemetry import trace

import telemetry
from telemetry.capture import sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS, line_of
from telemetry.capture.json_lines import json_line
from telemetry.capture.line import Line
from telemetry.capture.roads import registry, streams
from telemetry.capture.span_records import Settled
from tests.capture.hostile import OBJECT_ROADS, TEXT_ROADS, TEXTS, VALUES

MIB = 1 << 20
LARGEST_CHARS = 400_000
ROADS = ("logging", "structlog", "streams", "warnings", "exceptions")
LOGS_ITSELF = "repr logs"

Read = Callable[[], list[Line]]
WAYS = pytest.mark.parametrize("way", ["box", "sink"])
"""By the short ways into a box, and by the long way to a sink."""


@contextmanager
def recorded(way: str, folder: Path) -> Iterator[Read]:
    """All roads watched, with streams of their own; gives what was recorded."""
    out, err = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
    )
    # pytest keeps each warning; nobody needs to see these.
    silent = patch.object(warnings, "_showwarnmsg_impl", lambda _message: None)
    with redirect_stdout(out), redirect_stderr(err), silent:
        streams.ROAD.uninstall()
        streams.ROAD.swallow = True  # else the streams themselves refuse surrogates
        registry.choose(ROADS)
        try:
            with _to_box(folder) if way == "box" else _to_sink() as read:
                yield read
        finally:
            registry.choose(())
            streams.ROAD.swallow = False


@contextmanager
def _to_sink() -> Iterator[Read]:
    caught: list[Line] = []
    sink.set_sink(caught.append)
    yield lambda: caught


@contextmanager
def _to_box(folder: Path) -> Iterator[Read]:
    console = sink.set_console(None)
    box = current.open_box(BoxPlan(folder, "box", 32 * MIB))

    def read() -> list[Line]:
        with BoxReader(box.path) as reader:
            found = [line_of(each) for each in reader.poll() if each[0] in LINE_KINDS]
            assert reader.damaged == 0
            assert not any(reader.dropped().values())
            return found

    yield read
    current.close_box()
    sink.set_console(console)


def is_sound(line: Line) -> bool:
    """It is one row of JSON, of a size that a store takes, and says whose it is."""
    row = json_line(line)
    told = json.loads(row)
    return (
        row.endswith("\n")
        and row.count("\n") == 1
        and len(row) < LARGEST_CHARS
        and told["input_id"] == line.input_id == "in-own"
        and len(told["trace_id"]) == 32
    )


@WAYS
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("road", OBJECT_ROADS)
def test_value(tmp_path: Path, way: str, road: str, value: str) -> None:
    """It makes one line, and another one may come after it."""
    with recorded(way, tmp_path) as read:
        with telemetry.input_scope("hostile", input_id="in-own"):
            OBJECT_ROADS[road](VALUES[value]())
            OBJECT_ROADS[road]("next")
        lines = read()

    inner = [line for line in lines if line.event == "inner"]
    assert len(lines) - len(inner) == 2, [line.event[:80] for line in lines]
    assert bool(inner) <= (value == LOGS_ITSELF)
    assert all(map(is_sound, lines))


@WAYS
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("road", TEXT_ROADS)
def test_text(tmp_path: Path, way: str, road: str, text: str) -> None:
    """It makes one line; what is longer than one can be comes in several."""
    with recorded(way, tmp_path) as read:
        with telemetry.input_scope("hostile", input_id="in-own"):
            TEXT_ROADS[road](TEXTS[text])
            TEXT_ROADS[road]("next")
        lines = read()

    assert all(map(is_sound, lines))
    assert lines[-1].event in {"next", "said next 3"}
    first = [line for line in lines[:-1] if not line.fields.get("continued")]
    if TEXTS[text] or "pieces" in road or road == "warnings":
        assert len(first) >= 1
    if len(TEXTS[text]) < 1_000 and "\r" not in TEXTS[text]:
        assert len(first) <= 1


@pytest.mark.parametrize("value", VALUES)
def test_value_of_a_span(tmp_path: Path, value: str) -> None:
    """As an attribute, in an event and in an exception: the record is whole."""
    made, found = VALUES[value], []
    with recorded("box", tmp_path), telemetry.input_scope("hostile", "in-own"):
        span = trace.get_current_span()
        span.set_attribute("v", made())  # type: ignore[arg-type]  # what is tested
        span.add_event("happened", {"v": made()})  # type: ignore[dict-item]  # as above
        span.record_exception(LookupError(made()))
        span.update_name(made())  # type: ignore[arg-type]  # as above
        span.set_status(trace.StatusCode.ERROR, made())  # type: ignore[arg-type]  # as above
    with BoxReader(tmp_path / "box.box") as reader:
        found = [each for each in reader.poll() if each[0] == EXECUTION]

    (record,) = found
    written = convert(record[3], Settled).written
    assert written is not None
    assert list(written.attributes) == ["v"]
    assert [event.name for event in written.events] == ["happened", "exception"]


def test_secrets_do_not_pass(tmp_path: Path) -> None:
    """A secret in a value of any road is taken out, on the short ways as well."""
    secret = "hunter2hunter2"
    said: list[tuple[str, Any]] = [
        *((road, f"password={secret} x") for road in (*OBJECT_ROADS, *TEXT_ROADS)),
        *((road, {"password": secret}) for road in OBJECT_ROADS),
    ]
    with recorded("box", tmp_path) as read:
        for road, value in said:
            {**OBJECT_ROADS, **TEXT_ROADS}[road](value)
        rows = [json_line(line) for line in read()]

    assert len(rows) == len(said)
    assert not [row for row in rows if secret in row]


@pytest.mark.parametrize("road", OBJECT_ROADS)
def test_identity_cannot_be_spoofed(tmp_path: Path, road: str) -> None:
    """What a value says of an input is nothing but a value."""
    with recorded("box", tmp_path) as read:
        with telemetry.input_scope("hostile", input_id="in-own"):
            OBJECT_ROADS[road]({"input_id": "in-other", "trace_id": "0" * 32})
        (line,) = read()

    assert is_sound(line)
