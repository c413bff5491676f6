"""From an app's boxes to a real Collector, and into the store: everything, once."""

from __future__ import annotations

from collections import Counter

from tests.pipeline.agent.conftest import MakeGround
from tests.pipeline.boxes import left_by
from tests.stack.collector import CollectorRun

INPUTS = 60


def test_everything_arrives_exactly_once(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """Lines, spans and lives of all inputs are in the store and at the Collector."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.run(INPUTS).strip() == "54"

    here.wait_for_end()
    outcomes = dict(here.ask("select outcome, count(*) from inputs group by outcome"))
    assert outcomes == {"success": 55, "error": 6}
    # All six fail in one line of code, whichever slots they had.
    assert here.ask("select type, seen from exceptions") == [("ValueError", 6)]
    logs, spans = collector.logs(), collector.spans()
    uids = Counter(each.attributes["log.record.uid"] for each in logs)
    assert max(uids.values()) == 1
    assert len(logs) == here.ask("select count(*) from logs")[0][0]
    said = Counter(each.body for each in logs if each.attributes.get("input.id"))
    assert said["begins"] == INPUTS
    assert said["ends"] == INPUTS - 6
    assert sum(str(body).startswith("printed ") for body in said.elements()) == INPUTS
    ids = Counter((each.trace_id, each.span_id) for each in spans)
    assert max(ids.values()) == 1
    assert len(spans) == here.ask("select count(*) from spans")[0][0]
    executions = [each for each in spans if each.name == "work"]
    assert {each.attributes["input.id"] for each in executions} == {
        row[0]
        for row in here.ask("select input_id from v_inputs where function = 'work'")
    }


def test_who_died_is_told(ground: MakeGround, collector: CollectorRun) -> None:
    """The input whose process died says so, and ran again."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    here.run(1)

    here.wait_for_end()
    rows = here.ask(
        "select attempt, ending from v_executions where function = 'die' order by 1"
    )
    assert rows == [(0, "lost"), (1, "success")]
    (told,) = [each for each in collector.logs() if each.body == "input.interrupted"]
    assert told.attributes["input.attempt"] == 0


def test_nothing_is_left_behind(ground: MakeGround) -> None:
    """Without an endpoint all is in the store, and boxes of the living go."""
    here = ground()

    here.run(5)

    here.wait_for_end()
    assert here.ask("select count(*) from outbox") == [(0,)]
    kept = [path.name for path in here.place.boxes.glob("*.box")]
    assert len(kept) == 1  # of the container that died, for a post-mortem
    assert kept[0].startswith("ct-")


def test_killed_agents_lose_nothing(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """Nor does a Collector that is away: all arrives there, and in the store once.

    It is stopped and not killed: this one writes to a file, and once killed it has
    lost what it had accepted within the last second.

    At the Collector a request may come twice, when its agent was killed before it
    had noted the answer; its records have the same names then.
    """
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)
    agents: list[int] = []
    with here.app(20) as app:
        for number in range(3):
            here.wait_until(lambda: here.agent() is not None, "no agent comes")
            if number == 0:
                collector.stop()
            agents.append(here.kill_agent())
            if number == 1:
                collector.start()
        well = int(app.communicate("enough")[0])

    here.wait_for_no_agent()
    here.telemetry("agent", "--once")
    assert len(set(agents)) == 3
    (stored,) = here.ask("select count(*) from logs")[0]
    assert stored == here.ask("select count(distinct unix_ns || event) from logs")[0][0]
    said = Counter(row[0] for row in here.ask("select event from logs"))
    assert said["ends"] == well
    uids = {each.attributes["log.record.uid"] for each in collector.logs()}
    assert len(uids) == stored
    spans = {(each.trace_id, each.span_id) for each in collector.spans()}
    assert len(spans) == here.ask("select count(*) from spans")[0][0]


def test_an_app_that_is_killed_is_told_of(ground: MakeGround) -> None:
    """Driver and containers are gone: what ran is lost, and asking tells so."""
    here = ground(TELEMETRY_AGENT="none")
    left_by(here.place.boxes)

    said = here.telemetry("inputs", "--outcome", "lost")

    assert len(said.splitlines()) == 1 + 5
    assert "input.interrupted" in here.telemetry("logs", "--level", "warning")
