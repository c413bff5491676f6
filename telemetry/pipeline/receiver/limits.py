"""What the receiver takes at most, of what a sender can make large or slow."""

from __future__ import annotations

from typing import Final, NamedTuple

MIB: Final = 1 << 20


class Limits(NamedTuple):
    """Caps; those beyond 64 MiB of body have no use, as exporters stop there.

    Attributes:
        body_bytes: Of one body as it is sent.
            Source: ``max_request_size`` of OpenTelemetry Python's exporters.
        inflated_bytes: Of one body when it is unpacked.
        json_bytes: Of one body in JSON, unpacked: its objects take ten times that.
        items: Log records, spans or data points of one request.
        held_bytes: Of all bodies together that are not complete, or being unpacked.
        connections: At the same time.
        head_s: A head has to be complete so many seconds after it began.
        least_bytes_per_s: So fast a body has to come, with *head_s* to begin with.
        idle_s: How long a connection is kept without a request.
        answer_s: How long a request waits to be stored, before it is told to come
            again. Exporters wait 10 s by default.
    """

    body_bytes: int = 64 * MIB
    inflated_bytes: int = 64 * MIB
    json_bytes: int = 16 * MIB
    items: int = 500_000
    held_bytes: int = 256 * MIB
    connections: int = 256
    head_s: float = 10.0
    least_bytes_per_s: int = 16_384
    idle_s: float = 75.0
    answer_s: float = 30.0


DEFAULTS: Final = Limits()
