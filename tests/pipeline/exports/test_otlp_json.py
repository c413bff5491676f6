"""What is exported as OTLP/JSON says what the store has, and can be read back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.line import Line
from telemetry.capture.span_records import FinishedSpan, SpanEvent, SpanLink
from telemetry.core.errors import InvalidError
from telemetry.pipeline.exports import otlp_json
from telemetry.pipeline.exports.selection import ALL, Progress, Selection
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.points import Distribution, Exemplar, Point
from telemetry.pipeline.receiver.decoding import (
    decode_logs,
    decode_metrics,
    decode_spans,
)
from telemetry.pipeline.receiver.otlp_json import to_protobuf
from telemetry.pipeline.store.failures import StoreError
from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.processes import ProcessSeen, foreign_process
from tests.pipeline.store.records import Kept

SECOND_NS = 1_000_000_000
NOW_NS = 1_790_000_000 * SECOND_NS
TRACE, SPAN, OTHER = b"t" * 16, b"s" * 8, b"o" * 8
RESOURCE = {"service.name": "shop", "process.pid": 7}

LINE = Line(
    NOW_NS,
    "warning",
    "cart is full",
    {"size": 3, "ratio": 0.5, "tags": ["a", None, {"b": True}], "large": 2**60},
    "shop.cart",
    "in-1",
    function="fill",
    attempt=1,
    thread="MainThread",
    exception="Traceback (most recent call last):\nValueError: no",
    stream="stderr",
    trace_id=TRACE.hex(),
    span_id=SPAN.hex(),
)
FIRST = FinishedSpan(
    TRACE,
    SPAN,
    OTHER,
    "a=b",
    "fill",
    2,
    NOW_NS,
    NOW_NS + SECOND_NS,
    {"input.id": "in-1", "input.function": "fill"},
    {"http.route": "/cart"},
    (SpanEvent("thought", NOW_NS + 1, {"deep": True}),),
    (SpanLink(b"l" * 16, OTHER, "c=d", {"why": "before"}),),
    2,
    "no",
    1,
    2,
    3,
    "shop.tracer",
    "1.0",
)
SECOND = FinishedSpan(
    TRACE, OTHER, b"", "", "later", 1, NOW_NS + 9 * SECOND_NS, NOW_NS + 9 * SECOND_NS
)
HISTOGRAM = Distribution((0.1, 1.0), (0, 1, 2), 7.5, 0.5, 5.0)
POINTS = [
    Point(
        "cart.orders", "{order}", "counter", (("shop", "n"),), NOW_NS, NOW_NS, 3.0, "d"
    ),
    Point("cart.open", "", "up-down counter", (), NOW_NS, NOW_NS, 2.0),
    Point("cart.age", "s", "gauge", (), 0, NOW_NS, 1.5),
    Point(
        "answer.time",
        "s",
        "histogram",
        (("input.function", "fill"),),
        NOW_NS,
        NOW_NS,
        HISTOGRAM,
        exemplars=(Exemplar(NOW_NS, 0.5, TRACE, SPAN, (("input_id", "in-1"),)),),
        delta=True,
    ),
]


def everything_in(kept: Kept) -> Path:
    """Two processes, lines, spans, points."""
    with kept.store.transaction():
        some_of_everything(kept.intake)
    return kept.path


def some_of_everything(intake: Intake) -> None:
    """See above."""
    shop = intake.processes.number(foreign_process("sender", RESOURCE))
    ours = intake.processes.number(
        ProcessSeen(
            "ct-1",
            "container",
            "shop",
            9,
            resource={"service_name": "shop", "container_id": "ct-1", "pid": 9},
        )
    )
    late = Line(NOW_NS + 9 * SECOND_NS, "info", "later", {"v": float("nan")})
    intake.foreign_logs(shop, [ForeignLine(LINE, "uid-1"), ForeignLine(late)])
    intake.foreign_logs(ours, [ForeignLine(Line(NOW_NS, "debug", "from a box"))])
    intake.foreign_spans(shop, [FIRST, SECOND])
    intake.points(shop, POINTS)


def exported(path: Path, selection: Selection = ALL, **more: Any) -> list[bytes]:
    """The lines of the file."""
    out = io.BytesIO()
    otlp_json.write(path, out, selection, **more)
    return out.getvalue().splitlines()


def of_signal(lines: list[bytes], signal: Signal) -> list[bytes]:
    """Those of a signal, as protobuf."""
    begin = f'{{"resource{signal.capitalize()}"'.encode()
    return [to_protobuf(signal, each) for each in lines if each.startswith(begin)]


def test_lines_come_back(kept: Kept) -> None:
    """Each says what it said, with its resource, its logger and its ids."""
    bodies = of_signal(exported(everything_in(kept)), "logs")
    groups = [group for body in bodies for group in decode_logs(body).groups]
    found = {
        each.line.event: (resource, each)
        for resource, lines in groups
        for each in lines
    }
    resource, first = found["cart is full"]

    assert resource == RESOURCE
    assert first.uid == "uid-1"
    assert first.line.fields.pop("exception.type") == "ValueError"
    assert first.line.fields.pop("exception.message") == "no"
    assert first.line == LINE
    assert found["from a box"][0]["service.instance.id"] == "ct-1"
    assert found["from a box"][0]["telemetry.sdk.name"] == "input-telemetry"
    assert found["later"][1].line.logger is None


def test_spans_come_back(kept: Kept) -> None:
    """Whole: links, events, status, scope, what was dropped."""
    bodies = of_signal(exported(everything_in(kept)), "spans")
    spans = [
        span
        for body in bodies
        for _, spans in decode_spans(body).groups
        for span in spans
    ]

    assert spans[0] == FIRST
    assert [span.name for span in spans] == ["fill", "later"]


def test_points_come_back(kept: Kept) -> None:
    """Each shape of them, with exemplars."""
    bodies = of_signal(exported(everything_in(kept)), "metrics")
    points = [
        point
        for body in bodies
        for _, points in decode_metrics(body).groups
        for point in points
    ]

    assert sorted(points, key=lambda p: p.name) == sorted(POINTS, key=lambda p: p.name)


@pytest.mark.parametrize(
    ("selection", "events", "spans", "metrics"),
    [
        (Selection(since_ns=NOW_NS + 5 * SECOND_NS), {"later"}, {"later"}, set()),
        (
            Selection(until_ns=NOW_NS + 5 * SECOND_NS),
            {"cart is full", "from a box"},
            {"fill"},
            {p.name for p in POINTS},
        ),
        (Selection(function="fill"), {"cart is full"}, {"fill"}, {"answer.time"}),
        (Selection(input_id="in-1"), {"cart is full"}, {"fill"}, set()),
        (Selection(container_id="ct-9"), set(), set(), set()),
    ],
)
def test_selection(
    kept: Kept,
    selection: Selection,
    events: set[str],
    spans: set[str],
    metrics: set[str],
) -> None:
    """What is not wanted is left out, of all signals."""
    lines = exported(everything_in(kept), selection)

    assert events == {
        each.line.event
        for body in of_signal(lines, "logs")
        for _, many in decode_logs(body).groups
        for each in many
    }
    assert spans == {
        each.name
        for body in of_signal(lines, "spans")
        for _, many in decode_spans(body).groups
        for each in many
    }
    assert metrics == {
        each.name
        for body in of_signal(lines, "metrics")
        for _, many in decode_metrics(body).groups
        for each in many
    }


def test_more_than_one_page_and_progress(kept: Kept) -> None:
    """Everything is written once; how far it is rises to the end."""
    many = [ForeignLine(Line(NOW_NS + n, "info", f"line {n}")) for n in range(2_500)]
    with kept.store.transaction():
        sender = kept.intake.processes.number(foreign_process("sender", RESOURCE))
        kept.intake.foreign_logs(sender, many)
    told: list[Progress] = []
    lines = exported(kept.path, on_progress=told.append, signals=["logs"])
    events = [
        each.line.event
        for body in of_signal(lines, "logs")
        for _, many in decode_logs(body).groups
        for each in many
    ]

    assert events == [f"line {n}" for n in range(2_500)]
    assert [(p.what, p.done, p.total, p.written) for p in told] == [
        ("lines", 1_000, 2_500, 1_000),
        ("lines", 2_000, 2_500, 2_000),
        ("lines", 2_500, 2_500, 2_500),
    ]
    assert len(lines) == 3


def test_an_empty_store(kept: Kept) -> None:
    """It is an empty file, and no error."""
    assert exported(kept.path) == []


def test_no_store(tmp_path: Path) -> None:
    """It is said that there is none."""
    with pytest.raises(StoreError, match=r"no store|there is none|store\.sqlite"):
        exported(tmp_path / "store.sqlite")


def test_a_time_without_length() -> None:
    """It is refused before anything is written."""
    with pytest.raises(InvalidError, match="must have a length"):
        Selection(since_ns=5, until_ns=5)
