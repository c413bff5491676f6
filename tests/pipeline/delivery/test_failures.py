"""What is said of a failure, and what it means."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import pytest

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.failures import failure
from telemetry.policy.delivery import Meaning

ENDPOINT = Endpoint("logs", "http://c:4318/v1/logs?key=geheim", timeout_s=2.5)


@pytest.mark.parametrize(
    ("error", "meaning", "text"),
    [
        (TimeoutError("timed out"), Meaning.RETRY, "c:4318: no answer within 2.5 s"),
        (
            socket.gaierror(-2, "Name or service not known"),
            Meaning.RETRY,
            "c:4318: the host is not known (Name or service not known)",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            Meaning.RETRY,
            "c:4318: Connection refused",
        ),
        (
            RemoteDisconnected("Remote end closed connection"),
            Meaning.RETRY,
            "c:4318: it closed the connection without an answer",
        ),
        (IncompleteRead(b"x", 3), Meaning.RETRY, "c:4318: the answer was cut off"),
        (
            BadStatusLine("x"),
            Meaning.MISCONFIGURED,
            "c:4318: it does not speak HTTP/1.1",
        ),
        (
            LineTooLong("header line"),
            Meaning.RETRY,
            "c:4318: got more than 65536 bytes",
        ),
        (ssl.SSLEOFError(8, "EOF"), Meaning.RETRY, "c:4318: it closed the encrypted"),
        (ssl.SSLError(1, "bad"), Meaning.MISCONFIGURED, "c:4318: TLS: "),
        (
            FileNotFoundError(2, "No such file", "/a.pem"),
            Meaning.MISCONFIGURED,
            "c:4318: TLS: [Errno 2] No such file: '/a.pem'",
        ),
        (RuntimeError(), Meaning.RETRY, "c:4318: RuntimeError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failure(error: Exception, meaning: Meaning, text: str) -> None:
    """Networks come back by themselves, settings do not; and no secrets are told."""
    verdict = failure(error, ENDPOINT)

    assert verdict.meaning == meaning
    assert verdict.text.startswith(text)
    assert "geheim" not in verdict.text


def test_port_of_grpc() -> None:
    """Python's SDK speaks gRPC unless it is told otherwise, so its users know 4317."""
    endpoint = Endpoint("logs", "http://c:4317/v1/logs")

    assert "PROTOCOL=grpc" in failure(BadStatusLine(""), endpoint).text
    assert "4318" in failure(ConnectionResetError(104, "reset"), endpoint).text
