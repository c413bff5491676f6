"""Who sends one request and tells what came of it: the seam below the shipper."""

from __future__ import annotations

from typing import Protocol

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.policy.delivery import Verdict


class Sender(Protocol):
    """Sends requests of one signal, one at a time, from one thread."""

    @property
    def where(self) -> str:
        """Where they go, as it may be shown."""
        ...

    def send(self, body: bytes) -> Verdict:
        """Send a request and wait for its answer; never raises.

        It takes no longer than the endpoint's timeout, but for the time that the
        system takes to find the address of a host.
        """
        ...

    def abort(self) -> None:
        """Let the `send` that is under way fail soon, and each one after it.

        From any thread.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def sender_to(endpoint: Endpoint) -> Sender:
    """The sender that speaks the protocol of *endpoint*.

    Raises:
        InvalidError: A package is missing for it; the message says which.
    """
    if endpoint.protocol == "grpc":
        from telemetry.pipeline.delivery.grpc_sender import GrpcSender  # noqa: PLC0415  # its package may be missing

        return GrpcSender(endpoint)
    from telemetry.pipeline.delivery.http_sender import HttpSender  # noqa: PLC0415  # the same shape

    return HttpSender(endpoint)
