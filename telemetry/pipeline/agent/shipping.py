"""The shippers of all signals, as one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

from telemetry.capture.wording import listed
from telemetry.pipeline.agent.status import Delivery
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.sender import sender_to
from telemetry.pipeline.delivery.shipper import Shipper
from telemetry.pipeline.outbox import Outbox, Signal


class Shipping:
    """Delivers what is in *outbox*, each signal on a thread of its own.

    Args:
        endpoints: Where to; a signal without one is not delivered.
        tell: Gets what a person should know.

    Raises:
        InvalidError: A package is missing for a protocol.
    """

    def __init__(
        self,
        outbox: Outbox,
        endpoints: Mapping[Signal, Endpoint],
        tell: Callable[[str], object],
    ) -> None:
        self._shippers: dict[Signal, Shipper] = {
            signal: Shipper(signal, outbox, sender_to(endpoint), tell=tell)
            for signal, endpoint in endpoints.items()
        }

    def start(self) -> None:
        """Begin."""
        # Python 3.12 makes no threads at the end of a program: there, `stop` delivers.
        with contextlib.suppress(RuntimeError):
            for each in self._shippers.values():
                each.start()

    def wake(self) -> None:
        """There is something new."""
        for each in self._shippers.values():
            each.wake()

    def deliveries(self) -> dict[str, Delivery]:
        """How each signal stands."""
        found: dict[str, Delivery] = {}
        for signal, shipper in self._shippers.items():
            now = shipper.status()
            problem = now.error if now.failures else ""
            found[signal] = Delivery(now.where, now.delivered, now.refused, problem)
        return found

    def stop(self, timeout_s: float) -> str:
        """Deliver what that time allows, and end.

        Returns:
            What is left, in words; "" for nothing.
        """
        # One after the other: those whose turn has not come deliver meanwhile. And no
        # threads are made for it, which may be impossible at the end of a program.
        end_s = time.monotonic() + timeout_s
        lefts = {
            signal: shipper.stop(max(end_s - time.monotonic(), 0.0))
            for signal, shipper in self._shippers.items()
        }
        parts = [
            f"{'at least ' if left.more else ''}{left.items} {signal}"
            for signal, left in lefts.items()
            if left.items or left.more
        ]
        return f"{listed(parts)} could not be delivered" if parts else ""
