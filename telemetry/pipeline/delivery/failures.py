"""What it means that there is no answer, and how that is said."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from typing import Final
from urllib.parse import urlsplit

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.policy.delivery import Meaning, Verdict

_GRPC_PORT: Final = 4317


def failure(error: Exception, endpoint: Endpoint) -> Verdict:
    """The verdict on a request that ended in *error*, and not in an answer.

    What a setting is to blame for is tried again slowly, all else soon: networks and
    servers come back.
    """
    parts = urlsplit(endpoint.url)
    meaning, text = _meaning(error, endpoint)
    if parts.port == _GRPC_PORT and isinstance(error, ConnectionError):
        text += f"; port {_GRPC_PORT} is mostly gRPC's, and 4318 that of HTTP"
    return Verdict(meaning, f"{parts.netloc}: {text}")


def _meaning(error: Exception, endpoint: Endpoint) -> tuple[Meaning, str]:
    if isinstance(error, TimeoutError):
        return Meaning.RETRY, f"no answer within {endpoint.timeout_s:g} s"
    if isinstance(error, socket.gaierror):
        return Meaning.RETRY, f"the host is not known ({error.strerror})"
    if isinstance(error, ssl.SSLError | FileNotFoundError | PermissionError):
        return _tls(error)
    for kind, text in _SAID.items():
        if isinstance(error, kind):
            is_foreign = kind is BadStatusLine
            return Meaning.MISCONFIGURED if is_foreign else Meaning.RETRY, text
    said = getattr(error, "strerror", None) or str(error)
    return Meaning.RETRY, said or type(error).__name__


def _tls(error: OSError) -> tuple[Meaning, str]:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Meaning.RETRY, "it closed the encrypted connection"
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is not trusted ({error.verify_message})"
    elif isinstance(error, ssl.SSLError):
        said = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
    else:
        said = str(error)  # of a file with certificates
    return Meaning.MISCONFIGURED, f"TLS: {said}"


_SAID: Final[dict[type[Exception], str]] = {
    RemoteDisconnected: "it closed the connection without an answer",
    IncompleteRead: "the answer was cut off",
    BadStatusLine: (
        "it does not speak HTTP/1.1; if it is gRPC: OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    ),
}
"""The first that fits: `RemoteDisconnected` is a `BadStatusLine` as well."""
