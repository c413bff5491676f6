"""What a Collector has taken arrives, whatever is down in between."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Metric,
    NumberDataPoint,
    Sum,
)

from telemetry.core import names
from tests.collector.chain import Chain, start_chain
from tests.stack import sending
from tests.stack.collector import CollectorRun
from tests.stack.fixtures import StartCollector

ALL_KEPT = {"COLLECTOR_SHARE_PERCENT": "100"}


def send_signals(run: CollectorRun, numbers: Iterable[int]) -> None:
    """One log record, one trace and one point of a metric of each number."""
    for number in numbers:
        trace_id = sending.trace_id_of(number)
        sending.send(run.http_port, sending.logs([sending.log_record(str(number))]))
        sending.send(
            run.http_port, sending.traces([sending.span(trace_id, str(number))])
        )
        sending.send(run.http_port, sending.metrics([counter(number)]))


def counter(number: int) -> Metric:
    """A point of a series of its own."""
    point = NumberDataPoint(
        attributes=sending.attributes_of({names.INPUT_FUNCTION: str(number)}),
        time_unix_nano=1_000_000_000 * number,
        as_int=number,
    )
    total = Sum(
        data_points=[point],
        aggregation_temporality=AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE,
        is_monotonic=True,
    )
    return Metric(name=names.STARTED.name, unit=names.STARTED.unit, sum=total)


def arrived(chain: Chain) -> tuple[list[str], list[str], list[str]]:
    """The numbers of the log records, spans and points at the backends, sorted."""
    run = chain.backends
    return (
        sorted(record.body for record in run.logs()),
        sorted(span.name for span in run.spans()),
        sorted(
            point.attributes[names.INPUT_FUNCTION]
            for point in run.metrics()
            if point.name == names.STARTED.name
        ),
    )


def waiting(run: CollectorRun) -> float:
    """How many bytes lie in the queues of a Collector."""
    return run.own_metrics()["otelcol_exporter_queue_size"]


def test_backends_that_are_away_miss_nothing(start_collector: StartCollector) -> None:
    """The gateway keeps all on disk, over a restart of its own; delivered once."""
    chain = start_chain(start_collector, ALL_KEPT)
    send_signals(chain.agent, range(10, 20))
    chain.backends.wait_until(lambda _: all(len(part) == 10 for part in arrived(chain)))
    chain.backends.stop()
    send_signals(chain.agent, range(20, 30))
    chain.gateway.wait_until(lambda run: waiting(run) > 0 and waiting(chain.agent) == 0)
    assert chain.gateway.stop() == 0
    chain.gateway.start()
    chain.backends.start()
    chain.backends.wait_until(lambda _: all(len(part) == 20 for part in arrived(chain)))
    wanted = [str(number) for number in range(10, 30)]

    assert arrived(chain) == (wanted, wanted, wanted)


def test_a_killed_agent_loses_nothing(start_collector: StartCollector) -> None:
    """What the agent had taken while the gateway was away survives a SIGKILL."""
    chain = start_chain(start_collector, ALL_KEPT)
    chain.gateway.stop()
    send_signals(chain.agent, range(10, 20))
    chain.agent.kill()
    chain.agent.start()
    chain.gateway.start()
    wanted = {str(number) for number in range(10, 20)}
    # Sets: what was under way as the agent died may come twice.
    chain.backends.wait_until(
        lambda _: all(set(part) == wanted for part in arrived(chain))
    )


def test_a_killed_gateway_keeps_what_it_had_judged(
    start_collector: StartCollector,
) -> None:
    """Logs, metrics and decided traces in its queues survive a SIGKILL."""
    chain = start_chain(start_collector, ALL_KEPT)
    chain.backends.stop()
    send_signals(chain.agent, range(10, 20))
    chain.gateway.wait_until(
        lambda run: (
            run.own_metrics().get(
                "otelcol_processor_tail_sampling_global_count_traces_sampled_total"
            )
            == 10
        )
    )
    chain.agent.wait_until(lambda run: waiting(run) == 0)
    chain.gateway.kill()
    chain.gateway.start()
    chain.backends.start()
    wanted = {str(number) for number in range(10, 20)}
    chain.backends.wait_until(
        lambda _: all(set(part) == wanted for part in arrived(chain))
    )
