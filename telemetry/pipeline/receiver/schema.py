"""OTLP's messages as they are read here: parts that are seldom looked at stay bytes.

What costs time is no parsing but one Python object per attribute. So the official
descriptors are taken and changed: a field whose type is *opaque* becomes a field of
bytes, which has the same form on the wire, and the parser leaves it alone. Strings
become bytes too: the parser would refuse a whole request for one wrong byte in one of
them, which the Collector does not.

Source: the descriptors of opentelemetry-proto; names and numbers are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from telemetry.pipeline.outbox import Signal

Message = Any
"""A message of such a class: made at run time, so no type checker knows its fields."""

_Field = descriptor_pb2.FieldDescriptorProto
_PREFIX: Final = "opentelemetry.proto."
_FILES: Final = (  # each behind those that it imports
    common_pb2,
    resource_pb2,
    logs_pb2,
    trace_pb2,
    metrics_pb2,
    logs_service_pb2,
    trace_service_pb2,
    metrics_service_pb2,
)
_REQUESTS: Final[dict[Signal, str]] = {
    "logs": "collector.logs.v1.ExportLogsServiceRequest",
    "spans": "collector.trace.v1.ExportTraceServiceRequest",
    "metrics": "collector.metrics.v1.ExportMetricsServiceRequest",
}
_ATTRIBUTE: Final = ("common.v1.KeyValue", "common.v1.AnyValue")
_POINTS: Final = (
    "metrics.v1.NumberDataPoint",
    "metrics.v1.HistogramDataPoint",
    "metrics.v1.ExponentialHistogramDataPoint",
    "metrics.v1.SummaryDataPoint",
)


class Schema:
    """The classes of all messages, with some of them opaque.

    Args:
        opaque: Names of messages behind ``opentelemetry.proto.``.
    """

    def __init__(self, opaque: Iterable[str]) -> None:
        self._opaque = frozenset(f".{_PREFIX}{name}" for name in opaque)
        self._pool = descriptor_pool.DescriptorPool()
        for module in _FILES:
            file = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            for message in file.message_type:
                self._change(message)
            self._pool.Add(file)
        self.requests: Final = {
            signal: self.message(name) for signal, name in _REQUESTS.items()
        }

    def message(self, name: str) -> Message:
        """The class of a message."""
        found = self._pool.FindMessageTypeByName(_PREFIX + name)
        return cast("Message", message_factory.GetMessageClass(found))

    def _change(self, message: descriptor_pb2.DescriptorProto) -> None:
        for field in message.field:
            if field.type == _Field.TYPE_STRING or field.type_name in self._opaque:
                field.type = _Field.TYPE_BYTES
                field.ClearField("type_name")
        for nested in message.nested_type:
            self._change(nested)


SKELETON: Final = Schema(["logs.v1.LogRecord", "trace.v1.Span", *_POINTS, *_ATTRIBUTE])
"""Down to the items, which stay bytes: to count them at little cost."""

ITEMS: Final = Schema(
    [
        "trace.v1.Span.Event",
        "trace.v1.Span.Link",
        "metrics.v1.Exemplar",
        *_ATTRIBUTE,
    ]
)
"""Down to the fields of the items; attributes and what has attributes stay bytes."""

VALUES: Final = Schema([])
"""All the way down."""
