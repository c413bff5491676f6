"""Log lines arrive at a Collector as they were said, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

import telemetry
from telemetry.capture import recording, sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.decoding import RecordDecoder
from telemetry.capture.blackbox.reader import BoxReader, Found
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.exceptions import exception_text
from telemetry.capture.line import LEVELS, RESERVED
from telemetry.core import names
from telemetry.pipeline.otlp.box_encoder import BoxEncoder
from telemetry.pipeline.otlp.line_attributes import TAKEN
from telemetry.pipeline.otlp.log_record import encoded_line
from telemetry.pipeline.otlp.logs import LogEncoder
from tests.pipeline.otlp.plain_values import comparable, read_all

IDENTITY = {
    "box": "ct-1",
    "service_name": "demo",
    "container_id": "ct-1",
    "function": "embed",
    "pid": 7,
    "host": "h",
    "resource_attributes": {"team": ["a", "b"], "host.name": "told"},
}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WHO = ["in-1", "fc-1", "embed", 0, "ct-1", 3, None, False, TRACE, SPAN]
NS = 1_700_000_000_000_000_000
DECODER = RecordDecoder()


def found(*records: Any) -> list[Found]:
    """Records as they come out of a box: encoded and decoded."""
    decoded = [DECODER.decode(msgspec.msgpack.encode(record)) for record in records]
    return [
        Found(NS, each[0], 2, 1, 32 * at, each[1])
        for at, each in enumerate(decoded, 1)
        if each is not None
    ]


def line(  # one argument for each part of a line
    event: Any = "said",
    keys: dict[str, Any] | None = None,
    *,
    who: Any = WHO,
    more: dict[str, Any] | None = None,
    level: int = 20,
    logger: Any = ("app", {}),
) -> list[Any]:
    """A record of a line."""
    record = [level, logger, who, "MainThread", [NS, event, [], keys or {}]]
    return record if more is None else [*record, more]


def request(records: Sequence[Found], box_name: str = "ct-1") -> Any:
    """What `BoxEncoder` makes of them, read back."""
    encoder = BoxEncoder(IDENTITY)
    body, count = encoder.logs(records, box_name)
    read = ExportLogsServiceRequest.FromString(body)
    assert count == len(all_in(read))
    assert encoder.damaged == 0
    return read


def all_in(read: Any) -> list[LogRecord]:
    """The records of a request."""
    return [
        record
        for resource in read.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def only(*records: Any) -> LogRecord:
    """The one record that these make."""
    (one,) = all_in(request(found(*records)))
    return one


def attributes(record: LogRecord) -> dict[str, Any]:
    """As plain values, with their types gone."""
    return {name: _plain(value) for name, value in read_all(record.attributes).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value[1]


def test_a_usual_line() -> None:
    """Time, severity, body, trace context, whose it is, and what the caller said."""
    record = only(line("step", {"size": 3, "ok": True, "secs": 0.5, "none": None}))

    assert record.time_unix_nano == record.observed_time_unix_nano == NS
    assert (record.severity_number, record.severity_text) == (9, "INFO")
    assert record.body.string_value == "step"
    assert (record.trace_id.hex(), record.span_id.hex()) == (TRACE, SPAN)
    assert record.event_name == ""
    assert attributes(record) == {
        "input.id": "in-1",
        "input.call.id": "fc-1",
        "input.function": "embed",
        "input.attempt": 0,
        "input.container.id": "ct-1",
        "input.slot": 3,
        "thread.name": "MainThread",
        "log.record.uid": "ct-1:2.1.20",
        "size": 3,
        "ok": True,
        "secs": 0.5,
        "none": None,
    }


def test_resource_and_scopes() -> None:
    """Who says it, once; and the lines of each logger together, in their order."""
    read = request(
        found(
            line("1"), line("2", logger=("db", {})), line("3"), line(logger=(None, {}))
        )
    )
    (resource,) = read.resource_logs

    assert {
        scope.scope.name: [each.body.string_value for each in scope.log_records]
        for scope in resource.scope_logs
    } == {"app": ["1", "3"], "db": ["2"], "": ["said"]}
    assert {
        name: _plain(value)
        for name, value in read_all(resource.resource.attributes).items()
        if name != "telemetry.sdk.version"
    } == {
        "service.name": "demo",
        "service.instance.id": "ct-1",
        "faas.name": "embed",
        "faas.instance": "ct-1",
        "process.pid": 7,
        "host.name": "told",  # by the user, who knows better
        "team": ["a", "b"],
        "telemetry.sdk.name": "input-telemetry",
        "telemetry.sdk.language": "python",
    }


@pytest.mark.parametrize(
    ("level", "number", "text"),
    [
        ("debug", 5, "DEBUG"),
        ("info", 9, "INFO"),
        ("warning", 13, "WARN"),
        ("error", 17, "ERROR"),
        ("critical", 21, "FATAL"),
    ],
)
def test_severity(level: str, number: int, text: str) -> None:
    """As OpenTelemetry maps the levels of Python."""
    record = only(line(level=LEVELS[level]))

    assert (record.severity_number, record.severity_text) == (number, text)


def test_what_few_lines_have() -> None:
    """A stream, candidates, a batch, lateness, the user's own span, positional args."""
    late = ["in-1", None, None, 2, None, None, ["in-1", "in-2"], True, TRACE, SPAN]
    span = {"trace_id": "f" * 32, "span_id": "e" * 16, "stream": "stderr"}
    inside = only(line(who=late, more=span))
    unknown = only(line(who=None, more={"candidates": ["in-3", "in-4"]}))
    formatted = [20, ["app", {}], None, "", [NS, "%d of %s", [3, "x"], {}]]

    assert attributes(inside)["input.batch.ids"] == ["in-1", "in-2"]
    assert attributes(inside)["input.late"] is True
    assert attributes(inside)["log.iostream"] == "stderr"
    assert (inside.trace_id.hex(), inside.span_id.hex()) == ("f" * 32, "e" * 16)
    assert attributes(unknown)["input.candidates"] == ["in-3", "in-4"]
    assert "input.id" not in attributes(unknown)
    assert unknown.trace_id == b""
    assert only(formatted).body.string_value == "3 of x"


def test_our_events_have_names() -> None:
    """``input.start`` and its like are events of OpenTelemetry, and lines as well."""
    record = only(line(names.EVENT_INPUT_START))

    assert record.event_name == record.body.string_value == "input.start"


def test_exception() -> None:
    """Its type, its message and its traceback, as the conventions have it."""
    try:
        raise KeyError("k")
    except KeyError:
        text = exception_text(True)
    record = only(line("failed", level=40, more={"exception": text}))

    assert attributes(record)["exception.type"] == "KeyError"
    assert attributes(record)["exception.message"] == "'k'"
    assert attributes(record)["exception.stacktrace"] == text
    assert record.body.string_value == "failed"


def test_nobody_can_forge_an_id() -> None:
    """A caller's key of a name of ours is kept under another one."""
    forged = {"input_id": "in-9", "input.id": "in-9", "log.record.uid": "x", "slot": 9}
    found_ = attributes(only(line(keys={**forged, "input.id_": 1})))

    assert found_["input.id"] == "in-1"
    assert found_["input.slot"] == 3
    assert found_["log.record.uid"] == "ct-1:2.1.20"
    assert found_["input_id_"] == "in-9"
    assert found_["input.id__"] == "in-9"
    assert found_["input.id_"] == 1
    assert found_["slot_"] == 9


@pytest.mark.parametrize("name", sorted(TAKEN | RESERVED))
def test_each_name_of_ours_is_ours(name: str) -> None:
    """No key is there twice, whichever the caller takes; and his value is kept."""
    found_ = attributes(only(line(keys={name: "mine"})))

    assert found_[f"{name}_"] == "mine"
    assert found_.get(name) != "mine"


def test_ids_survive_a_thousand_attributes() -> None:
    """And so does what does not fit beside them: it is in the body."""
    keys = {f"key-{n}": n for n in range(1_000)}
    record = only(line(keys=keys))
    found_ = attributes(record)
    event, rest = record.body.string_value.split("\n")

    assert found_["input.id"] == "in-1"
    assert len(found_) <= 80
    assert event == "said"
    kept = {name: value for name, value in found_.items() if name in keys}
    assert {**kept, **msgspec.json.decode(rest)} == keys


@pytest.mark.parametrize(
    ("keys", "more", "who"),
    [
        ({"text": "ä" * 60_000}, {}, WHO),
        ({f"k{n}": "x" * 60_000 for n in range(10)}, {}, WHO),
        ({"deep": {f"k{n}": {"a": 1, "b": 2} for n in range(200)}}, {}, WHO),
        ({}, {"exception": "Traceback\n" + "  line\n" * 9_000 + "E: end"}, WHO),
        ({}, {"candidates": [f"in-{n:026}" for n in range(3_000)]}, None),
        ({}, {}, [*WHO[:6], [f"in-{n:026}" for n in range(3_000)], *WHO[7:]]),
        ({}, {"exception": "ValueError: " + "x" * 60_000}, WHO),
    ],
    ids=["text", "texts", "deep", "stack", "candidates", "batch", "message"],
)
def test_a_store_takes_what_is_large(
    keys: dict[str, Any], more: dict[str, Any], who: Any
) -> None:
    """Loki refuses a line with 64 KiB of attributes, with 128, or of 256 KiB."""
    record = only(line(keys=keys, more=more, who=who))
    sizes = [attribute.ByteSize() for attribute in record.attributes]

    assert sum(sizes) < 56 * 1024
    assert sum(_leaves(value) for value in attributes(record).values()) <= 80
    assert len(record.body.string_value.encode()) < 256 * 1024
    assert attributes(record)["log.record.uid"] == "ct-1:2.1.20"


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1


def test_long_traceback_is_all_there() -> None:
    """Both ends as an attribute, for who filters by it; all of it in the body."""
    text = "Traceback (most recent call last):\n" + "  x\n" * 4_000 + "ValueError: end"
    record = only(line("failed", more={"exception": text}))
    found_ = attributes(record)

    assert record.body.string_value == f"failed\n{text}"
    assert found_["exception.type"] == "ValueError"
    assert found_["exception.stacktrace"].startswith("Traceback")
    assert found_["exception.stacktrace"].endswith("ValueError: end")
    assert len(found_["exception.stacktrace"]) < 9_000


DAMAGED = [
    [20, ["app", {}], WHO, "t", [NS]],
    [20, None, None, None, None],
    [20],
    [20, ["app", {}], WHO, "t", [NS, "x", [], "no mapping"]],
    [20, ["app", {}], [["list"]], "t", ["no time", "x", [], {}]],
    [[20]],
    ["x"],
]


@pytest.mark.parametrize("record", DAMAGED, ids=str)
def test_damaged_record_holds_up_nothing(record: list[Any]) -> None:
    """It is left out; the lines beside it arrive."""
    encoder = BoxEncoder(IDENTITY)
    body, count = encoder.logs(found(line("1"), record, line("2")), "ct-1")
    read = all_in(ExportLogsServiceRequest.FromString(body))

    assert [each.body.string_value for each in read] == ["1", "2"]
    assert count == 2


def test_other_records_are_passed_over() -> None:
    """Spans and executions are no lines; without a line there is no request."""
    records = found([2, None, NS, ["in-1"]], [1, None, NS, []], [4, None, NS, "x", []])

    assert BoxEncoder(IDENTITY).logs(records, "ct-1") == (b"", 0)
    assert BoxEncoder(IDENTITY).damaged == 0


@pytest.mark.parametrize("trace", ["", "0" * 32, "zz", TRACE[:-2], None, "ä" * 32])
def test_ids_that_are_none_are_left_out(trace: str | None) -> None:
    """A Collector refuses a whole request for one id of the wrong length."""
    record = only(line(who=[*WHO[:8], trace, SPAN]))

    assert record.trace_id == b""
    assert record.body.string_value == "said"


TEXTS = st.text(max_size=20) | st.sampled_from([*RESERVED, *TAKEN, "a", "b", "c"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["x" * 70, "ä" * 2_000, "", "a"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=5,
)
FEW_KEYS = st.dictionaries(st.sampled_from("abcdef"), SCALARS, max_size=3)
KEYS = st.dictionaries(TEXTS, VALUES, max_size=6)
IDS = st.sampled_from(["in-1", "in-2"])
WHOSE = st.none() | st.tuples(
    IDS,
    st.none() | st.just("fc-1"),
    st.none() | st.sampled_from(["embed", "f" * 2_000]),
    st.integers(0, 1),
    st.none() | st.just("ct-1"),
    st.none() | st.integers(0, 3),
    st.none() | st.lists(IDS, max_size=3),
    st.booleans(),
    st.sampled_from([TRACE, "f" * 32, "", None]),
    st.sampled_from([SPAN, "e" * 16, "", None]),
).map(list)
STREAMS = st.none() | st.fixed_dictionaries(
    {"stream": st.sampled_from(["stdout", "stderr"])},
    optional={"shown": st.just(True)},
)
MORE = st.fixed_dictionaries(
    {"stream": st.sampled_from(["stdout", "stderr"])},
    optional={
        "exception": st.sampled_from(
            ["ValueError: x", "Traceback\n" + "  x\n" * 3_000]
        ),
        "candidates": st.lists(IDS, max_size=3),
    },
)


def _record(*parts: Any) -> list[Any]:
    level, name, bound, who, thread, ns, event, keys, more = parts
    record = [level, [name, bound], who, thread, [ns, event, [], keys]]
    return record if more is None else [*record, more]


USUAL = st.builds(
    _record,
    st.sampled_from([*LEVELS.values()]),
    st.none() | st.sampled_from(["app", "db"]),
    st.just({}) | FEW_KEYS,
    WHOSE,
    st.sampled_from(["MainThread", "worker", ""]),
    st.integers(NS, NS + 9),
    st.sampled_from(["said", "", *names.EVENTS]),
    FEW_KEYS,
    STREAMS,
)
ANY = st.builds(
    _record,
    st.sampled_from([*LEVELS.values()]),
    st.sampled_from(["app", "x" * 300]),
    KEYS,
    WHOSE,
    st.sampled_from(["MainThread", "t" * 300]),
    st.sampled_from([0, 2**63]),
    st.text(max_size=20) | st.just("x" * 9_000),
    KEYS,
    MORE,
)
RECORDS = USUAL | USUAL | USUAL | ANY


@settings(max_examples=50)
@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_short_way_is_the_thorough_one(records: list[Any]) -> None:
    """Message by message the same, whatever was remembered from the lines before."""
    box = BoxEncoder(IDENTITY)
    given_ = found(*records)
    body, count = box.logs(given_, "ct-1")
    read = {
        _uid(record): record
        for record in all_in(ExportLogsServiceRequest.FromString(body))
    }

    assert (count, box.damaged) == (len(records), 0)
    for each in given_:
        uid = f"ct-1:{each.block:x}.{each.generation:x}.{each.offset:x}"
        thorough = encoded_line(line_of(each.record), uid)
        assert _comparable(read[uid]) == _comparable(LogRecord.FromString(thorough))


@pytest.mark.parametrize(
    "record",
    [
        line(keys={"a": 1, "b": "x", "c": 0.5, "d": None, "e": False}),
        line(logger=("app", {"bound": 1})),
        line(who=None, more={"stream": "stdout", "shown": True}),
        line(more={"trace_id": TRACE, "span_id": SPAN}),
    ],
    ids=["keys", "bound", "printed", "in a span"],
)
def test_usual_lines_take_the_short_way(record: list[Any]) -> None:
    """So that the comparison above compares two ways, and lines are cheap."""
    (one,) = found(record)

    assert LogEncoder(b"")._short(one, "uid")[0] == record[1][0]


def _uid(record: LogRecord) -> Any:
    return attributes(record)["log.record.uid"]


def _comparable(record: LogRecord) -> Any:
    pairs = read_all(record.attributes)
    rest = LogRecord.FromString(record.SerializeToString())
    del rest.attributes[:]
    return list(pairs.items()), rest


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Path]:
    """The box of this process."""
    console = sink.set_console(None)
    opened = current.open_box(BoxPlan(tmp_path, "ps-1", 1 << 20))
    yield opened.path
    current.close_box()
    sink.set_console(console)


def test_what_was_logged_arrives(box: Path) -> None:
    """From the call to the Collector: logger, print, exception, span, secrets."""
    log = telemetry.get_logger("app", bound="b")
    with telemetry.input_scope(function="embed", input_id="in-7"):
        for number in range(3):
            log.info("step", n=number)
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("failed", token="abc")
        recording.record("info", "printed", stream="stdout")
    log.warning("outside", nested={"a": [1, None]})
    with BoxReader(box) as reader:
        records = reader.poll_found()
        body, count = BoxEncoder(reader.identity()).logs(records, box.stem)
    read = ExportLogsServiceRequest.FromString(body)
    by_text = {each.body.string_value: attributes(each) for each in all_in(read)}

    assert count == sum(each.record[0] in LINE_KINDS for each in records) == 6
    assert by_text["step"]["n"] == 2
    assert by_text["step"]["bound"] == "b"
    assert by_text["failed"]["exception.type"] == "ValueError"
    assert by_text["failed"]["input.function"] == "embed"
    assert "abc" not in str(read)
    assert by_text["printed"]["log.iostream"] == "stdout"
    assert by_text["printed"]["input.id"] == "in-7"
    assert by_text["outside"]["nested"] == {"a": [1, None]}
    assert "input.id" not in by_text["outside"]
    assert len({each["log.record.uid"] for each in by_text.values()}) == len(by_text)


def test_comparable_is_strict() -> None:
    """The comparison of these tests tells 1 from True."""
    assert comparable(1) != comparable(True)
