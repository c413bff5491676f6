"""An agent goes on whatever happens around it, and ends when it is told to."""

from __future__ import annotations

import errno
import http.client
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telemetry.capture.blackbox.box import BlackBox
from telemetry.core.errors import Error
from telemetry.pipeline.agent import agent as agent_module
from telemetry.pipeline.agent.agent import Agent
from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.threads import AgentThread
from telemetry.pipeline.agent.wanted import AgentWanted, wanted
from telemetry.pipeline.agent.worker import Worker
from telemetry.pipeline.store import opening
from telemetry.pipeline.store.failures import StoreError
from tests.pipeline.agent.workshop import MIB, NOWHERE, made, sent, write
from tests.pipeline.delivery.collector import Collector, Reply

DEADLINE_S = 20.0
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def place(tmp_path: Path) -> Places:
    """An empty folder."""
    folder = tmp_path / "ours"
    folder.mkdir(mode=0o700)
    return places(folder)


@pytest.fixture
def box(place: Places) -> Iterator[BlackBox]:
    """A program's."""
    found = made(place.boxes, budget_bytes=32 * MIB)
    yield found
    found.close()


def asked(url: str, receive: str = "none") -> AgentWanted:
    """To deliver lines to *url*."""
    return wanted(
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{url}/v1/logs"}, receive=receive
    )


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Wait, with a deadline."""
    until_s = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until_s, what
        time.sleep(0.01)


def begun(agent: Agent, **hooks: Callable[[], object]) -> Agent:
    """*agent*, at work."""
    assert agent.begin()
    agent.start(**hooks)  # type: ignore[arg-type]  # of the hooks that there are
    return agent


def post(url: str, body: bytes) -> int:
    """Send lines to an agent; the status of its answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    try:
        kind = {"Content-Type": "application/x-protobuf"}
        connection.request("POST", "/v1/logs", body, kind)
        return connection.getresponse().status
    finally:
        connection.close()


def arrived(collector: Collector, text: str) -> bool:
    """Whether a line came to the Collector."""
    return any(text.encode() in body for body in collector.bodies)


def test_problems_that_cannot_be_told(place: Places, box: BlackBox) -> None:
    """A full disk takes no complaints: what is written is stored all the same."""

    def on_full_disk(_text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (place.boxes / "ps-0.box").write_bytes(b"garbage" * 1_000)
    write(box, "one")
    with Collector() as collector:
        agent = begun(Agent(place, asked(collector.url), on_problem=on_full_disk))
        collector.wait_for(1)

        assert agent.stop(DEADLINE_S)
        assert arrived(collector, "one")


def test_a_fault_of_ours_is_not_the_end(
    place: Places, box: BlackBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and the next round comes."""

    def fail(_path: Path, _status: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(agent_module, "tell", fail)
    problems: list[str] = []
    with Collector() as collector:
        agent = begun(Agent(place, asked(collector.url), on_problem=problems.append))
        wait_until(lambda: problems, "the fault is not told")
        write(box, "one")
        collector.wait_for(1)

        assert agent.stop(DEADLINE_S)
    assert any("a fault" in each for each in problems)


def test_another_store_has_another_outbox(place: Places, box: BlackBox) -> None:
    """Where the store had to be begun anew, what comes then is delivered as well."""
    with Collector() as collector:
        agent = begun(Agent(place, asked(collector.url), on_problem=bool))
        write(box, "one")
        collector.wait_for(1)

        for path in place.base.glob("store.sqlite*"):
            path.unlink()
        write(box, "two")
        collector.wait_for(2)

        assert agent.drain(DEADLINE_S)
        assert agent.stop(DEADLINE_S)
        assert arrived(collector, "two")


def test_it_ends_with_its_folder(place: Places) -> None:
    """It is gone: what is sent to the agent must not go where nobody looks."""
    ended = threading.Event()
    agent = begun(Agent(place, asked(NOWHERE), on_problem=bool), on_end=ended.set)

    place.base.rename(place.base.with_name("aside"))

    assert ended.wait(DEADLINE_S)
    assert not agent.stop(0)
    assert "removed" in agent.left()


def test_it_says_that_it_had_no_time(place: Places, box: BlackBox) -> None:
    """With no endpoint, too: what is still in the boxes is not stored."""
    write(box, *("x" * 60_000 for _ in range(200)))
    agent = Agent(place, wanted({}, receive="none"), on_problem=bool)
    assert agent.begin()

    assert not agent.run_once(0)

    assert agent.left() == "what the black boxes hold"
    again = Agent(place, wanted({}, receive="none"), on_problem=bool)
    assert again.begin()
    assert again.run_once(DEADLINE_S)
    assert again.stored > 0


def test_what_no_endpoint_takes_is_not_waited_for(place: Places, box: BlackBox) -> None:
    """Lines of a time when there was one do not count as undelivered for ever."""
    write(box, "one")
    before = Agent(place, asked(NOWHERE), on_problem=bool)
    assert before.begin()
    before.store_once(DEADLINE_S)
    before.close()
    spans = wanted({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOWHERE}, receive="none")

    agent = begun(Agent(place, spans, on_problem=bool))

    assert agent.drain(DEADLINE_S)
    assert agent.stop(DEADLINE_S)


def test_asking_takes_nothing_from_the_collector(place: Places, box: BlackBox) -> None:
    """Who asks may have no endpoint: what is read then waits for the next agent."""
    with Collector() as collector:
        first = Agent(place, asked(collector.url), on_problem=bool)
        assert first.begin()
        assert first.run_once(DEADLINE_S)
        write(box, "one")

        for to in (wanted({}, receive="none"), asked(collector.url)):
            assert not arrived(collector, "one")
            agent = Agent(place, to, on_problem=bool)
            assert agent.begin()
            done = agent.run_once if to.endpoints else agent.store_once
            assert done(DEADLINE_S)
            agent.close()

        assert arrived(collector, "one")


def test_senders_hear_at_once_that_nothing_can_be_stored(
    place: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They need not wait for the next attempt, nor cause one each."""
    monkeypatch.setattr(opening, "BUSY_S", 0.01)
    turns: list[float] = []
    real = Worker.turn

    def turn(self: Worker, now_s: float, **asked: bool) -> bool:
        turns.append(now_s)
        return real(self, now_s, **asked)

    monkeypatch.setattr(Worker, "turn", turn)
    problems: list[str] = []
    to = asked(NOWHERE, receive="127.0.0.1:0")
    agent = begun(Agent(place, to, on_problem=problems.append))
    url = agent.introduction()[1].split()[3]
    other = sqlite3.connect(place.store, isolation_level=None)
    other.execute("begin immediate")
    try:
        assert post(url, sent("zero")) == 503
        wait_until(lambda: problems, "it does not fail")
        turns.clear()
        answers = {post(url, sent(f"{number}")) for number in range(50)}
        assert answers == {503}
        assert len(turns) < 50
    finally:
        other.close()
    wait_until(lambda: post(url, sent("one")) == 200, "it does not go on")
    assert agent.stop(0) is False


@pytest.mark.parametrize("fault", ["store", "certificate"])
def test_an_agent_that_cannot_begin_holds_nothing(place: Places, fault: str) -> None:
    """Whoever tries again every two seconds must not run out of files."""
    environ = {ENDPOINT: "https://127.0.0.1:9"}
    if fault == "store":
        other = sqlite3.connect(place.store)
        other.execute("create table mine (a)")
        other.close()
    else:
        environ["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(place.base / "none.pem")
    counts: list[int] = []
    for _ in range(3):
        with pytest.raises((StoreError, Error, OSError), match=r"sqlite|none\.pem"):
            begun(Agent(place, wanted(environ, receive="none"), on_problem=bool))
        counts.append(len(list(Path("/dev/fd").iterdir())))

    assert counts[0] == counts[-1]
    assert holder(place.lock) is None


def test_a_thread_that_ends_before_it_began(place: Places, box: BlackBox) -> None:
    """A short program delivers as it ends, and does not wait for the thread's time."""
    write(box, "one")
    with Collector() as collector:
        thread = AgentThread(place, asked(collector.url))
        thread.start()

        assert thread.shutdown(DEADLINE_S)

        assert arrived(collector, "one")
    assert holder(place.lock) is None


def test_a_thread_leaves_it_to_another_agent(place: Places, box: BlackBox) -> None:
    """Who comes second has nothing to deliver, and nothing to wait for."""
    write(box, "one")
    with Collector() as collector:
        first = begun(Agent(place, asked(collector.url), on_problem=bool))
        thread = AgentThread(place, asked(NOWHERE))
        thread.start()
        assert thread.flush(DEADLINE_S)
        assert thread.shutdown(DEADLINE_S)
        assert first.stop(DEADLINE_S)


def test_a_thread_without_a_folder(place: Places) -> None:
    """It was removed: the program runs on, and is told that nothing is delivered."""
    shutil.rmtree(place.base)
    thread = AgentThread(place, asked(NOWHERE))
    thread.start()

    assert not thread.shutdown(DEADLINE_S)


def test_the_end_is_bounded(place: Places, box: BlackBox) -> None:
    """A Collector that takes a request and never answers holds nobody."""
    write(box, "one")
    with Collector(usual=lambda _request: Reply(b"", hang=True)) as collector:
        thread = AgentThread(place, asked(collector.url))
        thread.start()
        collector.wait_for(1)

        assert not thread.shutdown(0.1)
