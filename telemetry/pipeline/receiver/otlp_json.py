"""OTLP/JSON, made protobuf: what comes after knows one form only.

It is the JSON of proto3 but for one thing: ids are written in hexadecimal, where
proto3 has base64. protobuf's own `json_format` does without the ids, and takes six
times as long, all of it with the interpreter lock held: 40 ms for a usual request of
Node's. So the fields are written by hand here, each as its descriptor says.

Source: OTLP specification 1.8, "JSON Protobuf Encoding"; the JSON mapping of proto3;
protobuf's wire format.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from struct import Struct
from struct import error as StructError  # noqa: N812  # an exception
from typing import Any, Final

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from telemetry.pipeline.otlp.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    MalformedError,
    double,
    framed,
    tag,
    varint,
)
from telemetry.pipeline.outbox import Signal

DEPTH: Final = 100
"""Source: the limit of protobuf's parser for the binary form."""

Write = Callable[[Any, int], bytes]
"""Writes a value, without its tag; the number is how deep it may still go."""

_IDS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_F: Final = FieldDescriptor


def to_protobuf(signal: Signal, body: bytes | bytearray) -> bytes:
    """The same request in protobuf. Unknown fields are ignored.

    Raises:
        MalformedError: *body* is no such request.
    """
    try:
        return _REQUESTS[signal].write(orjson.loads(body), DEPTH)
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedError(f"no OTLP/JSON: {error}"[:500]) from None


class _Shape:
    """How the fields of a message are written."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._name = descriptor.name
        self._fields: dict[str, Write] = {}
        _SHAPES[descriptor.full_name] = self  # before its fields: messages may nest
        # Asked of the descriptor as a message: the attributes for it have changed
        # between versions of protobuf.
        described = DescriptorProto()
        descriptor.CopyToProto(described)
        for field, said in zip(descriptor.fields, described.field, strict=True):
            is_list = said.label == FieldDescriptorProto.LABEL_REPEATED
            self._fields[field.json_name] = _field(field, is_list=is_list)

    def write(self, value: object, depth: int) -> bytes:
        """The fields that *value* has, as they lie on the wire."""
        if type(value) is not dict:
            raise TypeError(f"{self._name} is no object")
        if not depth:
            raise ValueError(f"nested deeper than {DEPTH}")
        fields = self._fields
        return b"".join(
            [
                fields[name](given, depth - 1)
                for name, given in value.items()
                if given is not None and name in fields
            ]
        )


def _field(field: FieldDescriptor, *, is_list: bool) -> Write:
    """Writes a field, its tag included."""
    wire, write = _writer(field)
    head = tag(field.number, wire)
    packed = tag(field.number, BYTES)

    def one(value: object, depth: int) -> bytes:
        content = write(value, depth)
        return framed(head, content) if wire == BYTES else head + content

    def many(values: object, depth: int) -> bytes:
        if type(values) is not list:
            raise TypeError(f"{field.json_name} is no list")
        if wire == BYTES:
            return b"".join([one(value, depth) for value in values])
        content = b"".join([write(value, depth) for value in values])
        return framed(packed, content) if values else b""

    return many if is_list else one


def _writer(field: FieldDescriptor) -> tuple[int, Write]:
    """The wire type of a field, and what writes a value of it."""
    if field.type == _F.TYPE_MESSAGE:
        return BYTES, _shape(field.message_type).write
    if field.type == _F.TYPE_BYTES:
        return BYTES, _hexadecimal if field.name in _IDS else _base64
    if field.type == _F.TYPE_ENUM:
        numbers = {name: v.number for name, v in field.enum_type.values_by_name.items()}
        return VARINT, lambda value, depth: _int32(numbers.get(value, value), depth)
    return _SCALARS[field.type]


def _shape(descriptor: Descriptor) -> _Shape:
    return _SHAPES.get(descriptor.full_name) or _Shape(descriptor)


def _integer(value: object) -> int:
    # 64 bits do not fit a number of JavaScript's, so they may be a string.
    if type(value) is int:
        return value
    if type(value) is str or (type(value) is float and value.is_integer()):
        return int(value)
    raise TypeError(f"{value!r:.40} is no integer")


def _within(low: int, high: int) -> Write:
    def write(value: object, _: int) -> bytes:
        number = _integer(value)
        if not low <= number <= high:
            raise ValueError(f"{number} is not within {low} to {high}")
        return varint(number)

    return write


def _zigzag(value: object, _: int) -> bytes:
    number = _integer(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{number} is beyond 32 bits")
    return varint(number << 1 ^ number >> 31)


def _fixed(form: str) -> Write:
    pack = Struct(form).pack

    def write(value: object, _: int) -> bytes:
        try:
            return pack(_integer(value))
        except StructError as error:  # it is no ValueError
            raise ValueError(str(error)) from None

    return write


def _double(value: object, _: int) -> bytes:
    if type(value) not in {int, float, str}:
        raise TypeError(f"{value!r:.40} is no number")
    return double(float(value))  # type: ignore[arg-type]  # told above


def _text(value: object, _: int) -> bytes:
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is no string")
    return value.encode()


def _flag(value: object, _: int) -> bytes:
    if type(value) is not bool:
        raise TypeError(f"{value!r:.40} is neither true nor false")
    return varint(value)


def _hexadecimal(value: object, _: int) -> bytes:
    return bytes.fromhex(_string(value))


def _base64(value: object, _: int) -> bytes:
    text = _string(value).rstrip("=").translate(_URL_SAFE)
    return b64decode(text + "=" * (-len(text) % 4), validate=True)


def _string(value: object) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is no string")
    return value


_int32: Final = _within(-(2**31), 2**31 - 1)
_URL_SAFE: Final = str.maketrans("-_", "+/")
_SCALARS: Final[dict[int, tuple[int, Write]]] = {
    _F.TYPE_STRING: (BYTES, _text),
    _F.TYPE_BOOL: (VARINT, _flag),
    _F.TYPE_DOUBLE: (FIXED64, _double),
    _F.TYPE_INT64: (VARINT, _within(-(2**63), 2**63 - 1)),
    _F.TYPE_UINT64: (VARINT, _within(0, 2**64 - 1)),
    _F.TYPE_INT32: (VARINT, _int32),
    _F.TYPE_UINT32: (VARINT, _within(0, 2**32 - 1)),
    _F.TYPE_SINT32: (VARINT, _zigzag),
    _F.TYPE_FIXED64: (FIXED64, _fixed("<Q")),
    _F.TYPE_SFIXED64: (FIXED64, _fixed("<q")),
    _F.TYPE_FIXED32: (FIXED32, _fixed("<I")),
}
_SHAPES: Final[dict[str, _Shape]] = {}
_REQUESTS: Final[dict[Signal, _Shape]] = {
    "logs": _Shape(logs_service_pb2.ExportLogsServiceRequest.DESCRIPTOR),
    "spans": _Shape(trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR),
    "metrics": _Shape(metrics_service_pb2.ExportMetricsServiceRequest.DESCRIPTOR),
}
