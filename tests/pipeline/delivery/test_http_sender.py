"""Whatever a server does, it comes back as a verdict, in time."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from email.utils import formatdate

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)

from telemetry.core.errors import InvalidError
from telemetry.pipeline.delivery.endpoints import Endpoint, endpoints
from telemetry.pipeline.delivery.http_sender import HttpSender
from telemetry.policy.delivery import Meaning, Verdict
from tests.pipeline.delivery.collector import DONE, Collector, Reply, Request, reply

PARTIAL = ExportLogsServiceResponse(
    partial_success=ExportLogsPartialSuccess(
        rejected_log_records=3, error_message="too\nold"
    )
).SerializeToString()
STATUS = b"\x08\x03\x12\x09not:\tgood\x1a\x03xyz"
"""A ``google.rpc.Status`` with a code, a message and a detail."""
TIMEOUT_S = 0.3


def endpoint(server: Collector, **others: object) -> Endpoint:
    """Of the server's logs."""
    return Endpoint("logs", f"{server.url}/v1/logs", **others)  # type: ignore[arg-type]


def answered(*script: Reply, **others: object) -> Verdict:
    """The verdict on one request, which is answered by *script*."""
    with Collector(deque(script)) as server:
        sender = HttpSender(endpoint(server, **others), {})
        try:
            return sender.send(b"body")
        finally:
            sender.close()


def test_request_is_as_otlp_wants_it() -> None:
    """Method, path, type, length, headers of the user's, and the body as it is."""
    headers = (("api-key", "geheim-ä"), ("x-scope", "a"))
    with Collector() as server:
        sender = HttpSender(endpoint(server, headers=headers), {})
        verdict = sender.send(b"\x00body")
        sender.close()

    request = server.requests[0]
    assert verdict == Verdict(Meaning.DELIVERED)
    assert (request.method, request.target) == ("POST", "/v1/logs")
    assert request.raw == b"\x00body"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["api-key"] == "geheim-ä"
    assert request.headers["x-scope"] == "a"
    assert request.headers["user-agent"].startswith("input-telemetry/")
    assert "accept-encoding" not in request.headers


def test_host_can_be_another() -> None:
    """A header ``host`` replaces ours, for servers behind a router."""
    with Collector() as server:
        sender = HttpSender(endpoint(server, headers=(("host", "otlp.internal"),)), {})
        sender.send(b"")
        sender.close()

    assert server.requests[0].headers["host"] == "otlp.internal"


def test_connection_is_kept() -> None:
    """Many requests, one connection; also when answers have bodies."""
    with Collector(deque([reply(200, PARTIAL), reply(400, b"x" * 100)])) as server:
        sender = HttpSender(endpoint(server), {})
        for _ in range(5):
            sender.send(b"x" * 1_000_000)
        sender.close()

    assert [request.connection for request in server.requests] == [0] * 5


def test_gzip() -> None:
    """Compressed, said so, and smaller."""
    body = b"the same again " * 10_000
    with Collector() as server:
        sender = HttpSender(endpoint(server, compression="gzip"), {})
        sender.send(body)
        sender.close()

    assert server.bodies == [body]
    assert len(server.requests[0].raw) < len(body) / 50


@pytest.mark.parametrize(
    ("said", "meaning", "text"),
    [
        (reply(429), Meaning.RETRY, "HTTP 429"),
        (reply(500, b"oops", "text/plain"), Meaning.DOUBTFUL, "HTTP 500 Said: oops"),
        (reply(503, b'{"message": "busy"}', "application/json"), Meaning.RETRY, "busy"),
        (reply(400, STATUS), Meaning.REFUSED, "HTTP 400 Said: not: good"),
        (reply(400, b"<html>", "text/html"), Meaning.REFUSED, "HTTP 400 Said"),
        (reply(404), Meaning.REFUSED, "the right path"),
        (reply(413), Meaning.TOO_LARGE, "HTTP 413"),
        (
            reply(400, b"http: request body too large", "text/plain"),
            Meaning.TOO_LARGE,
            "HTTP 400 Said: http: request body too large",
        ),
        (reply(401), Meaning.MISCONFIGURED, "OTEL_EXPORTER_OTLP_HEADERS"),
        (
            reply(200, b"<html>log in</html>", "text/html"),
            Meaning.MISCONFIGURED,
            "a web page",
        ),
    ],
)
def test_status(said: Reply, meaning: Meaning, text: str) -> None:
    """Each status is what it is, and what was said beside it is passed on."""
    verdict = answered(said)

    assert verdict.meaning == meaning
    assert text in verdict.text
    assert "xyz" not in verdict.text


def test_redirect_is_not_followed() -> None:
    """302 is no success, and nothing goes to where it points."""
    with Collector() as elsewhere:
        verdict = answered(reply(302, Location=f"{elsewhere.url}/?token=abc"))

    assert verdict.meaning == Meaning.MISCONFIGURED
    assert f"points to {elsewhere.url}" in verdict.text
    assert "abc" not in verdict.text
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("said", "rejected", "text"),
    [
        (reply(200, PARTIAL), 3, "too old"),
        (
            reply(
                200,
                b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"old"}}',
                "application/json",
            ),
            3,
            "old",
        ),
        (reply(200, b"{}", "application/json"), 0, ""),
        (reply(200, b"\xff\xff\xff"), 0, ""),  # nonsense; the status counts
        (reply(204), 0, ""),
    ],
)
def test_partial_success(said: Reply, rejected: int, text: str) -> None:
    """What was rejected of a request that was taken is counted, with the reason."""
    assert answered(said) == Verdict(Meaning.DELIVERED, text, None, rejected)


@pytest.mark.parametrize(
    ("value", "low_s", "high_s"),
    [("7", 7, 7), ("0", 0, 0), (1_000, 900, 1_000), (-100, 0, 0)],
)
def test_retry_after(value: str | int, low_s: float, high_s: float) -> None:
    """Seconds, or a date; here a number is so many seconds from now, as a date."""
    if isinstance(value, int):
        value = formatdate(time.time() + value, usegmt=True)

    asked_s = answered(reply(503, Retry_After=value)).asked_s

    assert asked_s is not None
    assert low_s <= asked_s <= high_s


@pytest.mark.parametrize("value", ["soon", "inf", "nan", ""])
def test_retry_after_nonsense(value: str) -> None:
    """What cannot be understood was not said."""
    assert answered(reply(503, Retry_After=value)).asked_s is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (Reply(b"", close=True), "closed the connection"),
        (Reply(b"HTTP/1.1 200 OK\r\nContent-Le", close=True), ""),
        (
            Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=True),
            "cut off",
        ),
        (
            Reply(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
                close=True,
            ),
            "cut off",
        ),
        (Reply(b"", hang=True), f"no answer within {TIMEOUT_S} s"),
        (Reply(DONE[:30], hang=True), "no answer"),
        (Reply(b"x", drip=True), "no answer"),
    ],
    ids=["closed", "head", "half", "chunk", "hangs", "head-hangs", "drips"],
)
def test_broken_answers(said: Reply, text: str) -> None:
    """No answer, half of one, one that never comes: try again; in time."""
    verdict = answered(said, timeout_s=TIMEOUT_S)

    assert verdict.meaning == Meaning.RETRY
    assert text in verdict.text


def test_another_protocol() -> None:
    """Who answers in something else will not be persuaded within a second."""
    verdict = answered(Reply(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0", close=True))

    assert verdict.meaning == Meaning.MISCONFIGURED
    assert "does not speak HTTP" in verdict.text


def test_answer_before_the_body_was_read() -> None:
    """413 comes at once, and the connection is reset: no success in any case."""
    with Collector(deque([reply(413)._replace(early=True)])) as server:
        sender = HttpSender(endpoint(server), {})
        first = sender.send(b"x" * 20_000_000)
        second = sender.send(b"small")
        sender.close()

    # Where the system throws the answer away with the connection, that is a failure
    # like any other; it never is a success.
    assert first.meaning in {Meaning.TOO_LARGE, Meaning.RETRY}
    assert second.meaning == Meaning.DELIVERED


def test_reader_that_does_not_read() -> None:
    """A body that the other side never takes ends with the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1/logs"
        sender = HttpSender(Endpoint("logs", url, timeout_s=TIMEOUT_S), {})
        verdict = sender.send(b"x" * 50_000_000)
        sender.close()

    assert verdict.meaning == Meaning.RETRY
    assert "no answer" in verdict.text


def test_closed_meanwhile() -> None:
    """A connection that the server has closed since is opened anew, unnoticed."""
    with Collector(deque([Reply(close=True), reply(200), Reply(close=True)])) as server:
        sender = HttpSender(endpoint(server), {})
        verdicts = [sender.send(b"a").meaning for _ in range(4)]
        sender.close()

    assert verdicts == [Meaning.DELIVERED] * 4
    assert [request.connection for request in server.requests] == [0, 1, 1, 2]


def test_large_answer_is_not_read_to_the_end() -> None:
    """Ten megabytes of error page, and the next request is delivered."""
    page = reply(400, b"x" * 10_000_000, "text/plain")
    with Collector(deque([page])) as server:
        sender = HttpSender(endpoint(server), {})
        first, second = sender.send(b"a"), sender.send(b"b")
        sender.close()

    assert first.meaning == Meaning.REFUSED
    assert len(first.text) < 500
    assert second.meaning == Meaning.DELIVERED
    assert server.requests[1].connection == 1


def test_nobody_there() -> None:
    """A port that nobody listens at, and a host that nobody knows."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = HttpSender(Endpoint("logs", f"http://127.0.0.1:{port}/"), {}).send(b"")
    unknown = HttpSender(Endpoint("logs", "http://nowhere.invalid/"), {}).send(b"")

    assert (refused.meaning, unknown.meaning) == (Meaning.RETRY, Meaning.RETRY)
    assert "refused" in refused.text
    assert "nowhere.invalid: " in unknown.text


def test_abort_ends_a_request() -> None:
    """From another thread, while the answer is waited for; and for good."""
    with Collector(deque([Reply(b"", hang=True)])) as server:
        sender = HttpSender(endpoint(server, timeout_s=50), {})
        found: list[Verdict] = []
        thread = threading.Thread(target=lambda: found.append(sender.send(b"a")))
        thread.start()
        server.wait_for(1)
        sender.abort()
        thread.join(10)
        later = sender.send(b"b")
        sender.close()

    assert [each.meaning for each in (*found, later)] == [Meaning.RETRY] * 2
    assert len(server.requests) == 1


def through_proxy(environ: dict[str, str]) -> list[Request]:
    """What a proxy gets to see of a request to a host that is not here."""
    with Collector() as proxy:
        given = {k: v.format(port=proxy.port) for k, v in environ.items()}
        sender = HttpSender(Endpoint("logs", "http://otlp.invalid:4318/v1/logs"), given)
        sender.send(b"a")
        sender.close()
        return proxy.requests


def test_proxy() -> None:
    """A proxy gets the whole URL, and who we are."""
    requests = through_proxy({"http_proxy": "http://me:p%40ss@127.0.0.1:{port}"})

    assert requests[0].target == "http://otlp.invalid:4318/v1/logs"
    assert requests[0].headers["proxy-authorization"] == "Basic bWU6cEBzcw=="


@pytest.mark.parametrize("pattern", ["otlp.invalid", ".invalid", "*", "x, invalid"])
def test_no_proxy(pattern: str) -> None:
    """Hosts that are excepted are asked themselves."""
    environ = {"HTTP_PROXY": "127.0.0.1:{port}", "no_proxy": pattern}

    assert through_proxy(environ) == []


def test_this_machine_needs_no_proxy() -> None:
    """A proxy for the web does not take the Collector next door away."""
    with Collector() as server:
        sender = HttpSender(endpoint(server), {"http_proxy": "http://nowhere.invalid"})
        verdict = sender.send(b"a")
        sender.close()

    assert verdict.meaning == Meaning.DELIVERED


def test_proxy_of_another_kind() -> None:
    """What we cannot speak is said at once, without the password."""
    environ = {"https_proxy": "socks5://me:secret@proxy:1080"}
    made = endpoints({}, "https://otlp.invalid")["logs"]

    with pytest.raises(
        InvalidError, match="https_proxy is 'proxy:1080'; it must be an"
    ):
        HttpSender(made, environ)
