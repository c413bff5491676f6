"""What a server says in its answer: rejected items, and when to come again."""

from __future__ import annotations

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec

from telemetry.pipeline.otlp.wire import BYTES, VARINT, MalformedError, fields

_PARTIAL: Final = 1
_REJECTED: Final = 1
_MESSAGE: Final = 2
_DETAILS: Final = 3
_TYPE_URL: Final = 1
_VALUE: Final = 2
_RETRY_DELAY: Final = 1
_SECONDS: Final = 1
_NANOS: Final = 2
_RETRY_INFO: Final = b"/google.rpc.RetryInfo"
_REJECTED_JSON: Final = re.compile(r"rejected\w+")
_TEXT_CHARS: Final = 300
_UNPRINTABLE: Final = re.compile(r"[^ -~\u00a0-\uffff]+")


class Partial(NamedTuple):
    """What was not taken of a request that was.

    Attributes:
        rejected: So many items.
        text: Why; or a warning, when none was rejected.
    """

    rejected: int = 0
    text: str = ""


def partial_success(body: bytes) -> Partial:
    """The ``partial_success`` of an ``Export...ServiceResponse``, if it has one.

    What is no such message says nothing: the status has said that it was taken.
    Source: opentelemetry/proto/collector/*/v1/*_service.proto.
    """
    try:
        for field in fields(body):
            if (field.number, field.kind) == (_PARTIAL, BYTES):
                return _partial(body, field.value, field.end)
    except MalformedError:
        pass
    return Partial()


def _partial(body: bytes, start: int, end: int) -> Partial:
    rejected, text = 0, ""
    for field in fields(body, start, end):
        if (field.number, field.kind) == (_REJECTED, VARINT):
            rejected = field.value
        elif (field.number, field.kind) == (_MESSAGE, BYTES):
            text = shown(body[field.value : field.end])
    return Partial(rejected if rejected < 1 << 63 else 0, text)


def partial_success_json(body: bytes) -> Partial:
    """The same, from a server that answers in JSON."""
    try:
        found = msgspec.json.decode(body)
        partial = found.get("partialSuccess") or {}
        rejected = [n for name, n in partial.items() if _REJECTED_JSON.fullmatch(name)]
        text = shown(str(partial.get("errorMessage") or "").encode())
        return Partial(max(int(rejected[0]), 0) if rejected else 0, text)
    except (
        msgspec.DecodeError,
        AttributeError,
        ArithmeticError,
        TypeError,
        ValueError,
    ):
        return Partial()


def message_of(body: bytes, content_type: str) -> str:
    """What an answer to a failure says, for people.

    Source: OTLP/HTTP answers with a ``google.rpc.Status`` in protobuf or JSON; what
    else stands between us and the server answers with whatever it likes.
    """
    if "protobuf" in content_type:
        try:
            for field in fields(body):
                if (field.number, field.kind) == (_MESSAGE, BYTES):
                    return shown(body[field.value : field.end])
        except MalformedError:
            pass
        return ""
    if "json" in content_type:
        try:
            found = msgspec.json.decode(body)
            return shown(str(found["message"]).encode())
        except (msgspec.DecodeError, LookupError, TypeError, ValueError):
            pass
    return "" if "html" in content_type else shown(body)


def retry_after_s(value: str | None, now_unix_s: float) -> float | None:
    """Seconds that the header ``Retry-After`` asks for; None when it says nothing.

    Source: RFC 9110, 10.2.3: seconds, or the date of a moment.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(value.strip())
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() - now_unix_s, 0.0)


def retry_info_s(status: bytes) -> float | None:
    """Seconds that the ``RetryInfo`` in a ``google.rpc.Status`` asks for.

    Source: google/rpc/status.proto and error_details.proto.
    """
    try:
        for field in fields(status):
            if (field.number, field.kind) == (_DETAILS, BYTES):
                found = _retry_info(status[field.value : field.end])
                if found is not None:
                    return found
    except MalformedError:
        pass
    return None


def _retry_info(detail: bytes) -> float | None:
    inner = {
        f.number: detail[f.value : f.end] for f in fields(detail) if f.kind == BYTES
    }
    if not inner.get(_TYPE_URL, b"").endswith(_RETRY_INFO):
        return None
    value = inner.get(_VALUE, b"")
    seconds = 0.0
    for field in fields(value):
        if (field.number, field.kind) == (_RETRY_DELAY, BYTES):
            parts = {f.number: f.value for f in fields(value, field.value, field.end)}
            seconds = parts.get(_SECONDS, 0) + parts.get(_NANOS, 0) / 1e9
    return seconds if 0 <= seconds < 1 << 31 else None


def shown(text: bytes) -> str:
    """Text of others, short and on one line."""
    found = _UNPRINTABLE.sub(" ", text[: _TEXT_CHARS * 4].decode(errors="replace"))
    found = " ".join(found.split())
    return f"{found[:_TEXT_CHARS]}…" if len(found) > _TEXT_CHARS else found
