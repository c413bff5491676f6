"""Names of attributes, log fields, log events and spans, each written once.

A constant is called what its name says: ``input.wait.reason`` is
``INPUT_WAIT_REASON``; log fields begin with ``FIELD_``, events with ``EVENT_``,
spans with ``SPAN_``. Import them from ``telemetry.core.names``.

Source: names without the prefix ``input.`` are OpenTelemetry semantic
conventions 1.44 (the package opentelemetry-semantic-conventions 0.66b2).
"""

from __future__ import annotations

from typing import Final

# -- identity: on spans and log records, never on metrics unless said ------------

INPUT_ID: Final = "input.id"
"""Id of the input: ``in-`` and a ULID."""
INPUT_CALL_ID: Final = "input.call.id"
"""Id of the function call: ``fc-`` and a ULID."""
INPUT_PARENT_ID: Final = "input.parent.id"
"""Id of the input whose body made this call."""
INPUT_FUNCTION: Final = "input.function"
"""Name of the function: ``translate`` or ``Model.predict``. On every metric."""
INPUT_ATTEMPT: Final = "input.attempt"
"""0 for the first execution, +1 for every further one, whatever the cause."""
INPUT_CONTAINER_ID: Final = "input.container.id"
"""Id of the container: ``ct-`` and a ULID. On metrics of slots only."""
INPUT_SLOT: Final = "input.slot"
"""Number of the slot within its container, from 0."""
INPUT_BATCH_IDS: Final = "input.batch.ids"
"""Ids of all members of the batch that runs."""
INPUT_CANDIDATES: Final = "input.candidates"
"""Ids of the inputs that may have written a line whose origin is not known."""
INPUT_LATE: Final = "input.late"
"""True on what was written after its input had settled."""

# -- the course of an input ------------------------------------------------------

INPUT_MODE: Final = "input.mode"
"""How bodies run: sync, async, batch. On every metric."""
INPUT_OUTCOME: Final = "input.outcome"
"""How the input settled: success, error, cancelled, timeout, lost."""
INPUT_WAIT_REASON: Final = "input.wait.reason"
"""Why it waited in the queue: none, cold_start, capacity, retry."""
INPUT_ZONE: Final = "input.zone"
"""Zone of the container: idle, normal, burst, saturated."""
INPUT_BURST: Final = "input.burst"
"""True when the container ran above its target as the input started."""
INPUT_CONCURRENCY: Final = "input.concurrency"
"""Inputs running in the container as this one started, itself included."""
INPUT_CONCURRENCY_TARGET: Final = "input.concurrency.target"
"""``target_inputs`` of the container."""
INPUT_CONCURRENCY_LIMIT: Final = "input.concurrency.limit"
"""``max_inputs`` of the container."""
INPUT_CANCELLATION_CAUSE: Final = "input.cancellation.cause"
"""Who asked: user, timeout, shutdown."""
INPUT_CANCELLATION_PHASE: Final = "input.cancellation.phase"
"""Where the input was: queued, running."""
INPUT_CANCELLATION_MECHANISM: Final = "input.cancellation.mechanism"
"""How it was told: task, exception, container."""
INPUT_CANCELLATION_STAGE: Final = "input.cancellation.stage"
"""Which part of the way a duration measures: deliver, unwind."""
INPUT_CANCELLATION_OBSERVED: Final = "input.cancellation.observed"
"""What the body made of it; swallowed when it returned all the same."""
INPUT_LOOP_BLOCKED_S: Final = "input.loop.blocked_s"
"""Seconds for which others held the event loop while this input ran."""
INPUT_ELAPSED_S: Final = "input.elapsed_s"
"""Seconds since the execution began, on heartbeat and interrupted events."""

# -- containers, the autoscaler and the pipeline ---------------------------------

INPUT_REASON: Final = "input.reason"
"""Why it happened; the values belong to the instrument."""
INPUT_PHASE: Final = "input.phase"
"""Part of a container start: spawn, import, enter, total."""
INPUT_CONTAINER_STATE: Final = "input.container.state"
"""State of a container: starting, ready, draining."""
INPUT_AUTOSCALER_DIRECTION: Final = "input.autoscaler.direction"
"""Where a decision goes: up, down, hold."""
INPUT_BOUND: Final = "input.bound"
"""True when a log record knows its input, so lost correlation is visible."""
INPUT_TELEMETRY_SIGNAL: Final = "input.telemetry.signal"
"""What was dropped or shipped: logs, spans, metrics; or records, which were given up
in a black box: nobody knows any more what they were."""

# -- semantic conventions ----------------------------------------------------------

FAAS_TRIGGER: Final = "faas.trigger"
FAAS_COLDSTART: Final = "faas.coldstart"
FAAS_INSTANCE: Final = "faas.instance"
FAAS_INVOCATION_ID: Final = "faas.invocation_id"
FAAS_INVOKED_NAME: Final = "faas.invoked_name"
FAAS_INVOKED_PROVIDER: Final = "faas.invoked_provider"
FAAS_NAME: Final = "faas.name"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
OTEL_EVENT_NAME: Final = "otel.event.name"
OTEL_METRIC_OVERFLOW: Final = "otel.metric.overflow"
"""True on the series that has what found no place among those of its instrument.
Source: OpenTelemetry specification, Metrics SDK, cardinality limits."""
CODE_FUNCTION_NAME: Final = "code.function.name"
CODE_FILE_PATH: Final = "code.file.path"
CODE_LINE_NUMBER: Final = "code.line.number"
LOG_IOSTREAM: Final = "log.iostream"
LOG_RECORD_UID: Final = "log.record.uid"
"""Names a log line for ever, so that one that is sent twice can be told."""
THREAD_ID: Final = "thread.id"
THREAD_NAME: Final = "thread.name"
HOST_NAME: Final = "host.name"
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"
PROCESS_COMMAND: Final = "process.command"
PROCESS_RUNTIME_VERSION: Final = "process.runtime.version"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

PROVIDER: Final = "telemetry"
"""The value of ``faas.invoked_provider``."""
TRIGGER: Final = "other"
"""The value of ``faas.trigger``: nothing that the conventions have a word for."""

# -- the log line ------------------------------------------------------------------

FIELD_TIMESTAMP: Final = "timestamp"
"""RFC 3339, UTC, microseconds."""
FIELD_LEVEL: Final = "level"
FIELD_EVENT: Final = "event"
FIELD_LOGGER: Final = "logger"
FIELD_INPUT_ID: Final = "input_id"
FIELD_FUNCTION_CALL_ID: Final = "function_call_id"
FIELD_FUNCTION: Final = "function"
FIELD_ATTEMPT: Final = "attempt"
FIELD_CONTAINER_ID: Final = "container_id"
FIELD_SLOT: Final = "slot"
FIELD_BATCH_INPUT_IDS: Final = "batch_input_ids"
FIELD_INPUT_CANDIDATES: Final = "input_candidates"
FIELD_INPUT_LATE: Final = "input_late"
FIELD_TRACE_ID: Final = "trace_id"
FIELD_SPAN_ID: Final = "span_id"
FIELD_STREAM: Final = "stream"
"""``stdout`` or ``stderr``, for captured output."""
FIELD_THREAD: Final = "thread"
FIELD_EXCEPTION: Final = "exception"

ATTRIBUTE_OF_FIELD: Final[dict[str, str]] = {
    FIELD_INPUT_ID: INPUT_ID,
    FIELD_FUNCTION_CALL_ID: INPUT_CALL_ID,
    FIELD_FUNCTION: INPUT_FUNCTION,
    FIELD_ATTEMPT: INPUT_ATTEMPT,
    FIELD_CONTAINER_ID: INPUT_CONTAINER_ID,
    FIELD_SLOT: INPUT_SLOT,
    FIELD_BATCH_INPUT_IDS: INPUT_BATCH_IDS,
    FIELD_INPUT_CANDIDATES: INPUT_CANDIDATES,
    FIELD_INPUT_LATE: INPUT_LATE,
    FIELD_STREAM: LOG_IOSTREAM,
    FIELD_THREAD: THREAD_NAME,
    FIELD_EXCEPTION: EXCEPTION_STACKTRACE,
}
"""What a field of the line becomes in OTLP. The others have fields of their own
there: time, severity, body, scope, trace context."""

# -- log events and spans ------------------------------------------------------------

EVENT_INPUT_START: Final = "input.start"
"""An execution began."""
EVENT_INPUT_HEARTBEAT: Final = "input.heartbeat"
"""A long execution still runs; with the elapsed time."""
EVENT_INPUT_INTERRUPTED: Final = "input.interrupted"
"""The process died while the input ran; with slot, attempt and elapsed time."""

SPAN_QUEUE: Final = "queue"
"""INTERNAL, from enqueue to dispatch; between the caller's and the execution's."""
SPAN_CONTAINER_START: Final = "container.start"
"""Root of a trace of its own, linked from the inputs that waited for it; its
children are named after the phases spawn, import and enter."""
