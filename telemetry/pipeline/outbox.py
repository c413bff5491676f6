"""What waits to be delivered: whole OTLP requests, in order, until they have arrived.

The seam between who accepts (the agent's worker, in one transaction with the store)
and who delivers (a shipper per signal).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, Protocol

Signal = Literal["logs", "spans", "metrics"]
"""Values of the attribute ``input.telemetry.signal``."""

SIGNALS: Final[tuple[Signal, ...]] = ("logs", "spans", "metrics")


class Parcel(NamedTuple):
    """One accepted request that has not arrived yet.

    Attributes:
        number: Rises in the order of acceptance.
        items: How many log records, spans or data points it holds.
        body: An ``Export...ServiceRequest`` in protobuf. Its one field is repeated,
            so bodies of one signal, one behind the other, are one request.
    """

    number: int
    signal: Signal
    items: int
    body: bytes


class Outbox(Protocol):
    """Parcels in order. Safe from several threads."""

    def waiting(self, signal: Signal, after: int, most_bytes: int) -> list[Parcel]:
        """The oldest parcels behind number *after*, of *most_bytes* in all.

        At least one when there is any, however large.
        """
        ...

    def delivered(self, parcels: Iterable[Parcel]) -> None:
        """They have arrived, and need not be kept."""
        ...

    def given_up(self, parcels: Iterable[Parcel], reason: str, items: int) -> None:
        """*items* of them were refused for good: they are counted, and not kept."""
        ...
