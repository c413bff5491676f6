"""Whatever a box holds, the intake goes on, and the store stays sound."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import EXECUTION, RUNTIME, SPAN, encode
from telemetry.capture.line import Line
from telemetry.capture.span_records import FinishedSpan
from telemetry.pipeline.foreign import ForeignLine
from telemetry.pipeline.points import Distribution, Exemplar, Point
from telemetry.pipeline.store.queries.lines import LineFilter, lines
from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.records import (
    APP,
    T0,
    Kept,
    again,
    container,
    ended,
    found,
    held,
    identity,
    line,
    settled,
    started,
)

# What msgpack can hold, and more than a column can.
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64 - 1, T0]),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.sampled_from(["info", "a\x00b", "InputStarted", "PoolMeasured"]),
)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers(0, 9)), inner),
    ),
    max_leaves=12,
)
_SOUND: list[Found] = [
    line("sound", identity(1), fields={"a": 1}),
    line(
        "more", identity(1, batch=["in-1", "in-2"]), exception="E: x", stream="stdout"
    ),
    settled(1, "error", own={"k": 1}, error_type="E", error_text="E: x"),
    started(1),
    ended(1),
    again(1, 1.0, "retry"),
    held(identity(1), 2.0, 1.0),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a nested value something else could stand."""
    all_places = [path]
    if isinstance(value, list):
        for at, inner in enumerate(value):
            all_places += places(inner, (*path, at))
    if isinstance(value, dict):
        for key, inner in value.items():
            all_places += places(inner, (*path, key))
    return all_places


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """*value* with *other* at *path*."""
    if not path:
        return other
    copied = value.copy()
    copied[path[0]] = put(value[path[0]], path[1:], other)
    return copied


def listed(one: Found) -> Any:
    """A record of lists and mappings alone."""
    return msgspec.msgpack.decode(encode(one.record))


_DAMAGED = st.sampled_from([listed(each) for each in _SOUND]).flatmap(
    lambda record: st.tuples(
        st.just(record), st.sampled_from(places(record)), _ANYTHING
    )
)
_RECORD = st.one_of(
    st.lists(_ANYTHING, max_size=8),
    st.tuples(st.sampled_from([SPAN, EXECUTION, RUNTIME, 20]), _ANYTHING).map(list),
    _DAMAGED.map(lambda drawn: put(*drawn)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_RECORD, min_size=1, max_size=20))
def test_damaged_records_stop_nothing(kept: Kept, damaged: list[Any]) -> None:
    """Wrong types at any place: left out, or kept as far as they go; the rest is in."""
    before = kept.rows("select count(*) from logs where event = 'sound'")[0][0]
    records = [found(each) for each in damaged if isinstance(each, list) and each]

    kept.take(container(), _SOUND[0], *records, _SOUND[0])

    after = kept.rows("select count(*) from logs where event = 'sound'")[0][0]
    assert after >= before + 2


def test_what_was_kept_of_garbage_can_be_asked_for(kept: Kept, reader: Reader) -> None:
    """A line whose keys are ours, or no texts, is read like any other."""
    odd = line("odd", identity(1), fields={"event": 1, "input_id": "x", "n": 2**64 - 1})
    kept.take(container(), odd)

    kept_line = lines(reader, LineFilter()).lines[0].line
    assert kept_line.fields == {"event_": 1, "input_id_": "x", "n": 2**64 - 1}


@pytest.mark.parametrize(
    "record",
    [
        [20, ["x", {}], None, "t", [-1, "e", [], {}]],
        [20, ["x", {}], None, "t", [2**63, "e", [], {}]],
        [20, ["x", {}], None, 7, [T0, "e", [], {}]],
        [20, ["x", {}], ["in-1"], "t", [T0, None, [], [1]]],
        [
            20,
            ["x", {}],
            ["in-1", None, None, []],
            "t",
            [T0, "e", [], {}],
            {"late": True},
        ],
        [2, None, T0, "no execution"],
        [4, None, T0, "InputStarted", []],
        [3, None, T0, float("inf"), "stack"],
        put(listed(started(1)), (4, 7), 2**63),
    ],
)
def test_what_is_no_record_is_counted(kept: Kept, record: list[Any]) -> None:
    """What cannot be read at all is left out, and known to have been there."""
    kept.take(APP, found(record))

    assert kept.intake.skipped["unreadable"] == 1
    assert kept.rows("select count(*) from logs") == [(0,)]


def test_what_strangers_send_is_looked_at(kept: Kept) -> None:
    """Lines, spans and points with impossible numbers are left out, and counted."""
    bad_lines = [
        ForeignLine(Line(2**63, "info", "from the future")),
        ForeignLine(Line(T0, "info", "half a \ud83d character")),
        ForeignLine(Line(T0, "info", "x", exception="\ud83d")),
        ForeignLine(Line(T0, "info", "x", logger="\ud83d")),
        ForeignLine(Line(T0, "loud", "x")),
    ]
    bad_span = FinishedSpan(b"", b"", b"", "", "x", 1, T0, T0)
    bad_point = Point("m", "s", "gauge", (), 0, -5, 1.0)
    good = Point(
        "m", "s", "gauge", (), 0, T0, float("nan"), exemplars=(Exemplar(T0, 1.0),)
    )
    wide = Point("h", "s", "histogram", (), 0, T0, Distribution((1.0,), (0, 1), 2.0))
    with kept.store.transaction():
        number = kept.intake.processes.number(APP)
        kept.intake.foreign_logs(number, bad_lines)
        kept.intake.foreign_spans(number, [bad_span])
        kept.intake.points(number, [bad_point, good, wide])

    assert kept.intake.skipped["unreadable"] == 7
    assert kept.count(["logs", "spans", "points"]) == {
        "logs": 0,
        "spans": 0,
        "points": 2,
    }
