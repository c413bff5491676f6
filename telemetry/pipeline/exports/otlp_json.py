"""The store as OTLP/JSON: a request on each line, as the Collector's file exporter.

So it can be read by the Collector again, and by whatever else reads such files. What
is written of a line, a span or a point is what the agent would send of it.

Source: OTLP specification 1.8, "JSON Protobuf Encoding" and "OTLP File Exporter".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from telemetry.core import names
from telemetry.pipeline.exports.json_values import attributes, json_value
from telemetry.pipeline.exports.metrics_json import metric
from telemetry.pipeline.exports.selection import (
    ALL,
    AT_ONCE,
    QUESTION_S,
    OnProgress,
    Progress,
    Selection,
    silent,
)
from telemetry.pipeline.otlp.envelope import resource_of
from telemetry.pipeline.otlp.line_attributes import content_of
from telemetry.pipeline.outbox import SIGNALS, Signal
from telemetry.pipeline.store.processes import FOREIGN
from telemetry.pipeline.store.queries.all_rows import process_named, reach
from telemetry.pipeline.store.queries.lines import LineFilter, StoredLine, lines_after
from telemetry.pipeline.store.queries.measures import points, series
from telemetry.pipeline.store.queries.reading import MOST_ROWS, Reader
from telemetry.pipeline.store.queries.traces import StoredSpan, spans_after

# Source: the table "Displaying Severity" of OpenTelemetry's logs data model.
_SEVERITIES: Final = {
    "debug": (5, "DEBUG"),
    "info": (9, "INFO"),
    "warning": (13, "WARN"),
    "error": (17, "ERROR"),
    "critical": (21, "FATAL"),
}
_RESOURCES: Final = 1_000
"""Processes whose resource is remembered."""

Json = dict[str, Any]


def write(
    store: Path,
    out: BinaryIO,
    selection: Selection = ALL,
    on_progress: OnProgress = silent,
    signals: Iterable[Signal] = SIGNALS,
) -> Counter[str]:
    """Write what is selected to *out*.

    Metrics are of functions and not of inputs: they are left out where the selection
    names a container or an input.

    Returns:
        How many lines, spans and points that were.

    Raises:
        StoreError: The store cannot be read.
        OSError: *out* cannot be written.
    """
    written: Counter[str] = Counter()
    with Reader(store, timeout_s=QUESTION_S) as reader:
        writer = _Writer(reader, out, selection, on_progress, written)
        for signal in signals:
            _WRITERS[signal](writer)
    return written


class _Writer:
    """One file that is being written."""

    def __init__(
        self,
        reader: Reader,
        out: BinaryIO,
        selection: Selection,
        on_progress: OnProgress,
        written: Counter[str],
    ) -> None:
        self._reader = reader
        self._out = out
        self._selection = selection
        self._on_progress = on_progress
        self._written = written
        self._resources: dict[str | None, Json] = {}

    def logs(self) -> None:
        """All lines, in the order in which they were taken in."""
        wanted = LineFilter(
            input_id=self._selection.input_id,
            function=self._selection.function,
            container_id=self._selection.container_id,
            since_ns=self._selection.since_ns,
            until_ns=self._selection.until_ns,
        )
        first, last = reach(self._reader, "logs")
        number = first - 1
        while number < last:
            page = lines_after(self._reader, wanted, number, AT_ONCE)
            grouped = _grouped(page, lambda each: (each.process, each.line.logger, ""))
            self._put("resourceLogs", "scopeLogs", "logRecords", grouped, _record)
            number = page[-1].number if len(page) == AT_ONCE else last
            self._tell("lines", number - first + 1, last - first + 1, len(page))

    def spans(self) -> None:
        """All spans, in the order in which they were taken in."""
        first, last = reach(self._reader, "spans")
        number = first - 1
        while number < last:
            page = spans_after(self._reader, number, AT_ONCE)
            kept = [span for span in page if _is_wanted(span, self._selection)]
            grouped = _grouped(
                kept, lambda each: (each.process, each.scope, each.scope_version)
            )
            self._put("resourceSpans", "scopeSpans", "spans", grouped, _span)
            number = page[-1].number if page else last
            self._tell("spans", number - first + 1, last - first + 1, len(kept))

    def metrics(self) -> None:
        """All points, one series after the other."""
        if self._selection.container_id or self._selection.input_id:
            return
        found = series(self._reader, function=self._selection.function, limit=MOST_ROWS)
        for done, each in enumerate(found, 1):
            since_ns, count = self._selection.since_ns, 0
            while True:
                until_ns = self._selection.until_ns
                page = points(
                    self._reader, each.number, since_ns=since_ns, until_ns=until_ns
                )
                if page:
                    scope = {"scope": {}, "metrics": [metric(each, page)]}
                    self._line("resourceMetrics", "scopeMetrics", each.process, [scope])
                count += len(page)
                if len(page) < MOST_ROWS:
                    break
                since_ns = page[-1].step_ns + 1
            self._tell("points", done, len(found), count)

    def _put(
        self,
        outer: str,
        inner: str,
        field: str,
        grouped: Mapping[_Key, Sequence[Any]],
        form: Callable[[Any], Json],
    ) -> None:
        scopes: dict[str | None, list[Json]] = {}
        for (process, name, version), items in grouped.items():
            scope = {"name": name or "", "version": version or ""}
            formed = {"scope": scope, field: [form(each) for each in items]}
            scopes.setdefault(process, []).append(formed)
        for process, of_process in scopes.items():
            self._line(outer, inner, process, of_process)

    def _line(
        self, outer: str, inner: str, process: str | None, scopes: list[Json]
    ) -> None:
        whole = {outer: [{"resource": self._resource(process), inner: scopes}]}
        self._out.write(orjson.dumps(whole))
        self._out.write(b"\n")

    def _resource(self, process: str | None) -> Json:
        known = self._resources.get(process)
        if known is None:
            if len(self._resources) >= _RESOURCES:
                self._resources.clear()
            known = self._resources[process] = self._looked_up(process)
        return known

    def _looked_up(self, name: str | None) -> Json:
        process = None if name is None else process_named(self._reader, name)
        if process is None:
            return {}
        resource = process.resource
        if process.kind != FOREIGN:
            resource = resource_of(resource)
        return {"attributes": attributes(resource)}

    def _tell(self, what: str, done: int, total: int, count: int) -> None:
        self._written[what] += count
        self._on_progress(Progress(what, done, total, self._written[what]))


_WRITERS: Final[dict[Signal, Callable[[_Writer], None]]] = {
    "logs": _Writer.logs,
    "spans": _Writer.spans,
    "metrics": _Writer.metrics,
}
_Key = tuple[str | None, str | None, str | None]


def _grouped(items: Iterable[Any], key: Callable[[Any], _Key]) -> dict[_Key, list[Any]]:
    found: dict[_Key, list[Any]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _record(stored: StoredLine) -> Json:
    line = stored.line
    # A line of a box has its place there as its name; here, its number will do.
    uid = stored.uid or f"{stored.process}/{stored.number}"
    content = content_of(line, uid)
    number, text = _SEVERITIES[line.level]
    time = str(line.unix_ns)
    record = {
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "severityNumber": number,
        "severityText": text,
        "body": json_value(content.body),
        "attributes": attributes(content.attributes),
    }
    if line.trace_id:
        record["traceId"] = line.trace_id
    if line.span_id:
        record["spanId"] = line.span_id
    return record


def _span(span: StoredSpan) -> Json:
    dropped_attributes, dropped_events, dropped_links = span.dropped
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id or "",
        "traceState": span.state,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.started_ns),
        "endTimeUnixNano": str(span.ended_ns),
        "attributes": attributes(span.attributes),
        "droppedAttributesCount": dropped_attributes,
        "events": [_event(each) for each in span.events],
        "droppedEventsCount": dropped_events,
        "links": [_link(each) for each in span.links],
        "droppedLinksCount": dropped_links,
        "status": {"code": span.status, "message": span.status_text},
    }


def _event(event: Json) -> Json:
    return {
        "name": event["name"],
        "timeUnixNano": str(event["unix_ns"]),
        "attributes": attributes(event["attributes"]),
        "droppedAttributesCount": event["dropped_attributes"],
    }


def _link(link: Json) -> Json:
    return {
        "traceId": link["trace_id"],
        "spanId": link["span_id"],
        "traceState": link["state"],
        "attributes": attributes(link["attributes"]),
        "droppedAttributesCount": link["dropped_attributes"],
    }


def _is_wanted(span: StoredSpan, selection: Selection) -> bool:
    found = span.attributes.get
    return (
        (selection.since_ns is None or span.ended_ns >= selection.since_ns)
        and (selection.until_ns is None or span.started_ns < selection.until_ns)
        and selection.function in {None, found(names.INPUT_FUNCTION)}
        and selection.container_id
        in {None, found(names.INPUT_CONTAINER_ID), span.process}
        and selection.input_id in {None, span.input_id}
    )
