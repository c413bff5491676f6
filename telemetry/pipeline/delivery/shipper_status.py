"""How a delivery stands, for those who ask, and what is said of it unasked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from telemetry.pipeline.outbox import Signal
from telemetry.policy.delivery import Meaning, Verdict

LONG: Final = 8
"""Failures in a row after which a person is told: about a minute."""
_MOST_TOLD: Final = 64


@dataclass(frozen=True, slots=True)
class ShipperStatus:
    """How the delivery of a signal stands; times are Unix nanoseconds.

    Attributes:
        delivered: Items that have arrived.
        refused: Items that were refused for good.
        requests: Requests that were taken.
        last_delivered_ns: When the last one was; 0 for never.
        error: What went wrong last, or "" once all has arrived after it.
        error_ns: When that was.
        failures: Attempts since a request was last taken.
        backlog_since_ns: Since when something waits; None when nothing does.
        misconfigured: Nothing will arrive until somebody corrects a setting.
    """

    signal: Signal
    where: str
    delivered: int = 0
    refused: int = 0
    requests: int = 0
    last_delivered_ns: int = 0
    error: str = ""
    error_ns: int = 0
    failures: int = 0
    backlog_since_ns: int | None = None
    misconfigured: bool = False


class Left(NamedTuple):
    """What had not been delivered when a shipper ended.

    Attributes:
        items: At the least: of what is behind it, one request is counted.
        more: There is more than was counted.
    """

    items: int
    more: bool


class Record:
    """Keeps the status. Written by the shipper's thread alone, read by any.

    Attributes:
        status: Replaced as a whole, so that what is read fits together.
    """

    def __init__(
        self, signal: Signal, where: str, tell: Callable[[str], object] | None
    ) -> None:
        self.status = ShipperStatus(signal, where)
        self._tell = tell
        self._told: set[str] = set()
        self._is_down = False

    def waits(self) -> None:
        """Something waits to be sent."""
        if self.status.backlog_since_ns is None:
            self._note(backlog_since_ns=time.time_ns())

    def empty(self) -> None:
        """Nothing waits any more."""
        status = self.status
        if status.backlog_since_ns is not None or status.failures:
            self._note(backlog_since_ns=None, failures=0, misconfigured=False)

    def failed(self, verdict: Verdict) -> int:
        """A request was not taken and will be tried again; failures in a row."""
        failures = self.status.failures + 1
        wrong = verdict.meaning is Meaning.MISCONFIGURED
        self._note(
            error=verdict.text,
            error_ns=time.time_ns(),
            failures=failures,
            misconfigured=wrong,
        )
        if (wrong or failures >= LONG) and not self._is_down:
            self._is_down = True
            self._say(f"no {self.status.signal} can be delivered: {verdict.text}")
        return failures

    def answered(self, verdict: Verdict, items: int, refused: int) -> None:
        """A request is settled: *refused* of its *items* were refused for good."""
        status = self.status
        taken = verdict.meaning is Meaning.DELIVERED
        changes: dict[str, object] = {"refused": status.refused + refused}
        if taken:
            changes |= {
                "delivered": status.delivered + items - refused,
                "requests": status.requests + 1,
                "last_delivered_ns": time.time_ns(),
                "failures": 0,
                "misconfigured": False,
            }
        if verdict.text:
            changes |= {"error": verdict.text, "error_ns": time.time_ns()}
        elif taken and status.failures:
            changes["error"] = ""
        self._note(**changes)
        if taken and self._is_down:
            self._is_down = False
            self._say(f"{status.signal} are delivered again")
        if refused and verdict.text not in self._told:
            if len(self._told) >= _MOST_TOLD:
                self._told.clear()
            self._told.add(verdict.text)
            self._say(f"{refused} {status.signal} were refused: {verdict.text}")

    def _note(self, **changes: Any) -> None:  # noqa: ANN401  # fields of the status
        self.status = replace(self.status, **changes)

    def _say(self, text: str) -> None:
        if self._tell is None:
            return
        try:
            self._tell(f"{text} ({self.status.where})")
        except Exception:  # noqa: BLE001  # who is told must not stop the delivery
            self._tell = None
