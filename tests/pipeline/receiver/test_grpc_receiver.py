"""The same over gRPC."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from telemetry.core.errors import InvalidError
from telemetry.pipeline.receiver.grpc_receiver import GrpcReceiver
from telemetry.pipeline.receiver.limits import DEFAULTS, MIB, Limits
from telemetry.pipeline.receiver.received import Inbox, Received
from tests.pipeline.receiver.conftest import DEADLINE_S, Shelf
from tests.pipeline.receiver.otlp import any_value, logs_request
from tests.pipeline.receiver.talking import until

LOGS = logs_request([LogRecord(body=any_value("hello"))] * 2)
METHOD = "/opentelemetry.proto.collector.{}Service/Export"
NO_PACKING = grpc.Compression.NoCompression


@contextmanager
def serving(
    limits: Limits = DEFAULTS, token: str | None = None, **inbox: Any
) -> Iterator[tuple[GrpcReceiver, Shelf, Any]]:
    """A receiver, its worker, and a channel to it."""
    bell = threading.Event()
    box = Inbox(**inbox, on_offer=bell.set)
    receiver = GrpcReceiver(box.offer, port=0, limits=limits, token=token)
    receiver.start()
    shelf = Shelf(box, bell)
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
    try:
        with grpc.insecure_channel(f"127.0.0.1:{receiver.port}", options) as channel:
            yield receiver, shelf, channel
    finally:
        shelf.end()
        receiver.close(DEADLINE_S)


def export(
    channel: Any, body: bytes, service: str = "logs.v1.Logs", **options: Any
) -> bytes:
    """Call a method, with bytes in and out."""
    call = channel.unary_unary(METHOD.format(service), None, None)
    return bytes(call(body, timeout=DEADLINE_S, **options))


def refusal(channel: Any, body: bytes, **options: Any) -> Any:
    """What a call that is refused gets."""
    with pytest.raises(grpc.RpcError) as told:
        export(channel, body, **options)
    return told.value


def test_every_signal_arrives_packed_or_not() -> None:
    """Three services; the body is what was sent, unpacked."""
    with serving() as (_, shelf, channel):
        export(channel, LOGS)
        export(channel, b"", "trace.v1.Trace")
        export(channel, b"", "metrics.v1.Metrics")
        export(channel, LOGS, compression=grpc.Compression.Gzip)

    assert [(r.signal, r.body) for r in shelf.stored] == [
        ("logs", LOGS),
        ("spans", b""),
        ("metrics", b""),
        ("logs", LOGS),
    ]


def test_rejected_items_are_told() -> None:
    """They are in partial_success."""
    with serving() as (_, shelf, channel):
        shelf.answer = lambda received: received.stored(3, "no ids")
        response = ExportLogsServiceResponse.FromString(export(channel, LOGS))

    assert response.partial_success.rejected_log_records == 3
    assert response.partial_success.error_message == "no ids"


def test_what_is_not_taken() -> None:
    """Garbage, unknown methods, and what is too large, packed or not."""
    with serving(Limits(body_bytes=MIB)) as (_, shelf, channel):
        garbage = refusal(channel, b"\x0a\x05x")
        unknown = refusal(channel, b"", service="logs.v2.Logs")
        large = refusal(channel, bytes(2 * MIB), compression=NO_PACKING)
        bomb = refusal(channel, bytes(64 * MIB), compression=grpc.Compression.Gzip)

    assert garbage.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "pars" in garbage.details()
    assert unknown.code() == grpc.StatusCode.UNIMPLEMENTED
    assert large.code() == bomb.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert shelf.stored == []


def test_a_full_inbox_sends_senders_away() -> None:
    """UNAVAILABLE, with the time after which to come again; the first one is stored."""
    with (
        serving(most_requests=1) as (_, shelf, channel),
        ThreadPoolExecutor(1) as pool,
    ):
        shelf.open.clear()
        first = pool.submit(export, channel, LOGS)
        until(lambda: shelf.inbox.waiting_bytes() > 0)
        refused = refusal(channel, LOGS)
        shelf.open.set()
        assert first.result(DEADLINE_S) == b""
    (details,) = (
        value
        for name, value in refused.trailing_metadata()
        if name == "grpc-status-details-bin"
    )
    status, retry = Status.FromString(details), RetryInfo()
    packed: AnyMessage = status.details[0]

    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert packed.Unpack(retry)
    assert retry.retry_delay.seconds == 1
    assert len(shelf.stored) == 1


def test_token() -> None:
    """Without it nothing comes in."""
    token = "a-token-that-is-long-enough"
    with serving(token=token) as (_, _, channel):
        refused = refusal(channel, LOGS)
        export(channel, LOGS, metadata=[("authorization", f"Bearer {token}")])

    assert refused.code() == grpc.StatusCode.UNAUTHENTICATED


def test_fifty_clients_at_once() -> None:
    """Each request is answered and stored once."""
    bodies = [logs_request([LogRecord(event_name=str(n))]) for n in range(200)]
    with serving() as (_, shelf, channel), ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda body: export(channel, body), bodies))

    assert answers == [b""] * 200
    assert sorted(r.body for r in shelf.stored) == sorted(bodies)


def test_closing_does_not_wait_for_ever() -> None:
    """Who has no answer by the end of the time is told to come again."""
    with serving() as (receiver, shelf, channel), ThreadPoolExecutor(1) as pool:
        shelf.open.clear()
        waiting = pool.submit(refusal, channel, LOGS)
        until(lambda: shelf.inbox.waiting_bytes() > 0)

        assert receiver.close(0.05) is False
        assert waiting.result(DEADLINE_S).code() == grpc.StatusCode.UNAVAILABLE
        assert receiver.close() is True


def test_an_accept_that_raises() -> None:
    """The sender is told to come again, and the error is told to us."""
    errors: list[BaseException] = []

    def accept(_received: Received) -> bool:
        raise RuntimeError("broken")

    receiver = GrpcReceiver(accept, port=0, on_error=errors.append)
    receiver.start()
    with grpc.insecure_channel(f"127.0.0.1:{receiver.port}") as channel:
        refused = refusal(channel, LOGS)
    receiver.close()

    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert [str(error) for error in errors] == ["broken"]


def test_an_address_in_use() -> None:
    """It is said, and not shared: else every other request would go elsewhere."""
    with serving() as (receiver, _, _):
        second = GrpcReceiver(lambda _received: True, port=receiver.port)
        with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1"):
            second.start()


def test_other_addresses_want_a_token() -> None:
    """As over HTTP."""
    with pytest.raises(InvalidError, match="set a token"):
        GrpcReceiver(lambda _received: True, host="0.0.0.0")  # noqa: S104  # refused


def test_without_the_extra() -> None:
    """The message names what to install, and nothing else imports grpc."""
    code = """
import sys
sys.modules["grpc"] = None
import telemetry.pipeline.receiver.receiver
try:
    import telemetry.pipeline.receiver.grpc_receiver
except ImportError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "pip install 'input-telemetry[grpc]'" in ended.stdout
