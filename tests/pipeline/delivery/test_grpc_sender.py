"""OTLP over gRPC, against a real server of gRPC's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import DebugInfo, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.grpc_sender import GrpcSender
from telemetry.pipeline.delivery.sender import sender_to
from telemetry.policy.delivery import Meaning, Verdict
from tests.pipeline.delivery.certificates import Authority
from tests.pipeline.delivery.collector import saying


@dataclass
class Receiver(grpc.GenericRpcHandler):  # type: ignore[misc]  # ships no types
    """Takes any call; what it answers is set by the test."""

    answer: bytes = b""
    code: grpc.StatusCode = grpc.StatusCode.OK
    text: str = ""
    details: bytes | None = None
    hangs: bool = False
    calls: list[tuple[str, bytes, dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def service(self, handler_call_details: Any) -> Any:
        """A handler for whatever method."""

        def export(request: bytes, context: Any) -> bytes:
            metadata = dict(context.invocation_metadata())
            self.calls.append((handler_call_details.method, request, metadata))
            self.came.set()
            if self.hangs:
                self.over.wait(20)
            if self.code is not grpc.StatusCode.OK:
                if self.details is not None:
                    found = (("grpc-status-details-bin", self.details),)
                    context.set_trailing_metadata(found)
                context.abort(self.code, self.text)
            return self.answer

        return grpc.unary_unary_rpc_method_handler(export)


@contextmanager
def listening(
    receiver: Receiver, credentials: Any = None, most_bytes: int = 4 << 20
) -> Iterator[Receiver]:
    """It listens, while this lasts."""
    with ThreadPoolExecutor(4) as pool:
        options = [("grpc.max_receive_message_length", most_bytes)]
        server = grpc.server(pool, options=options)
        server.add_generic_rpc_handlers((receiver,))
        if credentials is None:
            receiver.port = server.add_insecure_port("127.0.0.1:0")
        else:
            receiver.port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        yield receiver
        receiver.over.set()
        server.stop(0).wait()


def endpoint(receiver: Receiver, scheme: str = "http", **others: Any) -> Endpoint:
    """Of its spans."""
    url = f"{scheme}://127.0.0.1:{receiver.port}"
    return Endpoint("spans", url, "grpc", **others)


def sent(receiver: Receiver, body: bytes = b"body", **others: Any) -> Verdict:
    """The verdict on one request."""
    sender = GrpcSender(endpoint(receiver, **others))
    try:
        return sender.send(body)
    finally:
        sender.close()


def test_request() -> None:
    """The method of the signal, the body as it is, and the headers of the user's."""
    with listening(Receiver()) as receiver:
        verdict = sent(receiver, b"\x00body", headers=(("api-key", "geheim"),))

    method, body, metadata = receiver.calls[0]
    assert verdict == Verdict(Meaning.DELIVERED)
    assert method == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    assert body == b"\x00body"
    assert metadata["api-key"] == "geheim"


def test_gzip() -> None:
    """A body that is larger than the server takes arrives when it is compressed."""
    with listening(Receiver(), most_bytes=100_000) as receiver:
        verdict = sent(receiver, b"the same " * 10_000, compression="gzip")

    assert verdict.meaning == Meaning.DELIVERED
    assert receiver.calls[0][1] == b"the same " * 10_000


def test_partial_success() -> None:
    """What was rejected is counted, with the reason."""
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="late")
    answer = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    with listening(Receiver(answer)) as receiver:
        assert sent(receiver) == Verdict(Meaning.DELIVERED, "late", None, 2)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (grpc.StatusCode.UNAVAILABLE, Meaning.RETRY),
        (grpc.StatusCode.INVALID_ARGUMENT, Meaning.REFUSED),
        (grpc.StatusCode.UNAUTHENTICATED, Meaning.MISCONFIGURED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Meaning.DOUBTFUL),
        (grpc.StatusCode.INTERNAL, Meaning.DOUBTFUL),
    ],
)
def test_code(code: grpc.StatusCode, meaning: Meaning) -> None:
    """Each code is what it is, and what was said beside it is passed on."""
    with listening(Receiver(code=code, text="said")) as receiver:
        verdict = sent(receiver)

    assert verdict.meaning == meaning
    assert f"gRPC {code.name}: said" in verdict.text


def test_retry_info() -> None:
    """The server says when to come again, among other details."""
    status = Status(code=8)
    retry = RetryInfo(retry_delay=Duration(seconds=3, nanos=500_000_000))
    for detail in (DebugInfo(detail="x"), retry):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    given = Receiver(code=code, details=status.SerializeToString())
    with listening(given) as receiver:
        verdict = sent(receiver)

    assert (verdict.meaning, verdict.asked_s) == (Meaning.RETRY, 3.5)


def test_too_large() -> None:
    """The limit of the server is told from a quota by what it says."""
    with listening(Receiver(), most_bytes=1_000) as receiver:
        verdict = sent(receiver, b"x" * 2_000)

    assert verdict.meaning == Meaning.TOO_LARGE


def test_answer_that_never_comes() -> None:
    """Ends with the timeout."""
    with listening(Receiver(hangs=True)) as receiver:
        verdict = sent(receiver, timeout_s=0.3)

    assert verdict.meaning == Meaning.RETRY
    assert "no answer within 0.3 s" in verdict.text


def test_nobody_there() -> None:
    """A failure like any other, without waiting for the timeout."""
    with listening(Receiver()) as receiver:
        pass
    verdict = sent(receiver, timeout_s=50)

    assert verdict.meaning == Meaning.RETRY


def test_port_of_http() -> None:
    """Who is asked for gRPC where HTTP is spoken gets a setting to correct."""
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        sender = GrpcSender(Endpoint("spans", f"http://127.0.0.1:{port}", "grpc"))
        verdict = sender.send(b"")
        sender.close()

    assert verdict.meaning == Meaning.MISCONFIGURED
    assert "port 4318" in verdict.text


def test_abort_ends_a_request() -> None:
    """From another thread, while the answer is waited for; and for good."""
    with listening(Receiver(hangs=True)) as receiver:
        sender = GrpcSender(endpoint(receiver, timeout_s=50))
        found: list[Verdict] = []
        thread = threading.Thread(target=lambda: found.append(sender.send(b"a")))
        thread.start()
        assert receiver.came.wait(10)
        sender.abort()
        thread.join(10)
        later = sender.send(b"b")
        sender.close()

    assert [each.meaning for each in (*found, later)] == [Meaning.RETRY] * 2


def test_tls(tmp_path: Path) -> None:
    """An authority that was named, a certificate of ours; and one nobody trusts."""
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    certificate, key = authority.signed("server")
    shown, private = authority.signed("client")
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        root_certificates=authority.file.read_bytes(),
        require_client_auth=True,
    )
    client: dict[str, Any] = {
        "client_certificate": str(shown),
        "client_key": str(private),
    }
    with listening(Receiver(), credentials) as receiver:
        trusted: dict[str, Any] = {
            "scheme": "https",
            "certificate": str(authority.file),
        }
        inside = sent(receiver, **trusted, **client)
        wrong = sent(receiver, scheme="https", certificate=str(other.file), **client)
        missing = sent(receiver, scheme="https", certificate=str(tmp_path / "no"))

    assert inside.meaning == Meaning.DELIVERED
    assert wrong.meaning in {Meaning.RETRY, Meaning.MISCONFIGURED}
    assert missing.meaning == Meaning.MISCONFIGURED
    assert len(receiver.calls) == 1


def test_sender_by_protocol() -> None:
    """The endpoint says which sender it takes."""
    with listening(Receiver()) as receiver:
        sender = sender_to(endpoint(receiver))
        verdict = sender.send(b"")
        sender.close()

    assert sender.where == f"http://127.0.0.1:{receiver.port}"
    assert verdict.meaning == Meaning.DELIVERED
