"""The OTLP/gRPC receiver; needs the extra ``grpc``.

With threads and not with grpc.aio: two loops with grpc.aio in one process disturb each
other, and a program in which we are a guest may have one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from http import HTTPStatus
from typing import Any, Final, NoReturn

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.admission import PROTOBUF, Door
from telemetry.pipeline.receiver.answers import export_response
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.limits import DEFAULTS, Limits
from telemetry.pipeline.receiver.payloads import payload
from telemetry.pipeline.receiver.received import (
    RETRY_AFTER_S,
    Accept,
    Outcome,
    Received,
)

try:
    import grpc
except ImportError as error:
    raise ImportError(
        "OTLP over gRPC needs grpcio: pip install 'input-telemetry[grpc]'"
    ) from error

DEFAULT_PORT: Final = 4317
"""Source: OTLP specification 1.8, OTLP/gRPC."""

_PREFIX: Final = "/opentelemetry.proto.collector"
_SIGNAL_OF_METHOD: Final[dict[str, Signal]] = {
    f"{_PREFIX}.logs.v1.LogsService/Export": "logs",
    f"{_PREFIX}.trace.v1.TraceService/Export": "spans",
    f"{_PREFIX}.metrics.v1.MetricsService/Export": "metrics",
}
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    # Not RESOURCE_EXHAUSTED: it is as large the next time.
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
_DETAILS: Final = "grpc-status-details-bin"
"""Source: gRPC, "Richer error model": a serialised google.rpc.Status."""
_WORKERS: Final = 64
"""Requests that wait to be stored at the same time; each has a thread then."""
_MOST_CALLS: Final = 512
"""Further calls are turned away by gRPC itself."""
_LAST_S: Final = 1.0
"""For answers to leave, behind the end of the time."""


class GrpcReceiver:
    """Takes logs, spans and metrics by OTLP/gRPC, packed with gzip or not.

    What holds for `Receiver` holds here. Of the limits, those of a connection are
    gRPC's own.

    Args:
        accept: Called in a thread of gRPC's with each request; see `Inbox`.
        host: Where to listen. Anything but loopback wants a *token*.
        port: 0 for any that is free; see `port`.
        token: What senders show as the metadata ``authorization: Bearer``.
        on_error: Gets what *accept* raised.

    Raises:
        InvalidError: An argument is out of its range, or a token is needed.
    """

    def __init__(
        self,
        accept: Accept,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        token: str | None = None,
        limits: Limits = DEFAULTS,
        on_error: Callable[[BaseException], object] = lambda _error: None,
    ) -> None:
        self._door = Door(host, port, token)
        self._door.check()
        self._accept = accept
        self._limits = limits
        self._on_error = on_error
        self._server: Any = None
        # Adding and discarding are single steps of the interpreter.
        self._calls: set[_Call] = set()
        self.port = port
        """Where it listens, once it has started."""

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address is in use, or none of this machine's.
        """
        # They serve everybody, and must not carry the id of who asked for them.
        Context().run(self._start)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Take no more; idempotent.

        Args:
            timeout_s: How long those who wait for an answer may get one. Then they
                are told to come again.

        Returns:
            Whether all of them got one.
        """
        server, self._server = self._server, None
        if server is None:
            return True
        ended = server.stop(timeout_s + _LAST_S)
        if ended.wait(timeout_s):
            return True
        for call in list(self._calls):
            call.tell(_ENDING)
        ended.wait(_LAST_S)
        return False

    def _start(self) -> None:
        server = grpc.server(
            ThreadPoolExecutor(_WORKERS, "telemetry-receiver-grpc"),
            handlers=[_Methods(self._export)],
            options=[
                # Both for the packed and for the unpacked message.
                ("grpc.max_receive_message_length", self._limits.body_bytes),
                # Else a second receiver would get every other connection.
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_MOST_CALLS,
        )
        host = self._door.host
        address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        try:
            self.port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from None
        server.start()
        self._server = server

    def _export(self, signal: Signal, body: bytes, context: Any) -> bytes:  # noqa: ANN401  # grpc has no types
        """One call, in a thread of its own until it is answered."""
        try:
            outcome = self._outcome(signal, body, context)
        except RefusedError as error:
            outcome = error
        if isinstance(outcome, RefusedError):
            _abort(context, outcome)
        return export_response(*outcome)

    def _outcome(self, signal: Signal, body: bytes, context: Any) -> Outcome:  # noqa: ANN401  # the same
        metadata = dict(context.invocation_metadata())
        if not self._door.knows(str(metadata.get("authorization", ""))):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "the metadata authorization must be 'Bearer' and the token",
            )
        found = payload(signal, PROTOBUF, "", body, self._limits)
        call = _Call()
        self._calls.add(call)
        try:
            if not self._is_taken(Received(signal, found.body, found.items, call.tell)):
                raise _busy("there is no room at the moment")
            return call.wait(self._limits.answer_s)
        finally:
            self._calls.discard(call)

    def _is_taken(self, received: Received) -> bool:
        try:
            return self._accept(received)
        except Exception as error:  # noqa: BLE001  # the client is told to come again
            self._on_error(error)
            return False


class _Call:
    """A call that waits for its outcome; the first one counts."""

    __slots__ = ("_is_told", "_outcome")

    def __init__(self) -> None:
        self._is_told = threading.Event()
        self._outcome: Outcome = _busy("it could not be stored in time")

    def tell(self, outcome: Outcome) -> None:
        """This is it. Any thread."""
        if not self._is_told.is_set():
            self._outcome = outcome
            self._is_told.set()

    def wait(self, timeout_s: float) -> Outcome:
        """The outcome, or what is said where there is none by then."""
        self._is_told.wait(timeout_s)
        return self._outcome


class _Methods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """The three methods by name, with bytes in and out."""

    def __init__(self, export: Callable[[Signal, bytes, Any], bytes]) -> None:
        self._export = export

    def service(self, handler_call_details: Any) -> Any:  # noqa: ANN401  # the interface
        """The method that was called; None when there is none of that name."""
        signal = _SIGNAL_OF_METHOD.get(handler_call_details.method)
        if signal is None:
            return None
        export = self._export
        return grpc.unary_unary_rpc_method_handler(
            lambda body, context: export(signal, body, context)
        )


def _abort(context: Any, error: RefusedError) -> NoReturn:  # noqa: ANN401  # the same
    code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
    if error.retry_after_s is not None:
        # Source: OTLP specification 1.8, "OTLP/gRPC Throttling".
        details = AnyMessage()
        details.Pack(RetryInfo(retry_delay=Duration(seconds=error.retry_after_s)))
        status = Status(code=code.value[0], message=error.text, details=[details])
        context.set_trailing_metadata([(_DETAILS, status.SerializeToString())])
    context.abort(code, error.text)
    raise error  # abort has raised


def _busy(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, text, RETRY_AFTER_S)


_ENDING: Final = _busy("the receiver ends")
