"""The receiver over real sockets: what is sent arrives, and each gets its answer."""

from __future__ import annotations

import gzip
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.pipeline.receiver.decoding import decode_logs
from telemetry.pipeline.receiver.limits import DEFAULTS
from telemetry.pipeline.receiver.receiver import Receiver
from tests.pipeline.receiver.conftest import Serve
from tests.pipeline.receiver.otlp import (
    any_value,
    logs_request,
    metrics_request,
    spans_request,
)
from tests.pipeline.receiver.talking import (
    DEADLINE_S,
    connect,
    head,
    post,
    read_answer,
    request,
    rest,
    until,
)

LOGS = logs_request([LogRecord(body=any_value("hello"))] * 2)
JSON_LOGS = orjson.dumps(
    {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "0a" * 16}]}]}]}
)


def test_every_signal_arrives(serve: Serve) -> None:
    """Each path has its signal; the body is the one that was sent."""
    receiver, shelf = serve()
    spans = spans_request([Span()])
    metrics = metrics_request(
        [otlp.Metric(gauge=otlp.Gauge(data_points=[otlp.NumberDataPoint()]))]
    )
    answers = [
        post(receiver, LOGS),
        post(receiver, spans, "/v1/traces", Content_Encoding="identity"),
        post(receiver, gzip.compress(metrics), "/v1/metrics", Content_Encoding="gzip"),
    ]

    assert [(a.status, a.body) for a in answers] == [(200, b"")] * 3
    assert [(r.signal, r.body, r.items) for r in shelf.stored] == [
        ("logs", LOGS, 2),
        ("spans", spans, 1),
        ("metrics", metrics, 1),
    ]
    assert receiver.answers() == {200: 3}


def test_json_in_and_out(serve: Serve) -> None:
    """JSON is protobuf from here on, and is answered in JSON."""
    receiver, shelf = serve()
    answer = post(receiver, JSON_LOGS, Content_Type="application/json; charset=utf-8")

    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["Content-Type"] == "application/json"
    line = decode_logs(shelf.stored[0].body).groups[0][1][0].line
    assert line.trace_id == "0a" * 16


def test_rejected_items_are_told(serve: Serve) -> None:
    """What the worker could not keep is in partial_success, in both forms."""
    receiver, shelf = serve()
    shelf.answer = lambda received: received.stored(3, "no ids")
    response = ExportLogsServiceResponse.FromString(post(receiver, LOGS).body)
    as_json = post(receiver, JSON_LOGS, Content_Type="application/json")

    assert response.partial_success.rejected_log_records == 3
    assert response.partial_success.error_message == "no ids"
    assert orjson.loads(as_json.body) == {
        "partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "no ids"}
    }


def test_errors_are_a_status(serve: Serve) -> None:
    """A google.rpc.Status, in the form of the request."""
    receiver, _ = serve()
    answer = post(receiver, b"\x0a\x05x")
    as_json = post(receiver, b"{", Content_Type="application/json")
    found = Status.FromString(answer.body)

    assert (answer.status, found.code) == (400, 3)
    assert "pars" in found.message
    assert as_json.status == 400
    assert orjson.loads(as_json.body)["message"].startswith("no OTLP/JSON")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (head("/v2/logs"), 404),
        (head(method="PUT"), 405),
        (head(Content_Type="text/plain"), 415),
        (head(Content_Length=65 << 20), 413),
        (head(Host="evil.example"), 403),
        (head(Origin="https://evil.example"), 403),
        (head(Host=None), 400),
        (head(Content_Length="many"), 400),
        (head(Cookie="x" * 17_000), 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", 400),
    ],
)
def test_what_is_not_taken(serve: Serve, sent: bytes, status: int) -> None:
    """It is answered from the head alone, and the connection ends."""
    receiver, shelf = serve()
    with connect(receiver) as connection:
        connection.sendall(sent)
        answer = read_answer(connection)
        assert rest(connection) == b""

    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    assert shelf.stored == []


def test_a_large_body_is_refused_before_it_is_sent(serve: Serve) -> None:
    """The answer arrives although the sender goes on: what comes is thrown away."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        connection.sendall(head(Content_Length=100 << 20) + bytes(1 << 20))
        answer = read_answer(connection)
        for _ in range(20):  # a reset would come back at once
            connection.sendall(bytes(1 << 16))

    assert answer.status == 413


def test_token(serve: Serve) -> None:
    """Without it nothing comes in, with it everything."""
    receiver, shelf = serve(token="a-token-that-is-long-enough")
    refused = post(receiver, LOGS)
    taken = post(receiver, LOGS, Authorization="Bearer a-token-that-is-long-enough")

    assert (refused.status, taken.status) == (401, 200)
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert len(shelf.stored) == 1


def test_expect_continue(serve: Serve) -> None:
    """A sender that asks first is told to go on; one with a wrong request is not."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        connection.sendall(head(Content_Length=len(LOGS), Expect="100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(LOGS)
        assert read_answer(connection).status == 200
    with connect(receiver) as connection:
        connection.sendall(head("/x", Content_Length=5, Expect="100-continue"))
        assert read_answer(connection).status == 404


def test_chunks(serve: Serve) -> None:
    """A body of unknown length, as Node's and curl's."""
    receiver, shelf = serve()
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, bytes((b,))) for b in LOGS) + b"0\r\n\r\n"
    with connect(receiver) as connection:
        connection.sendall(head(Transfer_Encoding="chunked") + chunks)
        assert read_answer(connection).status == 200

    assert shelf.stored[0].body == LOGS


def test_a_body_of_64_mib(serve: Serve) -> None:
    """The largest that exporters send is taken whole, from a thread of its own."""
    receiver, shelf = serve()
    around = len(logs_request([LogRecord(event_name="x" * 3_000_000)])) - 3_000_000
    body = logs_request([LogRecord(event_name="x" * (DEFAULTS.body_bytes - around))])
    answer = post(receiver, body)

    assert answer.status == 200
    assert len(shelf.stored[0].body) == 64 << 20


def test_pipelining(serve: Serve) -> None:
    """Requests behind each other are answered in their order, good and bad ones."""
    receiver, shelf = serve()
    good, bad = request(LOGS), request(b"\x0a\x05x")
    with connect(receiver) as connection:
        connection.sendall(b"".join([good, bad] * 200) + head("/nowhere"))
        text = rest(connection)
    answers = text.split(b"HTTP/1.1 ")[1:]
    statuses = [int(each[:3]) for each in answers if each[:3].isdigit()]

    assert statuses == [200, 400] * 200 + [404]
    assert len(shelf.stored) == 200


def test_half_a_request(serve: Serve) -> None:
    """A sender that goes away in the middle leaves nothing, and harms nobody."""
    receiver, shelf = serve()
    whole = request(LOGS)
    for end in range(1, len(whole), 9):
        with connect(receiver) as connection:
            connection.sendall(whole[:end])
    assert post(receiver, LOGS).status == 200

    assert len(shelf.stored) == 1


def test_a_sender_that_does_not_wait(serve: Serve) -> None:
    """What was sent whole is kept, even if nobody is there to hear it."""
    receiver, shelf = serve()
    shelf.open.clear()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        connection.shutdown(socket.SHUT_WR)
    shelf.open.set()

    until(lambda: len(shelf.stored) == 1)


def test_a_sender_that_only_listens_further(serve: Serve) -> None:
    """One that has closed its side of the connection still gets its answer."""
    receiver, _ = serve()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(connection).status == 200
        assert rest(connection) == b""


def test_fifty_clients_at_once(serve: Serve) -> None:
    """Each gets an answer for each of its requests, and each request is stored once."""
    receiver, shelf = serve()
    started = threading.Barrier(50)

    def client(number: int) -> list[int]:
        found = []
        with connect(receiver) as connection:
            started.wait(DEADLINE_S)
            for at in range(20):
                body = logs_request([LogRecord(body=any_value(f"{number}-{at}"))])
                connection.sendall(request(body))
                found.append(read_answer(connection).status)
        return found

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(client, range(50)))
    events = [decode_logs(r.body).groups[0][1][0].line.event for r in shelf.stored]

    assert answers == [[200] * 20] * 50
    assert sorted(events) == sorted(f"{n}-{at}" for n in range(50) for at in range(20))


def test_closing_answers_who_waits(serve: Serve) -> None:
    """A request that is being stored gets its 200, and later ones find nobody."""
    receiver, shelf = serve()
    shelf.open.clear()
    with connect(receiver) as idle, connect(receiver) as connection:
        connection.sendall(request(LOGS))
        until(lambda: shelf.inbox.waiting_bytes() > 0)
        closing = threading.Thread(target=receiver.close, args=(DEADLINE_S,))
        closing.start()
        assert rest(idle) == b""  # so it has begun to close
        shelf.open.set()
        answer = read_answer(connection)
        closing.join(DEADLINE_S)

    assert answer.status == 200
    with pytest.raises(ConnectionRefusedError):
        connect(receiver)
    assert receiver.close() is True


def test_closing_does_not_wait_for_ever(serve: Serve) -> None:
    """Who has no answer by the end of the time is told to come again."""
    receiver, shelf = serve()
    shelf.open.clear()
    with connect(receiver) as connection:
        connection.sendall(request(LOGS))
        until(lambda: shelf.inbox.waiting_bytes() > 0)
        assert receiver.close(0.05) is False
        answer = read_answer(connection)

    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


def test_an_address_in_use(serve: Serve) -> None:
    """It is said where it was asked for."""
    receiver, _ = serve()
    second = Receiver(lambda _received: True, port=receiver.port)

    with pytest.raises(OSError, match="in use"):
        second.start()
    assert second.close() is True
