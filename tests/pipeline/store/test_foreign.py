"""What is received from plain OpenTelemetry lands in the same tables, once."""

from __future__ import annotations

import json

from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.line import Line
from telemetry.capture.span_records import FinishedSpan
from telemetry.core import names
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.points import Distribution, Exemplar, Point, Shape
from telemetry.pipeline.store.interrupted import interruptions
from telemetry.pipeline.store.metric_rows import STEP_NS
from telemetry.pipeline.store.processes import foreign_process
from telemetry.pipeline.store.queries.inputs import input_life
from telemetry.pipeline.store.queries.measures import points, series
from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.records import (
    BOX,
    SECOND,
    T0,
    Kept,
    container,
    identity,
    input_id,
    line,
)

THEIRS = foreign_process(
    "otlp-1", {names.SERVICE_NAME: "billing", names.PROCESS_PID: 4, "host.name": "h"}
)
STEP0 = T0 - T0 % STEP_NS


def point(at_ns: int, value: float | Distribution, *, delta: bool = False) -> Point:
    """A value of one series."""
    shape: Shape = "histogram" if isinstance(value, Distribution) else "counter"
    where = (("input.function", "f"),)
    return Point(
        "input.started", "{input}", shape, where, T0, at_ns, value, delta=delta
    )


def test_a_repeated_line_is_stored_once(kept: Kept) -> None:
    """Lines with a uid that is there already are dropped, within a request as well."""
    lines = [ForeignLine(Line(T0, "info", f"{n}"), f"box:1.1.{n}") for n in (1, 2, 2)]
    plain = ForeignLine(Line(T0, "info", "no uid"))
    for _ in range(2):
        with kept.store.transaction():
            number = kept.intake.processes.number(THEIRS)
            kept.intake.foreign_logs(number, [*lines, plain])

    rows = kept.rows("select event, count(*) from logs group by event order by event")
    assert rows == [("1", 1), ("2", 1), ("no uid", 2)]


def test_lines_keep_the_trace_that_they_have(kept: Kept) -> None:
    """One, none, or what is no trace at all: the line is there in each case."""
    traces = [("ab" * 16, "cd" * 8), (None, None), ("zz" * 16, "cd" * 8), ("ab", None)]
    given = [
        ForeignLine(Line(T0, "info", f"{n}", {"n": n}, trace_id=trace, span_id=span))
        for n, (trace, span) in enumerate(traces)
    ]
    with kept.store.transaction():
        kept.intake.foreign_logs(kept.intake.processes.number(THEIRS), given)

    rows = kept.rows(
        "select event, hex(trace_id), hex(span_id), fields ->> '$.n' from logs "
        "order by event"
    )
    assert rows == [
        ("0", "AB" * 16, "CD" * 8, 0),
        ("1", "", "", 1),
        ("2", "", "CD" * 8, 2),
        ("3", "", "", 3),
    ]


def test_lines_of_an_input_are_found_wherever_they_came_from(kept: Kept) -> None:
    """A received line that names an input stands beside those of its box."""
    theirs = Line(
        T0,
        "error",
        "theirs",
        {"k": 1},
        input_id=input_id(1),
        trace_id="ab" * 16,
        span_id="cd" * 8,
    )
    kept.take(container(), line("ours", identity(1)))
    with kept.store.transaction():
        number = kept.intake.processes.number(THEIRS)
        kept.intake.foreign_logs(number, [ForeignLine(theirs)])

    rows = kept.rows(
        "select l.event, hex(l.trace_id) from runs r join logs l "
        "on l.id between r.first and r.last join executions e on e.id = r.execution"
    )
    assert rows == [("ours", ""), ("theirs", "AB" * 16)]


def test_a_repeated_span_is_stored_once(kept: Kept) -> None:
    """Trace id and span id tell whether a span is there already."""
    own: dict[str, object] = {names.INPUT_ID: input_id(1)}
    first = FinishedSpan(
        b"t" * 16, b"a" * 8, b"", "", "a", 2, T0, T0 + 1, attributes=own
    )
    second = FinishedSpan(b"t" * 16, b"b" * 8, b"a" * 8, "", "b", 2, T0, T0 + 1)
    for _ in range(2):
        with kept.store.transaction():
            number = kept.intake.processes.number(THEIRS)
            kept.intake.foreign_spans(number, [first, second])

    rows = kept.rows(
        "select s.name, i.input_id, p.service from spans s join processes p "
        "on p.id = s.process left join executions e on e.id = s.execution "
        "left join inputs i on i.id = e.input"
    )
    assert rows == [("a", input_id(1), "billing"), ("b", None, "billing")]


def test_of_each_step_the_last_value_is_kept(kept: Kept, reader: Reader) -> None:
    """Values that count since the start: the newest says all."""
    for at_ns, value in ((STEP0 + 1, 1.0), (STEP0 + 2, 2.0), (STEP0 + STEP_NS, 5.0)):
        with kept.store.transaction():
            number = kept.intake.processes.number(THEIRS)
            kept.intake.points(number, [point(at_ns, value)])

    (found,) = series(reader, name="input.started", function="f")
    assert (found.service, found.attributes) == ("billing", {"input.function": "f"})
    values = [(each.step_ns, each.value) for each in points(reader, found.number)]
    assert values == [(STEP0, 2.0), (STEP0 + STEP_NS, 5.0)]


def test_deltas_of_a_step_add_up(kept: Kept, reader: Reader) -> None:
    """Values that count since the one before: their sum, after a restart as well."""
    one = Distribution((1.0,), (1, 2), 4.0, 0.5, 2.0)
    two = Distribution((1.0,), (3, 0), 1.0, 0.1, 0.9)
    for at, value in enumerate((one, two, two)):
        with kept.store.transaction():
            number = kept.intake.processes.number(THEIRS)
            kept.intake.points(number, [point(STEP0 + at, value, delta=True)])
        if at:
            kept.store.forget()

    (found,) = series(reader)
    (kept_point,) = points(reader, found.number)
    assert (kept_point.value, kept_point.counts) == (6.0, [7, 2])
    assert (kept_point.min, kept_point.max) == (0.1, 2.0)


def test_exemplars_lead_to_a_trace(kept: Kept, reader: Reader) -> None:
    """A point keeps the newest measurements that stand for it."""
    exemplar = Exemplar(T0, 0.25, b"t" * 16, b"s" * 8, (("input_id", "in-1"),))
    given = Point("m", "s", "gauge", (), 0, T0, 1.0, exemplars=(exemplar,))
    with kept.store.transaction():
        kept.intake.points(kept.intake.processes.number(THEIRS), [given])

    (found,) = points(reader, series(reader)[0].number)
    assert found.exemplars[0]["trace_id"] == (b"t" * 16).hex()
    assert found.exemplars[0]["attributes"] == {"input_id": "in-1"}


def test_an_interrupted_input_says_so(kept: Kept, reader: Reader) -> None:
    """The inputs that ran when their process died get a line, and an end; once."""
    died_ns = T0 + 5 * SECOND
    slots = [
        SlotState(0, input_id(1), "f", 0, T0 + SECOND, 1, False),
        SlotState(3, input_id(2), "f", 2, T0 + 2 * SECOND, 1, True),
    ]
    for _ in range(2):
        with kept.store.transaction():
            number = kept.intake.processes.number(container())
            said = interruptions(BOX, slots, died_ns, BOX)
            kept.intake.interrupted(number, said, died_ns)

    rows = kept.rows("select event, input_id, attempt, slot, fields from v_lines")
    assert [(*row[:4], json.loads(row[4])) for row in rows] == [
        ("input.interrupted", input_id(1), 0, 0, {"input.elapsed_s": 4.0}),
        ("input.interrupted", input_id(2), 2, 3, {"input.elapsed_s": 3.0}),
    ]
    life = input_life(reader, input_id(2))
    assert life is not None
    assert (life.executions[0].ended_ns, life.executions[0].ending) == (died_ns, "lost")
    assert life.input.outcome is None  # its dispatcher will have it run again


def test_an_input_of_a_program_that_died_is_lost(kept: Kept, reader: Reader) -> None:
    """Without a dispatcher nobody has it run again."""
    slots = [SlotState(0, input_id(1), "f", 0, T0, 1, False)]
    with kept.store.transaction():
        number = kept.intake.processes.number(THEIRS)
        said = interruptions("ps-1", slots, T0 + 1)
        kept.intake.interrupted(number, said, T0 + 1)

    life = input_life(reader, input_id(1))
    assert life is not None
    assert (life.input.outcome, life.input.ended_ns) == ("lost", T0 + 1)
