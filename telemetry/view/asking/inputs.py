"""An input with everything that happened to it and around it."""

from __future__ import annotations

from typing import Any, Final

import orjson

from telemetry.pipeline.store.queries.inputs import (
    InputFilter,
    StoredExecution,
    StoredInput,
    input_life,
    inputs,
    matching_inputs,
    neighbours,
)
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.inputs import (
    Attempt,
    Blocked,
    Cancellation,
    InputDetail,
    InputSummary,
    Neighbour,
    Span,
    SpanEvent,
)
from telemetry.view.asking.times import ms

MOST_SPANS: Final = 2_000
MOST_NEIGHBOURS: Final = 120
MOST_CHILDREN: Final = 200

_LINES: Final = """
select coalesce(sum(r.last - r.first + 1), 0) from runs r where r.execution in
(select e.id from executions e join inputs i on i.id = e.input where i.input_id = ?)
"""
_SPANS: Final = """
select s.span_id, s.parent_span_id, n.text, s.kind, s.started_ns, s.ended_ns, s.status,
    s.status_text, o.text, e.attempt, s.attributes, s.events
from spans s join texts n on n.id = s.name join texts o on o.id = s.scope
left join executions e on e.id = s.execution
where s.execution in
    (select e.id from executions e join inputs i on i.id = e.input where i.input_id = ?)
order by s.started_ns limit ?
"""
_BLOCKED: Final = """
select c.container_id, b.began_ns, b.seconds, b.input, b.line from blocked b
left join containers c on c.id = b.container
where b.began_ns < ? and b.began_ns + b.seconds * 1e9 > ?
and (c.container_id = ? or b.input = ?) order by b.began_ns limit 100
"""
_CULPRIT: Final = """
select i.input_id from inputs i where i.id in
    (select input from executions where container =
        (select id from containers where container_id = ?))
and i.cancel_mechanism = 'container' and i.cancel_requested_ns <= ?
order by i.cancel_requested_ns desc limit 1
"""


def find_input(reader: Reader, text: str) -> InputDetail | None:
    """The input that *text* means: its id, or a part that means no other."""
    life = input_life(reader, text)
    if life is None:
        found = matching_inputs(reader, text, 2) if text else []
        if len(found) != 1:
            return None
        life = input_life(reader, found[0].input_id)
        if life is None:
            return None
    own = life.input
    called = InputFilter(parent=own.input_id)
    return InputDetail(
        input=summary(own),
        attempts=[_attempt(reader, each, life.executions) for each in life.executions],
        spans=_spans(reader, own.input_id),
        children=[
            summary(each) for each in inputs(reader, called, limit=MOST_CHILDREN).inputs
        ],
        batch=life.batch,
        neighbours=[
            _neighbour(each)
            for each in neighbours(reader, own.input_id, MOST_NEIGHBOURS)
            if each.started_ns is not None
        ],
        blocked=_blocked(reader, own, life.executions),
        lines=int(reader.one(_LINES, (own.input_id,)) or 0),
    )


def summary(stored: StoredInput) -> InputSummary:
    """An input of the store as the page has it."""
    return InputSummary(
        input_id=stored.input_id,
        call_id=stored.call_id,
        function=stored.function,
        parent_id=stored.parent,
        began_ms=ms(stored.began_ns),
        enqueued_ms=ms(stored.enqueued_ns),
        started_ms=ms(stored.started_ns),
        ended_ms=ms(stored.ended_ns),
        outcome=stored.outcome,
        attempts=stored.attempts,
        wait_s=stored.wait_s,
        wait_reason=stored.wait_reason,
        run_s=stored.run_s,
        total_s=stored.total_s,
        container_id=stored.container_id,
        slot=stored.slot,
        zone=stored.zone,
        concurrency=stored.concurrency,
        batch_size=stored.batch_size,
        error_type=stored.error_type,
        error_text=stored.error_text,
        blocked_s=stored.blocked_s,
        trace_id=stored.trace_id,
        cancellation=_cancellation(stored),
    )


def _cancellation(stored: StoredInput) -> Cancellation | None:
    if stored.cancel_cause is None:
        return None
    requested_ns, ended_ns = stored.cancel_requested_ns, stored.ended_ns
    told_ns = stored.cancel_delivered_ns
    deliver_s = unwind_s = None
    if requested_ns is not None and told_ns is not None:
        deliver_s = max(told_ns - requested_ns, 0) / 1e9
    if requested_ns is not None and ended_ns is not None:
        unwind_s = max(ended_ns - requested_ns, 0) / 1e9
    return Cancellation(
        cause=stored.cancel_cause,
        phase=stored.cancel_phase,
        mechanism=stored.cancel_mechanism,
        observed=stored.cancel_observed,
        requested_ms=ms(requested_ns),
        deliver_s=deliver_s,
        unwind_s=unwind_s,
    )


def _attempt(
    reader: Reader, stored: StoredExecution, others: list[StoredExecution]
) -> Attempt:
    ending = stored.ending
    again = any(each.attempt == stored.attempt + 1 for each in others)
    if ending == "lost" and again:
        ending = "died"
    because_of = None
    if ending == "neighbour" and stored.container_id and stored.ended_ns:
        because_of = reader.one(_CULPRIT, (stored.container_id, stored.ended_ns))
    return Attempt(
        attempt=stored.attempt,
        container_id=stored.container_id,
        slot=stored.slot,
        started_ms=ms(stored.started_ns),
        ended_ms=ms(stored.ended_ns),
        ending=ending,
        zone=stored.zone,
        concurrency=stored.concurrency,
        wait_s=stored.wait_s,
        wait_reason=stored.wait_reason,
        because_of=because_of,
    )


def _neighbour(stored: StoredExecution) -> Neighbour:
    return Neighbour(
        input_id=stored.input_id,
        attempt=stored.attempt,
        function=stored.function or "",
        container_id=stored.container_id or "",
        slot=stored.slot,
        started_ms=ms(stored.started_ns or 0),
        ended_ms=ms(stored.ended_ns),
        ending=stored.ending,
    )


def _blocked(
    reader: Reader, own: StoredInput, executions: list[StoredExecution]
) -> list[Blocked]:
    found: dict[int, Blocked] = {}
    for each in executions:
        if each.started_ns is None:
            continue
        until_ns = each.ended_ns or own.ended_ns or 1 << 62
        asked = (until_ns, each.started_ns, each.container_id, own.input_id)
        for container, began_ns, seconds, input_id, line in reader.rows(
            _BLOCKED, asked
        ):
            found[began_ns] = Blocked(container, ms(began_ns), seconds, input_id, line)
    return list(found.values())


def _spans(reader: Reader, input_id: str) -> list[Span]:
    return [
        Span(
            span_id=row[0].hex(),
            parent_span_id=row[1].hex() if row[1] else None,
            name=row[2],
            kind=row[3],
            started_ms=ms(row[4]),
            ended_ms=ms(row[5]),
            status=row[6],
            status_text=row[7] or None,
            scope=row[8],
            attempt=row[9],
            attributes=fields_of(row[10]),
            events=_events(row[11]),
        )
        for row in reader.rows(_SPANS, (input_id, MOST_SPANS))
    ]


def _events(text: str | None) -> list[SpanEvent]:
    found = []
    for each in orjson.loads(text) if text else ():
        name, unix_ns, attributes = (*each, {}, {})[:3]
        found.append(SpanEvent(str(name), ms(int(unix_ns)), fields_of(attributes)))
    return found


def fields_of(value: Any) -> list[tuple[str, str]]:  # noqa: ANN401  # JSON, or what it says
    """Names and values as text."""
    if isinstance(value, str | bytes):
        value = orjson.loads(value) if value else {}
    return [
        (str(name), each if isinstance(each, str) else orjson.dumps(each).decode())
        for name, each in (value or {}).items()
    ]
