"""OTLP over gRPC: raw unary calls, with no generated code. Needs the extra ``grpc``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import grpc

from telemetry.pipeline.delivery.answers import partial_success, retry_info_s, shown
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.failures import failure
from telemetry.pipeline.delivery.http_connection import files_of
from telemetry.pipeline.outbox import Signal
from telemetry.policy.delivery import Meaning, Verdict, grpc_meaning

_METHODS: Final[dict[Signal, str]] = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "spans": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_DETAILS: Final = "grpc-status-details-bin"
_OPTIONS: Final = (
    # Two senders to one host have a connection each: one that hangs holds up nobody.
    ("grpc.use_local_subchannel_pool", 1),
    # We wait between attempts ourselves; it should be ready when we come.
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


class GrpcSender:
    """See `telemetry.pipeline.delivery.sender.Sender`.

    The channel is opened with the first request, and anew when a file of *endpoint*
    has changed.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._channel: grpc.Channel | None = None
        self._export: Any = None
        self._files = files_of(endpoint)
        self._under_way: grpc.Future | None = None
        self._aborted = False

    @property
    def where(self) -> str:
        """Where requests go, without secrets."""
        return self._endpoint.where

    def send(self, body: bytes) -> Verdict:
        """Send a request and wait for its answer; never raises."""
        try:
            return self._sent(body)
        except grpc.RpcError as error:
            return self._judged(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it was not delivered
            return failure(error, self._endpoint)

    def abort(self) -> None:
        """Let the `send` that is under way fail soon, and each one after it."""
        self._aborted = True
        found = self._under_way
        if found is not None:
            found.cancel()

    def close(self) -> None:
        """Let go of the channel."""
        found, self._channel = self._channel, None
        if found is not None:
            found.close()

    def _sent(self, body: bytes) -> Verdict:
        files = files_of(self._endpoint)
        if files != self._files:
            self.close()
            self._files = files
        if self._channel is None:
            self._channel = self._opened()
            self._export = self._channel.unary_unary(_METHODS[self._endpoint.signal])
        call = self._export.future(
            body,
            timeout=self._endpoint.timeout_s,
            metadata=self._endpoint.headers,
            compression=_COMPRESSIONS[self._endpoint.compression],
        )
        self._under_way = call
        # Race: 1. `abort` finds no call yet; 2. the call begins. So we look again.
        if self._aborted:
            call.cancel()
        answer = call.result()
        partial = partial_success(answer)
        return Verdict(Meaning.DELIVERED, partial.text, rejected=partial.rejected)

    def _opened(self) -> grpc.Channel:
        parts = urlsplit(self._endpoint.url)
        if parts.scheme == "http":
            return grpc.insecure_channel(parts.netloc, _OPTIONS)
        credentials = grpc.ssl_channel_credentials(
            _content(self._endpoint.certificate),
            _content(self._endpoint.client_key or self._endpoint.client_certificate),
            _content(self._endpoint.client_certificate),
        )
        return grpc.secure_channel(parts.netloc, credentials, _OPTIONS)

    def _judged(self, error: grpc.RpcError) -> Verdict:
        code: str = error.code().name
        said = shown(str(error.details() or "").encode(errors="replace"))
        asked_s = None
        for name, value in error.trailing_metadata() or ():
            if name == _DETAILS and isinstance(value, bytes):
                asked_s = retry_info_s(value)
        meaning = grpc_meaning(code, said, asked=asked_s is not None)
        host = urlsplit(self._endpoint.url).netloc
        if code == "DEADLINE_EXCEEDED":
            said = f"no answer within {self._endpoint.timeout_s:g} s"
        elif "CERTIFICATE_VERIFY_FAILED" in said:
            meaning = Meaning.MISCONFIGURED
        elif "http1.x server" in said:
            meaning = Meaning.MISCONFIGURED
            said = "it does not speak gRPC; HTTP is mostly on port 4318"
        return Verdict(meaning, f"{host}: gRPC {code}: {said}", asked_s)


def _content(path: str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


_COMPRESSIONS: Final = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
}
