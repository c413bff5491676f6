"""Programs without an app: an agent on their threads, none, or direct delivery."""

from __future__ import annotations

from collections import Counter

from tests.pipeline.agent import programs
from tests.pipeline.agent.conftest import MakeGround
from tests.pipeline.agent.run import Ground
from tests.stack.collector import CollectorRun


def test_a_program_is_its_own_agent(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """With an endpoint it delivers from a thread, and flush tells that it has."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.THREAD) == "True True\n"

    assert Counter(each.body for each in collector.logs())["resizing"] == 50
    spans = [each for each in collector.spans() if each.name == "resize"]
    assert len({each.attributes["input.id"] for each in spans}) == 50
    assert here.ask("select count(*) from inputs where outcome = 'success'") == [(50,)]
    done = [each for each in collector.metrics() if each.name == "input.completed"]
    assert done[-1].value == 50


def test_flush_tells_the_truth(ground: MakeGround, collector: CollectorRun) -> None:
    """Where the Collector is away, flush and shutdown say that something is left."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)
    collector.kill()

    said = here.program(programs.THREAD.replace("=20", "=1"))

    assert said == "False False\n"
    collector.start()
    here.telemetry("agent", "--once")  # the next agent goes on with it
    assert Counter(each.body for each in collector.logs())["resizing"] == 50


def test_the_end_of_a_program_delivers(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """A program that says nothing of flush, and is over at once, has delivered."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    here.program(programs.SHORT)

    assert [each.body for each in collector.logs()] == ["resizing"]


def test_the_end_says_what_it_left(ground: MakeGround) -> None:
    """Where nobody takes it, the program ends in time, and says that it is kept."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert "the next agent goes on with it" in here.program_errors(programs.SHORT)

    assert here.ask("select count(*) from logs") == [(1,)]


def test_flush_does_not_wait_for_what_is_written_meanwhile(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """A thread that never ceases to log does not keep the others' answer back."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.CHATTY) == "True\n"

    assert Counter(each.body for each in collector.logs())["resizing"] == 1


def test_a_program_that_becomes_a_daemon(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """The agent was on a thread of the parent, which is gone: the child has its own."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.DAEMON) == "True\n"

    said = Counter(each.body for each in collector.logs())
    assert (said["parent"], said["child"]) == (1, 1)


def test_configured_again_and_again(
    ground: MakeGround, collector: CollectorRun
) -> None:
    """From ten threads, a hundred times: there is one agent."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.AGAIN) == "True\n1\n"


def test_after_the_app(ground: MakeGround, collector: CollectorRun) -> None:
    """An app has a process for it; the rest of the program goes on by itself."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.AFTER_APP) == "False True\nTrue True\n"

    assert Counter(each.body for each in collector.logs())["resizing"] == 1
    here.wait_for_no_agent()


def test_a_process_beside_a_program(ground: MakeGround) -> None:
    """Found again wherever the program goes, and it works in another folder."""
    here = ground()

    assert here.program(programs.BESIDE) == "True\n"

    inside = Ground(here.place.base / "here", {})
    assert ("resizing",) in inside.ask("select event from logs")
    inside.wait_for_no_agent()


def test_direct_mode(ground: MakeGround, collector: CollectorRun) -> None:
    """agent=False delivers by OpenTelemetry's own exporters, and keeps no store."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)

    assert here.program(programs.DIRECT) == "True True\n"

    assert Counter(each.body for each in collector.logs())["resizing"] == 50
    spans = [each for each in collector.spans() if each.name == "resize"]
    assert len(spans) == 50
    assert not here.place.store.exists()


def test_asking_brings_in_what_processes_left(ground: MakeGround) -> None:
    """With no endpoint and no agent, the first question reads the boxes."""
    here = ground()
    here.program(programs.QUIET)

    said = here.telemetry("logs")

    assert "resizing" in said
    assert "printed" in said
    assert len(here.telemetry("inputs", "--json").splitlines()) == 1


def test_following_with_no_agent(ground: MakeGround) -> None:
    """What a program writes is shown as it comes, although nobody else reads it."""
    here = ground()
    with here.started("logs", "--follow") as shown:
        try:
            assert shown.stdout is not None
            assert shown.stderr is not None
            assert "waiting" in shown.stderr.readline()
            with here.running(programs.FOLLOWED) as program:
                assert program.stdin is not None
                for word in ("one", "two"):
                    program.stdin.write(f"{word}\n")
                    program.stdin.flush()
                    assert word in shown.stdout.readline()
                program.communicate()
        finally:
            shown.terminate()


def test_plain_opentelemetry(ground: MakeGround, collector: CollectorRun) -> None:
    """A program that knows nothing of us lands in the same store, and further on."""
    here = ground(OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)
    with here.started("agent") as agent:
        here.wait_until(lambda: here.agent() is not None, "no agent comes")
        status = here.agent()
        assert status is not None

        here.program(programs.FOREIGN, OTEL_EXPORTER_OTLP_ENDPOINT=status.receiver)

        agent.terminate()
        assert agent.wait() == 0
    said = {f"said {number}" for number in range(20)}
    assert {row[0] for row in here.ask("select event from logs")} == said
    assert {each.body for each in collector.logs()} == said
    assert here.ask("select count(*) from spans") == [(20,)]
    assert len(collector.spans()) == 20
    points = [each for each in collector.metrics() if each.name == "plain.done"]
    assert points[-1].value == 20
    names = here.ask("select distinct name from series where name = 'plain.done'")
    assert names == [("plain.done",)]
