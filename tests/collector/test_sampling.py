"""The gateway keeps the traces that somebody will look for, and a share of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.core import names
from telemetry.core.metrics import DURATION_BOUNDS_S
from tests.collector.chain import Chain, start_chain
from tests.stack import sending
from tests.stack.collector import CollectorRun
from tests.stack.fixtures import StartCollector, collectors

ORDINARY = 1_000
PLAIN = {
    names.INPUT_OUTCOME: "success",
    names.INPUT_ZONE: "normal",
    names.INPUT_ATTEMPT: 0,
    names.FAAS_COLDSTART: False,
}
# What differs from an ordinary input: attributes, milliseconds in the queue and of the
# execution, whether its status is an error.
INTERESTING: dict[str, tuple[dict[str, object], float, float, bool]] = {
    "error": ({names.INPUT_OUTCOME: "error"}, 5, 20, True),
    "timeout": ({names.INPUT_OUTCOME: "timeout"}, 5, 20, True),
    "lost": ({names.INPUT_OUTCOME: "lost"}, 5, 20, True),
    "cancelled": ({names.INPUT_OUTCOME: "cancelled"}, 5, 20, False),
    "burst": ({names.INPUT_ZONE: "burst"}, 5, 20, False),
    "saturated": ({names.INPUT_ZONE: "saturated"}, 5, 20, False),
    "cold start": ({names.FAAS_COLDSTART: True}, 5, 20, False),
    "second attempt": ({names.INPUT_ATTEMPT: 1}, 5, 20, False),
    "slow": ({}, 5, 6_000, False),
    "waited": ({}, 1_500, 20, False),
    "held up": ({names.INPUT_LOOP_BLOCKED_S: 0.5}, 5, 20, False),
}
OF_EACH = 5


def input_spans(number: int, kind: str = "ordinary") -> list[Span]:
    """The trace of one input: caller, queue, execution and a span of user code."""
    own, waits_ms, runs_ms, failed = INTERESTING.get(kind, ({}, 5, 20, False))
    trace_id = sending.trace_id_of(number)
    return [
        sending.span(trace_id, names.SPAN_QUEUE, lasts_ms=waits_ms),
        sending.span(trace_id, "query"),
        sending.span(
            trace_id,
            "work",
            {**PLAIN, **own},
            kind=Span.SPAN_KIND_SERVER,
            lasts_ms=runs_ms,
            failed=failed,
        ),
        sending.span(trace_id, "work", kind=Span.SPAN_KIND_CLIENT, lasts_ms=30),
    ]


def send_all(run: CollectorRun, traces: dict[int, str]) -> None:
    """Sends the traces of inputs, of so many numbers and kinds, in a few requests."""
    spans = [s for number, kind in traces.items() for s in input_spans(number, kind)]
    for start in range(0, len(spans), 1_000):
        sending.send(run.http_port, sending.traces(spans[start : start + 1_000]))


def decided(gateway: CollectorRun) -> float:
    """For how many traces the gateway has decided."""
    name = "otelcol_processor_tail_sampling_global_count_traces_sampled_total"
    return gateway.own_metrics().get(name, 0)


def kept(chain: Chain) -> Counter[str]:
    """How many spans of each trace have arrived."""
    return Counter(span.trace_id for span in chain.backends.spans())


TRACES = dict(
    enumerate(
        [
            *(kind for kind in INTERESTING for _ in range(OF_EACH)),
            *["ordinary"] * ORDINARY,
        ]
    )
)
"""Kinds of inputs, by the number that makes their trace ids."""
CONTAINER_START = sending.trace_id_of(-1)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """All of TRACES and the start of a container have gone through, and were judged."""
    with collectors(tmp_path_factory) as start:
        chain = start_chain(start)
        send_all(chain.agent, TRACES)
        started = sending.span(CONTAINER_START, names.SPAN_CONTAINER_START)
        sending.send(chain.agent.http_port, sending.traces([started]))
        chain.gateway.wait_until(lambda run: decided(run) == len(TRACES) + 1)
        name = "otelcol_exporter_queue_size"
        chain.gateway.wait_until(lambda run: run.own_metrics()[name] == 0)
        yield chain


def test_interesting_traces_are_kept_whole_and_few_others(replayed: Chain) -> None:
    """All that failed, waited, burst or was slow; about a tenth of the rest; whole."""
    wanted = {
        sending.trace_id_of(number).hex(): 4
        for number, kind in TRACES.items()
        if kind in INTERESTING
    }
    wanted[CONTAINER_START.hex()] = 1
    replayed.backends.wait_until(lambda _: wanted.items() <= kept(replayed).items())
    others = {id_: n for id_, n in kept(replayed).items() if id_ not in wanted}

    # The ids are the same in each run, so this is not a matter of luck.
    assert 0.07 * ORDINARY < len(others) < 0.13 * ORDINARY
    assert set(others.values()) == {4}


def test_spans_are_measured_before_the_sampling(replayed: Chain) -> None:
    """The span metrics count all inputs, also those whose traces are not kept."""
    wanted = {"normal": ORDINARY + 9 * OF_EACH, "burst": OF_EACH, "saturated": OF_EACH}

    def counted(run: CollectorRun) -> dict[str, float]:
        counts: dict[str, float] = {}
        latest = {
            tuple(sorted(point.attributes.items())): point
            for point in run.metrics()
            if point.name == "traces.span.metrics.calls"
            and point.attributes["span.kind"] == "SPAN_KIND_SERVER"
        }
        for point in latest.values():
            zone = point.attributes[names.INPUT_ZONE]
            counts[zone] = counts.get(zone, 0) + point.value
        return counts

    replayed.backends.wait_until(lambda run: counted(run) == wanted, "all are counted")
    durations = {
        (point.unit, *point.bounds)
        for point in replayed.backends.metrics()
        if point.name == "traces.span.metrics.duration"
    }

    assert durations == {("s", *DURATION_BOUNDS_S)}


def test_nothing_is_refused_or_dropped(replayed: Chain) -> None:
    """Both Collectors say of themselves that they passed all of it on."""
    for run in (replayed.agent, replayed.gateway):
        told = run.own_metrics()
        bad = {
            name: value
            for name, value in told.items()
            if value and any(word in name for word in ("refused", "failed", "dropped"))
        }
        assert told["otelcol_receiver_accepted_spans_total"] == 4 * len(TRACES) + 1
        assert bad == {}


@pytest.mark.parametrize("beginning", ["ordinary", "burst"])
def test_an_input_that_fails_late_is_kept(
    start_collector: StartCollector, beginning: str
) -> None:
    """What is interesting is kept, though the decision fell long before it ended."""
    chain = start_chain(start_collector, {"COLLECTOR_SHARE_PERCENT": "0"})
    send_all(chain.agent, {1: beginning})
    chain.gateway.wait_until(lambda run: decided(run) == 1)
    if beginning == "ordinary":
        # Pushes the first out of the memory of what was not kept, as any other does.
        send_all(chain.agent, {2: "ordinary"})
        chain.gateway.wait_until(lambda run: decided(run) == 2)
    late = sending.span(sending.trace_id_of(1), "late", {names.INPUT_OUTCOME: "lost"})
    sending.send(chain.agent.http_port, sending.traces([late]))
    chain.backends.wait_until(lambda run: "late" in {span.name for span in run.spans()})
