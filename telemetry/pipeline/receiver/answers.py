"""What the receiver answers; pure functions.

Source: OTLP specification 1.8, OTLP/HTTP: 200 with an ``Export...ServiceResponse``,
else a ``google.rpc.Status``, both in the form that the request had.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import orjson

from telemetry.pipeline.otlp.wire import BYTES, VARINT, framed, tag, varint
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.admission import JSON, PROTOBUF
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.received import Stored

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

# Source: google/rpc/code.proto, and its table of HTTP statuses; UNKNOWN for others.
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.REQUEST_TIMEOUT: 4,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 3,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 3,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}
_UNKNOWN: Final = 2

# Source: collector/*/v1/*_service.proto, the fields of Export...PartialSuccess.
_REJECTED_NAME: Final[dict[Signal, str]] = {
    "logs": "rejectedLogRecords",
    "spans": "rejectedSpans",
    "metrics": "rejectedDataPoints",
}
# ``rejected_...`` and ``error_message`` of that message, and ``code`` and ``message``
# of Status, have the same numbers; ``partial_success`` is around the first two.
_NUMBER: Final = tag(1, VARINT)
_TEXT: Final = tag(2, BYTES)
_MESSAGE: Final = tag(1, BYTES)

_EXTRA_HEADERS: Final = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate: Bearer\r\n",
    HTTPStatus.METHOD_NOT_ALLOWED: "Allow: POST\r\n",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Accept-Encoding: gzip, deflate\r\n",
}


def export_response(rejected: int, text: str) -> bytes:
    """An ``Export...ServiceResponse`` in protobuf; of all signals alike.

    Args:
        rejected: Items that were not taken; with 0 and no *text* it is empty.
    """
    if not rejected and not text:
        return b""
    partial = _NUMBER + varint(rejected) if rejected else b""
    return framed(_MESSAGE, partial + _text_field(text))


def accepted(media_type: str, signal: Signal, stored: Stored, *, stays: bool) -> bytes:
    """The answer to a request that is stored."""
    rejected, text = stored
    if media_type != JSON:
        return _response(
            HTTPStatus.OK, PROTOBUF, export_response(rejected, text), stays=stays
        )
    body: dict[str, object] = {}
    if rejected or text:
        # Source: the JSON form of proto3 writes 64-bit integers as strings.
        name = _REJECTED_NAME[signal]
        body["partialSuccess"] = {name: str(rejected), "errorMessage": text}
    return _response(HTTPStatus.OK, JSON, orjson.dumps(body), stays=stays)


def refused(media_type: str, error: RefusedError, *, stays: bool) -> bytes:
    """The answer to a request that was not taken."""
    code = _CODES.get(error.status, _UNKNOWN)
    if media_type == JSON:
        body = orjson.dumps({"code": code, "message": error.text})
    else:
        media_type = PROTOBUF
        body = _NUMBER + varint(code) + _text_field(error.text)
    headers = _EXTRA_HEADERS.get(error.status, "")
    if error.retry_after_s is not None:
        headers += f"Retry-After: {error.retry_after_s}\r\n"
    return _response(error.status, media_type, body, headers, stays=stays)


def _response(
    status: HTTPStatus, media_type: str, body: bytes, headers: str = "", *, stays: bool
) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Content-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{headers}"
        f"Connection: {'keep-alive' if stays else 'close'}\r\n\r\n"
    )
    return head.encode("ascii") + body


def _text_field(text: str) -> bytes:
    return framed(_TEXT, text.encode()) if text else b""
