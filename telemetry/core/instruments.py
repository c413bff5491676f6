"""The metric instruments: every one that the toolkit records, once.

A constant is called what the name says after ``input.``: ``input.queue.duration``
is ``QUEUE_DURATION``; those of the conventions keep their prefix. Import them
from ``telemetry.core.names``.
"""

from __future__ import annotations

from typing import Final

from telemetry.core import attributes as a
from telemetry.core.metrics import Kind, Metric

_EVERYWHERE: Final = (a.INPUT_FUNCTION, a.INPUT_MODE)


def _own(
    kind: Kind, name: str, unit: str, description: str, *attributes: str
) -> Metric:
    return Metric(name, unit, kind, description, "own", (*_EVERYWHERE, *attributes))


def _pipeline(
    kind: Kind, name: str, unit: str, description: str, *attributes: str
) -> Metric:
    # Of a process and not of a function: what is lost may be nobody's.
    return Metric(name, unit, kind, description, "own", attributes)


def _semconv(kind: Kind, name: str, unit: str, description: str) -> Metric:
    attributes = (*_EVERYWHERE, a.FAAS_TRIGGER)
    return Metric(name, unit, kind, description, "semconv 1.44", attributes)


# -- inputs -----------------------------------------------------------------------

ACTIVE: Final = _own("up-down counter", "input.active", "{input}", "Running now.")
QUEUED: Final = _own(
    "up-down counter", "input.queued", "{input}", "Accepted, not started."
)
QUEUE_OLDEST: Final = _own(
    "gauge", "input.queue.oldest", "s", "Age of the oldest queued input."
)
STARTED: Final = _own(
    "counter",
    "input.started",
    "{input}",
    "Executions begun; the zone at admission.",
    a.INPUT_ZONE,
)
COMPLETED: Final = _own(
    "counter",
    "input.completed",
    "{input}",
    "Settled, by outcome.",
    a.INPUT_ZONE,
    a.INPUT_OUTCOME,
)
QUEUE_DURATION: Final = _own(
    "histogram",
    "input.queue.duration",
    "s",
    "From enqueue to dispatch.",
    a.INPUT_ZONE,
    a.INPUT_WAIT_REASON,
)
DURATION: Final = _own(
    "histogram", "input.duration", "s", "One execution.", a.INPUT_ZONE, a.INPUT_OUTCOME
)
TOTAL_DURATION: Final = _own(
    "histogram",
    "input.total.duration",
    "s",
    "From enqueue to settled, all attempts included.",
    a.INPUT_ZONE,
    a.INPUT_OUTCOME,
)
CONCURRENCY: Final = _own(
    "histogram",
    "input.concurrency",
    "{input}",
    "Running in the container as an input started, itself included.",
)

# -- cancellations and second attempts --------------------------------------------

CANCELLED: Final = _own(
    "counter",
    "input.cancelled",
    "{input}",
    "Cancellations carried out.",
    a.INPUT_CANCELLATION_CAUSE,
    a.INPUT_CANCELLATION_PHASE,
    a.INPUT_CANCELLATION_MECHANISM,
)
CANCELLATION_DURATION: Final = _own(
    "histogram",
    "input.cancellation.duration",
    "s",
    "From request to delivery, and from delivery to the end of the body.",
    a.INPUT_CANCELLATION_STAGE,
    a.INPUT_CANCELLATION_MECHANISM,
)
RESCHEDULED: Final = _own(
    "counter",
    "input.rescheduled",
    "{input}",
    "Queued again because their container went away.",
    a.INPUT_REASON,
)
RETRIED: Final = _own(
    "counter",
    "input.retried",
    "{input}",
    "Queued again by their retry policy.",
    a.INPUT_REASON,
)
REJECTED: Final = _own(
    "counter", "input.rejected", "{input}", "Never accepted.", a.INPUT_REASON
)

# -- slots, zones and bursts ------------------------------------------------------

SLOTS_ACTIVE: Final = _own(
    "observable gauge",
    "input.slots.active",
    "{slot}",
    "Slots with a running input.",
    a.INPUT_CONTAINER_ID,
)
SLOTS_TARGET: Final = _own(
    "observable gauge",
    "input.slots.target",
    "{slot}",
    "``target_inputs`` of the container.",
    a.INPUT_CONTAINER_ID,
)
SLOTS_LIMIT: Final = _own(
    "observable gauge",
    "input.slots.limit",
    "{slot}",
    "``max_inputs`` of the container.",
    a.INPUT_CONTAINER_ID,
)
SLOTS_PEAK: Final = _own(
    "observable gauge",
    "input.slots.peak",
    "{slot}",
    "Most slots active at once since the last export.",
    a.INPUT_CONTAINER_ID,
)
SLOTS_STUCK: Final = _own(
    "observable gauge",
    "input.slots.stuck",
    "{slot}",
    "Slots whose input is cancelled and still runs.",
    a.INPUT_CONTAINER_ID,
)
SLOTS_SECONDS: Final = _own(
    "counter",
    "input.slots.seconds",
    "s",
    "Integral of running inputs; its rate is the exact mean concurrency.",
)
QUEUE_SECONDS: Final = _own(
    "counter",
    "input.queue.seconds",
    "s",
    "Integral of queued inputs; its rate is the exact mean queue.",
)
ZONE_SECONDS: Final = _own(
    "counter",
    "input.zone.seconds",
    "s",
    "Container-seconds spent in each zone.",
    a.INPUT_ZONE,
)
BURSTS: Final = _own(
    "counter",
    "input.bursts",
    "{burst}",
    "Times a container went above its target: cold_start, max_containers.",
    a.INPUT_REASON,
)
BURST_DURATION: Final = _own(
    "histogram",
    "input.burst.duration",
    "s",
    "How long a container stayed above its target.",
    a.INPUT_REASON,
)

# -- containers and the autoscaler ------------------------------------------------

CONTAINERS: Final = _own(
    "up-down counter",
    "input.containers",
    "{container}",
    "Containers by state.",
    a.INPUT_CONTAINER_STATE,
)
CONTAINER_STARTS: Final = _own(
    "counter", "input.container.starts", "{container}", "Containers started."
)
CONTAINER_START_DURATION: Final = _own(
    "histogram",
    "input.container.start.duration",
    "s",
    "Start of a container, by phase: spawn, import, enter, total.",
    a.INPUT_PHASE,
)
CONTAINER_EXITS: Final = _own(
    "counter",
    "input.container.exits",
    "{container}",
    "Containers gone: scaledown, cancellation, timeout, crash, shutdown, start_failed.",
    a.INPUT_REASON,
)
AUTOSCALER_WANT: Final = _own(
    "gauge",
    "input.autoscaler.want",
    "{container}",
    "Containers that the autoscaler wants.",
)
AUTOSCALER_DEMAND: Final = _own(
    "gauge",
    "input.autoscaler.demand",
    "{input}",
    "Running and queued inputs, averaged over the window.",
)
AUTOSCALER_DECISIONS: Final = _own(
    "counter",
    "input.autoscaler.decisions",
    "{decision}",
    "Decisions, by direction and reason.",
    a.INPUT_AUTOSCALER_DIRECTION,
    a.INPUT_REASON,
)

# -- event loops and batches ------------------------------------------------------

LOOP_LAG: Final = _own(
    "histogram",
    "input.loop.lag",
    "s",
    "How late the event loop of a container runs what is due.",
)
LOOP_BLOCKED: Final = _own(
    "counter",
    "input.loop.blocked",
    "{event}",
    "Times a body held the event loop longer than the watchdog allows.",
)
BATCH_SIZE: Final = _own(
    "histogram", "input.batch.size", "{input}", "Inputs in a batch."
)
BATCH_LINGER: Final = _own(
    "histogram",
    "input.batch.linger",
    "s",
    "From a batch's first input to its dispatch.",
)

# -- logs and the pipeline --------------------------------------------------------

LOG_RECORDS: Final = _own(
    "counter",
    "input.log.records",
    "{record}",
    "Log records; unbound ones ran without an input, or lost it.",
    a.INPUT_BOUND,
)
LOG_LATE: Final = _own(
    "counter",
    "input.log.late",
    "{record}",
    "Log records written after their input had settled.",
)
TELEMETRY_DROPPED: Final = _pipeline(
    "counter",
    "input.telemetry.dropped",
    "{item}",
    "Telemetry given up, by reason.",
    a.INPUT_TELEMETRY_SIGNAL,
    a.INPUT_REASON,
)
TELEMETRY_BACKLOG: Final = _pipeline(
    "gauge", "input.telemetry.backlog", "By", "Telemetry written and not delivered yet."
)
TELEMETRY_SHIPPED: Final = _pipeline(
    "counter",
    "input.telemetry.shipped",
    "{item}",
    "Telemetry delivered.",
    a.INPUT_TELEMETRY_SIGNAL,
)

# -- semantic conventions ---------------------------------------------------------

FAAS_INVOKE_DURATION: Final = _semconv(
    "histogram",
    "faas.invoke_duration",
    "s",
    "Measures the duration of the function's logic execution.",
)
FAAS_INIT_DURATION: Final = _semconv(
    "histogram",
    "faas.init_duration",
    "s",
    "Measures the duration of the function's initialization, such as a cold start.",
)
FAAS_COLDSTARTS: Final = _semconv(
    "counter", "faas.coldstarts", "{coldstart}", "Number of invocation cold starts."
)
FAAS_ERRORS: Final = _semconv(
    "counter", "faas.errors", "{error}", "Number of invocation errors."
)
FAAS_TIMEOUTS: Final = _semconv(
    "counter", "faas.timeouts", "{timeout}", "Number of invocation timeouts."
)

METRICS: Final = (
    ACTIVE,
    QUEUED,
    QUEUE_OLDEST,
    STARTED,
    COMPLETED,
    QUEUE_DURATION,
    DURATION,
    TOTAL_DURATION,
    CONCURRENCY,
    CANCELLED,
    CANCELLATION_DURATION,
    RESCHEDULED,
    RETRIED,
    REJECTED,
    SLOTS_ACTIVE,
    SLOTS_TARGET,
    SLOTS_LIMIT,
    SLOTS_PEAK,
    SLOTS_STUCK,
    SLOTS_SECONDS,
    QUEUE_SECONDS,
    ZONE_SECONDS,
    BURSTS,
    BURST_DURATION,
    CONTAINERS,
    CONTAINER_STARTS,
    CONTAINER_START_DURATION,
    CONTAINER_EXITS,
    AUTOSCALER_WANT,
    AUTOSCALER_DEMAND,
    AUTOSCALER_DECISIONS,
    LOOP_LAG,
    LOOP_BLOCKED,
    BATCH_SIZE,
    BATCH_LINGER,
    LOG_RECORDS,
    LOG_LATE,
    TELEMETRY_DROPPED,
    TELEMETRY_BACKLOG,
    TELEMETRY_SHIPPED,
    FAAS_INVOKE_DURATION,
    FAAS_INIT_DURATION,
    FAAS_COLDSTARTS,
    FAAS_ERRORS,
    FAAS_TIMEOUTS,
)
"""All of them, in the order above."""
