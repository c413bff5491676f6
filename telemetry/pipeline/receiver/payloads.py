"""Bodies unpacked, made protobuf and looked through; pure functions."""

from __future__ import annotations

import zlib
from http import HTTPStatus
from typing import Final, NamedTuple

from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver import otlp_json
from telemetry.pipeline.receiver.admission import JSON
from telemetry.pipeline.receiver.http_head import RefusedError
from telemetry.pipeline.receiver.limits import MIB, Limits
from telemetry.pipeline.receiver.reading import parsed
from telemetry.pipeline.receiver.schema import ITEMS, SKELETON
from telemetry.pipeline.receiver.walking import messages_in

Raw = bytes | bytearray

_LARGE_BYTES: Final = 4 * MIB
"""A smaller body is at most two million empty messages: 100 MB, and soon gone."""
_AROUND: Final = 50_000
"""Resources, scopes and metrics that a large request may have beside its items."""
_MEMBERS: Final = 16
"""A gzip file may be several, one behind the other; each costs, however small."""
# Source: zlib's manual, inflateInit2: which header is expected, by windowBits.
_GZIP: Final = 31
_ZLIB: Final = 15
_NO_HEADER: Final = -15


class Payload(NamedTuple):
    """A body in protobuf, and how many items it holds."""

    body: bytes
    items: int


def payload(
    signal: Signal, media_type: str, encoding: str, raw: Raw, limits: Limits
) -> Payload:
    """What is in a body.

    Args:
        encoding: The ``Content-Encoding`` in small letters.

    Raises:
        RefusedError: It is too large, or not what it says it is.
    """
    try:
        if media_type == JSON:
            body = otlp_json.to_protobuf(
                signal, unpacked(raw, encoding, limits.json_bytes)
            )
        else:
            body = bytes(unpacked(raw, encoding, limits.inflated_bytes))
        return Payload(body, checked(signal, body, limits.items))
    except MalformedError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None


def checked(signal: Signal, body: bytes, most_items: int) -> int:
    """How many items are in a request.

    Raises:
        MalformedError: It is none.
        RefusedError: It holds more than *most_items*.
    """
    if len(body) > _LARGE_BYTES:
        items = messages_in(signal, body, most_items + _AROUND)
        _check_count(items - _AROUND, most_items)
    items = _count(signal, body)
    _check_count(items, most_items)
    parsed(ITEMS.requests[signal].FromString, body)
    return items


def _check_count(items: int, most_items: int) -> None:
    if items > most_items:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the request holds more than {most_items} items",
        )


def unpacked(raw: Raw, encoding: str, most_bytes: int) -> Raw:
    """A body without its content encoding.

    Raises:
        RefusedError: It is larger than *most_bytes* then, or not so encoded.
    """
    try:
        if encoding in {"", "identity"}:
            parts = [raw]
        elif encoding == "deflate":
            parts = _inflated(raw, _deflate_form(raw), most_bytes, members=1)
        else:
            parts = _inflated(raw, _GZIP, most_bytes, _MEMBERS)
    except zlib.error as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"the body is not {encoding}: {error}"
        ) from None
    if sum(map(len, parts)) > most_bytes:
        raise RefusedError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {most_bytes} bytes when it is unpacked",
        )
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _inflated(raw: Raw, form: int, most_bytes: int, members: int) -> list[Raw]:
    """The parts of a packed body: one byte more than *most_bytes*, and no more."""
    parts: list[Raw] = []
    rest: Raw = raw
    for _ in range(members):
        inflater = zlib.decompressobj(form)
        part = inflater.decompress(rest, most_bytes + 1)
        parts.append(part)
        most_bytes -= len(part)
        if most_bytes < 0:
            return parts
        if not inflater.eof:
            raise zlib.error("it ends too early")
        rest = inflater.unused_data
        if not rest:
            return parts
    raise zlib.error("something follows behind its end")


def _deflate_form(raw: Raw) -> int:
    # Source: RFC 9110, 8.4.1.2: zlib's form, though some send it without the header;
    # that is a multiple of 31 and names the method 8.
    has_header = len(raw) > 1 and raw[0] & 15 == 8 and (raw[0] << 8 | raw[1]) % 31 == 0  # noqa: PLR2004  # see above
    return _ZLIB if has_header else _NO_HEADER


def _count(signal: Signal, body: bytes) -> int:
    request = parsed(SKELETON.requests[signal].FromString, body)
    scopes = [
        scope
        for of_resource in getattr(request, f"resource_{signal}")
        for scope in getattr(of_resource, f"scope_{signal}")
    ]
    if signal == "logs":
        return sum(len(scope.log_records) for scope in scopes)
    if signal == "spans":
        return sum(len(scope.spans) for scope in scopes)
    return sum(
        len(getattr(metric, kind).data_points)
        for scope in scopes
        for metric in scope.metrics
        if (kind := metric.WhichOneof("data"))
    )
