"""Slow, many and large senders: each is bounded, and nothing accepted is lost."""

from __future__ import annotations

import gzip
import select
import socket
import threading
import time

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from telemetry.pipeline.receiver.limits import MIB, Limits
from telemetry.pipeline.receiver.received import Inbox, Received, Stored
from telemetry.pipeline.receiver.receiver import Receiver
from tests.pipeline.receiver.conftest import Clock, Serve
from tests.pipeline.receiver.otlp import logs_request
from tests.pipeline.receiver.talking import (
    connect,
    head,
    post,
    read_answer,
    request,
    rest,
    until,
)

LOGS = logs_request([LogRecord()])


@pytest.mark.parametrize(
    "sent", [b"P", head()[:-2], head(Content_Length=100) + b"x" * 50]
)
def test_slow_senders_are_sent_away(serve: Serve, clock: Clock, sent: bytes) -> None:
    """A head or a body that does not come gets 408, and the connection ends."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        connection.sendall(sent)
        clock.run_until_readable(connection)
        answer = read_answer(connection)
        assert rest(connection) == b""

    assert answer.status == 408


def test_a_byte_now_and_then_is_too_slow(serve: Serve, clock: Clock) -> None:
    """Slowloris: that something comes does not make it come in time."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        for byte in head(Cookie="x" * 10_000):
            connection.sendall(bytes((byte,)))
            clock.now_s += 0.01
            if select.select([connection], [], [], 0)[0]:
                break
        answer = read_answer(connection)

    assert answer.status == 408


def test_a_slow_but_steady_body_is_taken(serve: Serve, clock: Clock) -> None:
    """What comes at the least rate may take longer than a head."""
    receiver, _ = serve(Limits(head_s=10, least_bytes_per_s=1_000))
    body = logs_request([LogRecord(event_name="x" * 40_000)])
    sent = head(Content_Length=len(body)) + body
    with connect(receiver) as connection:
        connection.sendall(sent[:20_000])
        service = receiver._service
        assert service is not None
        until(lambda: service._held_bytes > 19_000)
        clock.now_s = 25
        time.sleep(0.05)  # some sweeps, all of which must leave it alone
        connection.sendall(sent[20_000:])
        answer = read_answer(connection)

    assert answer.status == 200


def test_idle_connections_end(serve: Serve, clock: Clock) -> None:
    """They do so in silence, before and after a request."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        clock.run_until_readable(connection)
        assert rest(connection) == b""
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        assert read_answer(connection).status == 200
        clock.run_until_readable(connection)
        assert rest(connection) == b""


def test_what_is_not_stored_in_time(serve: Serve, clock: Clock) -> None:
    """The sender is told to come again; the late word of the worker goes nowhere."""
    receiver, shelf = serve()
    shelf.open.clear()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        clock.run_until_readable(connection)
        answer = read_answer(connection)
        shelf.open.set()
        connection.sendall(request(LOGS))
        second = read_answer(connection)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert second.status == 200
    assert len(shelf.stored) == 2


def test_a_late_word_is_not_taken_for_the_next_request(clock: Clock) -> None:
    """1. The first request times out; 2. the second waits; 3. the first is stored."""
    held: list[Received] = []

    def hold(received: Received) -> bool:
        held.append(received)
        return True

    receiver = Receiver(hold, port=0)
    receiver.start()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        clock.run_until_readable(connection)
        assert read_answer(connection).status == 503
        connection.sendall(request(LOGS))
        until(lambda: len(held) == 2)
        held[0].stored(7, "of the first")
        held[1].reject("of the second")
        answer = read_answer(connection)
    receiver.close()

    assert answer.status == 400
    assert b"of the second" in answer.body


def test_pipelined_requests_wait_outside(serve: Serve) -> None:
    """While one waits for its answer, little is read of those behind it."""
    receiver, shelf = serve()
    shelf.open.clear()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        until(lambda: shelf.inbox.waiting_bytes() > 0)
        connection.setblocking(False)
        sent = 0
        while select.select([], [connection], [], 0.5)[1] and sent < 64 * MIB:
            sent += connection.send(bytes(MIB))
        shelf.open.set()

    assert sent < 64 * MIB, "it is all in memory"


def test_a_full_inbox_sends_senders_away(serve: Serve) -> None:
    """They get 503 and Retry-After; who was accepted is stored, who comes again too."""
    receiver, shelf = serve(most_requests=1)
    shelf.open.clear()
    with connect(receiver) as first:
        first.sendall(request(LOGS))
        until(lambda: shelf.inbox.waiting_bytes() > 0)
        with connect(receiver) as second:
            second.sendall(request(LOGS))
            refused = read_answer(second)
            shelf.open.set()
            assert read_answer(first).status == 200
            second.sendall(request(LOGS))
            again = read_answer(second)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert again.status == 200
    assert len(shelf.stored) == 2


def test_a_worker_that_fails(serve: Serve) -> None:
    """What it refuses may come again; what it rejects may not."""
    receiver, shelf = serve()
    shelf.answer = lambda received: received.refuse("the disk is full", 30)
    refused = post(receiver, LOGS)
    shelf.answer = lambda received: received.reject("no")

    assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    assert b"the disk is full" in refused.body
    assert post(receiver, LOGS).status == 400


def test_an_accept_that_raises() -> None:
    """The sender is told to come again, and the error is told to us."""
    errors: list[BaseException] = []

    def accept(_received: Received) -> bool:
        raise RuntimeError("broken")

    receiver = Receiver(accept, port=0, on_error=errors.append)
    receiver.start()
    answer = post(receiver, LOGS)
    receiver.close()

    assert answer.status == 503
    assert [str(error) for error in errors] == ["broken"]


def test_too_many_connections(serve: Serve) -> None:
    """One too many is told so; when another ends there is room."""
    receiver, _ = serve(Limits(connections=2))
    with connect(receiver) as first, connect(receiver) as second:
        first.sendall(request(LOGS))
        assert read_answer(first).status == 200
        with connect(receiver) as third:
            assert read_answer(third).status == 503
        second.sendall(request(LOGS))
        assert read_answer(second).status == 200
    until(lambda: post(receiver, LOGS).status == 200)


def test_all_bodies_together(serve: Serve) -> None:
    """Many half bodies do not fill the memory; small requests still come in."""
    receiver, _ = serve(Limits(held_bytes=3 * MIB))
    with connect(receiver) as first, connect(receiver) as second:
        first.sendall(head(Content_Length=4 * MIB) + bytes(2 * MIB))
        until(lambda: post(receiver, LOGS).status == 200)
        second.sendall(head(Content_Length=4 * MIB) + bytes(2 * MIB))
        refused = read_answer(second)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    until(lambda: post(receiver, LOGS).status == 200)


def test_a_bomb_keeps_nobody_waiting(serve: Serve) -> None:
    """It is unpacked on another thread, and no further than the cap."""
    receiver, _ = serve()
    bomb = gzip.compress(bytes(100 * MIB), 9)
    with connect(receiver) as connection:
        connection.sendall(request(bomb, Content_Encoding="gzip"))
        assert post(receiver, LOGS).status == 200
        assert read_answer(connection).status == 413


def send_for_ever(connection: socket.socket) -> None:
    """Send requests that are answered at once, and read no answer."""
    while True:
        connection.sendall(request(b"\x0a\x05x") * 100)


def test_senders_that_read_no_answers(serve: Serve) -> None:
    """Their answers do not pile up: the connection ends."""
    receiver, _ = serve()
    with connect(receiver) as connection, pytest.raises(ConnectionError):
        send_for_ever(connection)


def received(size: int, told: list[object]) -> Received:
    """A request with a body of that size."""
    return Received("logs", bytes(size), 1, told.append)


def test_inbox_is_bounded_by_bytes() -> None:
    """One is taken whatever its size, and further ones while there is room."""
    inbox, told = Inbox(most_bytes=10), list[object]()

    assert [inbox.offer(received(size, told)) for size in (50, 1)] == [True, False]
    assert [len(r.body) for r in inbox.take(1)] == [50]
    assert [inbox.offer(received(4, told)) for _ in range(3)] == [True, True, False]
    assert [len(r.body) for r in inbox.take(7)] == [4]
    assert inbox.waiting_bytes() == 4


def test_inbox_that_closes() -> None:
    """Who waits is told to come again, and nobody else comes in."""
    inbox, told = Inbox(), list[object]()
    inbox.offer(received(1, told))
    inbox.close()

    assert [getattr(each, "status", None) for each in told] == [503]
    assert inbox.offer(received(1, told)) is False
    assert inbox.take(1) == []


def test_only_the_first_word_counts() -> None:
    """A worker that fails behind its commit takes nothing back."""
    told: list[object] = []
    one = received(1, told)
    one.stored()
    one.refuse("too late")

    assert told == [Stored()]


def test_inbox_from_many_threads() -> None:
    """Nothing is taken twice, nothing is lost, and the sum of the bytes is right."""
    inbox, told = Inbox(), list[object]()
    threads = [
        threading.Thread(
            target=lambda: [inbox.offer(received(3, told)) for _ in range(200)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    taken: list[Received] = []

    def take() -> bool:
        taken.extend(inbox.take(30))
        return len(taken) == 800

    until(take)
    for thread in threads:
        thread.join()

    assert len({id(each) for each in taken}) == 800
    assert inbox.waiting_bytes() == 0
