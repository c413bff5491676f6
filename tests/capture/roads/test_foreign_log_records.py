"""The road ``opentelemetry``: log records that the program makes with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import _logs as logs
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)

from telemetry.capture.roads.foreign_spans import ROAD
from telemetry.core.trace_context import execution_span
from tests.capture.otel_state import ID, fresh_otel, in_scope

OTHER = "in-01KAZ0M6ZJX8V1Q2W3E4R5T6Y8"


@pytest.fixture(autouse=True)
def otel_is_fresh() -> Iterator[None]:
    """OpenTelemetry is loaded, and no provider is set."""
    with fresh_otel():
        yield


def log_something(attributes: dict[str, str] | None = None) -> None:
    """What somebody's OpenTelemetry logging does."""
    logs.get_logger("lib").emit(body="said", attributes=attributes)


def log_exporter(**options: LogRecordLimits) -> InMemoryLogRecordExporter:
    """What the program's own logger provider exports, at once."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    provider = LoggerProvider(shutdown_on_exit=False, **options)  # type: ignore[arg-type]  # passed on
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logs.set_logger_provider(provider)
    return exporter


def test_log_records_of_the_program_carry_the_input() -> None:
    """Also when its exporter exports at once, and was there before us."""
    exporter = log_exporter()
    ROAD.install()
    in_scope(lambda: log_something({"input.slot": "mine", "k": "v"}))
    log_something()

    inside, outside = (each.log_record for each in exporter.get_finished_logs())
    assert inside.attributes is not None
    assert inside.attributes["input.id"] == ID
    assert inside.attributes["k"] == "v"
    assert inside.attributes["input.slot"] == "mine"
    assert inside.span_id == execution_span(ID, 0, None).span_id
    assert not outside.attributes


def test_log_records_are_stamped_before_others_see_them() -> None:
    """A processor that copies a record as it comes, copies the id."""
    seen: list[dict[str, object]] = []

    class Copying(SimpleLogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            seen.append(dict(log_record.log_record.attributes or {}))

    provider = LoggerProvider(shutdown_on_exit=False)
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    provider.add_log_record_processor(Copying(exporter))
    logs.set_logger_provider(provider)
    ROAD.install()
    in_scope(log_something)

    assert [each["input.id"] for each in seen] == [ID]


def test_a_logger_provider_that_is_set_later_is_noticed() -> None:
    """The next input's records carry its id."""
    ROAD.install()
    in_scope(lambda: None)
    exporter = log_exporter()
    in_scope(log_something)

    (record,) = exporter.get_finished_logs()
    assert record.log_record.attributes is not None
    assert record.log_record.attributes["input.id"] == ID


def test_a_full_log_record_loses_nothing_of_its_own() -> None:
    """With room for two attributes, the ids take what is left and no more."""
    exporter = log_exporter(log_record_limits=LogRecordLimits(2))
    ROAD.install()
    in_scope(lambda: log_something({"a": "1", "b": "2"}))
    in_scope(lambda: log_something({"a": "1"}))

    full, half = (each.log_record.attributes for each in exporter.get_finished_logs())
    assert dict(full or {}) == {"a": "1", "b": "2"}
    assert dict(half or {}) == {"a": "1", "input.id": ID}


def test_stamping_wants_no_record_by_itself() -> None:
    """A provider in which nobody wants records stays cheap with us in it."""
    logs.set_logger_provider(LoggerProvider(shutdown_on_exit=False))
    ROAD.install()
    in_scope(lambda: None)

    assert logs.get_logger("lib").enabled() is False
