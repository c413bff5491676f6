"""What waits is delivered, once, in order, for as long as it takes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.http_sender import HttpSender
from telemetry.pipeline.delivery.shipper import Shipper
from telemetry.pipeline.outbox import Outbox, Parcel
from telemetry.policy.delivery import MOST_ATTEMPTS, Meaning, Pace, Verdict
from tests.pipeline.delivery.collector import Collector, Reply, Request, reply
from tests.pipeline.delivery.parcels import MemoryOutbox, parcels, texts_in

FAST = Pace(first_s=0.001, most_s=0.01, slow_s=0.02)
SLOW = Pace(first_s=3_000, most_s=3_000, slow_s=3_000)
TAKEN = Verdict(Meaning.DELIVERED)
BUSY = Verdict(Meaning.RETRY, "busy")


class Scripted:
    """A sender that answers as it is told to; then it takes everything."""

    where = "http://c:4318/v1/logs"

    def __init__(self, *script: Verdict) -> None:
        self.script = deque(script)
        self.sent: list[bytes] = []
        self.gate = threading.Event()
        self.gate.set()
        self.aborted = threading.Event()
        self.closed = False
        self._changed = threading.Condition()

    def send(self, body: bytes) -> Verdict:
        """See `telemetry.pipeline.delivery.sender.Sender`."""
        with self._changed:
            self.sent.append(body)
            self._changed.notify_all()
        while not self.gate.wait(0.01):
            if self.aborted.is_set():
                return Verdict(Meaning.RETRY, "stopped")
        return self.script.popleft() if self.script else TAKEN

    def abort(self) -> None:
        """See `telemetry.pipeline.delivery.sender.Sender`."""
        self.aborted.set()

    def close(self) -> None:
        """See `telemetry.pipeline.delivery.sender.Sender`."""
        self.closed = True

    def wait_for(self, count: int) -> None:
        """Until so many requests were sent."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, 20)

    @property
    def texts(self) -> list[str]:
        """What was sent, all of it."""
        return [text for body in self.sent for text in texts_in(body)]


def numbers(count: int) -> list[str]:
    """The texts of so many records."""
    return [str(number) for number in range(count)]


@contextmanager
def running(
    outbox: Outbox, sender: Scripted, pace: Pace = FAST, told: list[str] | None = None
) -> Iterator[Shipper]:
    """A shipper at work."""
    tell = None if told is None else told.append
    shipper = Shipper("logs", outbox, sender, pace=pace, tell=tell)
    shipper.start()
    try:
        yield shipper
    finally:
        sender.gate.set()
        shipper.stop(0)
        assert sender.closed


def test_joined_and_in_order() -> None:
    """A hundred parcels, one request; and the outbox is told of each."""
    outbox, sender = MemoryOutbox(parcels([10] * 100)), Scripted()
    with running(outbox, sender) as shipper:
        assert shipper.drain(20)
        status = shipper.status()

    assert len(sender.sent) == 1
    assert sender.texts == numbers(1_000)
    assert outbox.arrived == [*range(1, 101)]
    assert (status.delivered, status.requests, status.refused) == (1_000, 1, 0)
    assert status.backlog_since_ns is None


def test_no_larger_than_agreed() -> None:
    """A backlog of many megabytes goes in requests of a bounded size."""
    outbox, sender = MemoryOutbox(parcels([100] * 50)), Scripted()
    shipper = Shipper("logs", outbox, sender, most_bytes=20_000)
    shipper.start()
    assert shipper.drain(20)
    shipper.stop(0)

    assert sender.texts == numbers(5_000)
    assert max(map(len, sender.sent)) <= 20_000


def test_woken_by_what_is_new() -> None:
    """Nobody waits for the next look into the outbox."""
    outbox, sender = MemoryOutbox(), Scripted()
    with running(outbox, sender) as shipper:
        for number, each in enumerate(parcels([1] * 20), 1):
            outbox.put(each)
            shipper.wake()
            sender.wait_for(number)

    assert sender.texts == numbers(20)


@pytest.mark.parametrize("times", [1, 3 * MOST_ATTEMPTS])
def test_tried_until_it_is_taken(times: int) -> None:
    """The same request again, however often; then it is delivered once."""
    outbox, sender = MemoryOutbox(parcels([3, 3])), Scripted(*[BUSY] * times)
    with running(outbox, sender) as shipper:
        assert shipper.drain(20)
        status = shipper.status()

    assert len(set(sender.sent)) == 1
    assert len(sender.sent) == times + 1
    assert outbox.arrived == [1, 2]
    assert (status.delivered, status.failures, status.error) == (6, 0, "")


def test_doubtful_answers_come_to_an_end() -> None:
    """500 again and again: it is counted, and what comes behind it is delivered."""
    first, second = parcels([3, 4])
    fault = Verdict(Meaning.DOUBTFUL, "HTTP 500")
    # Another answer in between does not use up the patience with this one.
    script = [*[BUSY] * 20, *[fault] * MOST_ATTEMPTS]
    outbox, sender = MemoryOutbox([first]), Scripted(*script)
    told: list[str] = []
    with running(outbox, sender, told=told) as shipper:
        assert shipper.drain(20)
        assert len(sender.sent) == len(script)
        outbox.put(second)
        shipper.wake()
        assert shipper.drain(20)

    assert outbox.lost == [([1], "doubtful", 3)]
    assert outbox.arrived == [2]
    assert "3 logs were refused: HTTP 500 (http://c:4318/v1/logs)" in told


def test_refused_for_good_is_counted() -> None:
    """400 for a single record: given up at once, with the reason."""
    verdict = Verdict(Meaning.REFUSED, "HTTP 400")
    outbox, sender = MemoryOutbox(parcels([1])), Scripted(verdict)
    with running(outbox, sender) as shipper:
        assert shipper.drain(20)
        status = shipper.status()

    assert outbox.lost == [([1], "refused", 1)]
    assert (status.refused, status.delivered, status.error) == (1, 0, "HTTP 400")


def test_partial_success_is_counted() -> None:
    """Two of ten were rejected: the others have arrived."""
    verdict = Verdict(Meaning.DELIVERED, "too old", rejected=2)
    outbox, sender = MemoryOutbox(parcels([10])), Scripted(verdict)
    with running(outbox, sender) as shipper:
        assert shipper.drain(20)
        status = shipper.status()

    assert outbox.lost == [([1], "rejected", 2)]
    assert (status.refused, status.delivered, status.error) == (2, 8, "too old")


def test_wrong_setting_is_told_once() -> None:
    """That nothing is delivered, and that it is again; in between, patience."""
    wrong = Verdict(Meaning.MISCONFIGURED, "HTTP 401")
    outbox, sender = MemoryOutbox(parcels([1])), Scripted(*[wrong] * 5)
    told: list[str] = []
    with running(outbox, sender, told=told) as shipper:
        assert shipper.drain(20)
        status = shipper.status()

    where = "(http://c:4318/v1/logs)"
    assert told == [
        f"no logs can be delivered: HTTP 401 {where}",
        f"logs are delivered again {where}",
    ]
    assert outbox.arrived == [1]
    assert not status.misconfigured


def test_status_while_nothing_is_delivered() -> None:
    """Since when, how often, why: what ``telemetry doctor`` shows."""
    wrong = Verdict(Meaning.MISCONFIGURED, "HTTP 401")
    outbox, sender = MemoryOutbox(parcels([1])), Scripted(wrong)
    before_ns = time.time_ns()
    with running(outbox, sender, SLOW) as shipper:
        sender.wait_for(1)
        until(lambda: shipper.status().failures == 1)
        status = shipper.status()

    assert status.misconfigured
    assert (status.error, status.where) == ("HTTP 401", sender.where)
    assert status.backlog_since_ns is not None
    assert before_ns <= status.backlog_since_ns <= status.error_ns


def test_what_the_outbox_drops_is_not_sent() -> None:
    """The budget is used up while the Collector is away: the rest goes on."""
    outbox, sender = MemoryOutbox(parcels([1, 1])), Scripted(*[BUSY] * 10**6)
    with running(outbox, sender) as shipper:
        sender.wait_for(3)
        outbox.drop(1)
        sender.wait_for(len(sender.sent) + 3)
        sender.script.clear()
        assert shipper.drain(20)

    assert texts_in(sender.sent[-1]) == ["1"]
    assert outbox.arrived == [2]


def test_outbox_that_fails_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock, a full disk: it is asked again, and nothing is sent twice."""
    monkeypatch.setattr("telemetry.pipeline.delivery.shipper._BROKEN_S", 0.01)
    outbox, sender = MemoryOutbox(parcels([1])), Scripted()
    outbox.fails = [OSError("database is locked")] * 3
    sender.gate.clear()
    with running(outbox, sender) as shipper:
        sender.wait_for(1)
        with monkeypatch.context() as patched:
            patched.setattr(outbox, "delivered", broken)
            sender.gate.set()
            until(lambda: "disk" in shipper.status().error)
        assert shipper.drain(20)

    assert len(sender.sent) == 1
    assert outbox.arrived == [1]


def broken(_parcels: object) -> None:
    """An outbox that cannot take it."""
    raise OSError("disk full")


def test_stop_delivers_what_is_there() -> None:
    """All of it, when there is time."""
    outbox, sender = MemoryOutbox(parcels([10] * 30)), Scripted(BUSY, BUSY)
    shipper = Shipper("logs", outbox, sender, pace=FAST, most_bytes=1_000)
    shipper.start()
    left = shipper.stop(20)

    assert (left.items, left.more) == (0, False)
    assert outbox.arrived == [*range(1, 31)]


def test_stop_does_not_wait_for_the_next_attempt() -> None:
    """It is tried once more at once; the wait that would follow is not waited for."""
    outbox, sender = MemoryOutbox(parcels([3])), Scripted(BUSY, BUSY)
    with running(outbox, sender, SLOW) as shipper:
        sender.wait_for(1)
        until(lambda: shipper.status().failures == 1)
        left = shipper.stop(50)

    assert (left.items, left.more) == (3, False)
    assert len(sender.sent) == 2


def test_stop_cuts_off_what_hangs() -> None:
    """What is not answered does not keep the program; what is left is told."""
    outbox, sender = MemoryOutbox(parcels([3, 4])), Scripted()
    sender.gate.clear()
    with running(outbox, sender) as shipper:
        sender.wait_for(1)
        left = shipper.stop(0.05)

    assert sender.aborted.is_set()
    assert (left.items, left.more) == (7, False)
    assert outbox.arrived == []


def test_drain_says_when_something_is_left() -> None:
    """And when there is nobody at work any more."""
    outbox, sender = MemoryOutbox(parcels([1])), Scripted(*[BUSY] * 10**6)
    with running(outbox, sender, SLOW) as shipper:
        assert not shipper.drain(0.05)
    assert not shipper.drain(50)


def test_drain_waits_for_what_comes_while_it_looks() -> None:
    """The race that is written down in the code, step by step."""
    outbox, sender = MemoryOutbox(), Scripted()
    looked, go_on = threading.Event(), threading.Event()
    look = outbox.waiting

    def waiting(*asked: object) -> list[Parcel]:
        found = look(*asked)  # type: ignore[arg-type]
        looked.set()
        go_on.wait(20)
        return found

    outbox.waiting = waiting  # type: ignore[method-assign, assignment]
    drained: list[bool] = []
    sender.gate.clear()
    with running(outbox, sender) as shipper:
        assert looked.wait(20)  # 1. it looks, and there is nothing
        outbox.put(*parcels([1]))  # 2. something comes, and somebody asks
        thread = threading.Thread(target=lambda: drained.append(shipper.drain(20)))
        thread.start()
        until(lambda: shipper._asked == 1)
        go_on.set()  # 3. it tells those who had asked before
        sender.wait_for(1)
        thread.join(0.2)
        assert drained == []
        sender.gate.set()
        thread.join(20)

    assert drained == [True]


def limited(request: Request) -> Reply:
    """Takes a megabyte, and nothing with the record 12345 in it."""
    if len(request.body) > 1_000_000:
        return reply(413)
    return reply(400) if "12345" in texts_in(request.body) else reply(200)


def test_against_a_server_that_does_all_of_it() -> None:
    """Busy, failing, closing, strict, and small: each record arrives exactly once."""
    trouble = [
        reply(429, Retry_After="0"),
        Reply(b"", close=True),
        reply(500),
        Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha", close=True),
        reply(503),
    ]
    outbox = MemoryOutbox(parcels([1_000] * 60))
    with Collector(deque(trouble), limited) as server:
        endpoint = Endpoint("logs", f"{server.url}/v1/logs", compression="gzip")
        shipper = Shipper("logs", outbox, HttpSender(endpoint, {}), pace=FAST)
        shipper.start()
        assert shipper.drain(50)
        left = shipper.stop(5)

    taken = [r.body for r in server.requests[5:] if limited(r) == reply(200)]
    texts = [text for body in taken for text in texts_in(body)]
    expected = numbers(60_000)
    expected.remove("12345")
    assert texts == expected
    assert left.items == 0
    assert [items for _, _, items in outbox.lost] == [1]


def until(true: object, timeout_s: float = 20) -> None:
    """Until something is so, looked at again and again."""
    end_s = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end_s
        time.sleep(0.001)
