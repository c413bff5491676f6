"""Who said it: the resource of a box, and the envelope that all requests share.

The three services of OTLP have one form: a request holds resources, a resource holds
scopes, a scope holds the items; only the items differ. Source:
opentelemetry/proto/{logs,trace,metrics}/v1/*.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from telemetry.capture.diagnosis import own_version
from telemetry.core import names
from telemetry.pipeline.otlp.values import attribute, utf8
from telemetry.pipeline.otlp.wire import framed, length

SDK_NAME: Final = "input-telemetry"
"""Not "opentelemetry": that name is its own SDK's."""

ITEM: Final = b"\x12"
"""Before each log record, span or metric of a scope."""

_RESOURCES: Final = b"\x0a"
_RESOURCE: Final = b"\x0a"
_SCOPES: Final = b"\x12"
_SCOPE: Final = b"\x0a"
_ATTRIBUTE: Final = b"\x0a"
_SCOPE_NAME: Final = b"\x0a"
_SCOPE_VERSION: Final = b"\x12"

_OF_IDENTITY: Final = {
    "service_name": names.SERVICE_NAME,
    "pid": names.PROCESS_PID,
    "parent_pid": names.PROCESS_PARENT_PID,
    "command": names.PROCESS_COMMAND,
    "python": names.PROCESS_RUNTIME_VERSION,
    "host": names.HOST_NAME,
    "function": names.FAAS_NAME,
    "container_id": names.FAAS_INSTANCE,
}
"""What the identity of a box becomes in its resource."""


def resource_of(identity: Mapping[str, object]) -> dict[str, object]:
    """The attributes of the resource that wrote a box.

    What the user has said of it goes before what we found out, but for the name of
    the service, which the settings have decided.

    Args:
        identity: As `telemetry.capture.blackbox.reader.BoxReader.identity` gives it.
    """
    instance = identity.get("container_id") or identity.get("box")
    found: dict[str, object] = {
        names.TELEMETRY_SDK_NAME: SDK_NAME,
        names.TELEMETRY_SDK_LANGUAGE: "python",
        names.TELEMETRY_SDK_VERSION: own_version(),
    }
    if instance:
        found[names.SERVICE_INSTANCE_ID] = instance
    for key, name in _OF_IDENTITY.items():
        if identity.get(key):
            found[name] = identity[key]
    given = identity.get("resource_attributes")
    if isinstance(given, Mapping):
        found |= given
    found[names.SERVICE_NAME] = identity.get("service_name") or _NO_SERVICE
    return found


def encoded_resource(attributes: Mapping[str, object]) -> bytes:
    """The field ``resource``, as it stands in each request."""
    body = [attribute(_ATTRIBUTE, name, value) for name, value in attributes.items()]
    return framed(_RESOURCE, b"".join(body))


def encoded_scope(name: str, version: str = "") -> bytes:
    """The field ``scope``: the logger, or the instrumentation, that made the items."""
    body = framed(_SCOPE_NAME, utf8(name)) if name else b""
    if version:
        body += framed(_SCOPE_VERSION, utf8(version))
    return framed(_SCOPE, body)


def enveloped(resource: bytes, scopes: Iterable[tuple[bytes, list[bytes]]]) -> bytes:
    """A request.

    Args:
        resource: As `encoded_resource` gives it.
        scopes: Each as `encoded_scope` gives it, with the pieces of its items.
    """
    # One copy of it all, and not one for each level.
    parts = [resource]
    size = len(resource)
    for scope, items in scopes:
        inside = len(scope) + sum(map(len, items))
        head = _SCOPES + length(inside)
        parts += (head, scope)
        parts += items
        size += len(head) + inside
    return b"".join([_RESOURCES + length(size), *parts])


_NO_SERVICE: Final = "unknown_service"
"""Source: the resource semantic conventions of OpenTelemetry."""
