"""What every part of the dispatcher uses: time, timers, reports, deliveries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telemetry.core.ids import CONTAINER_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.core.ids import IdSource
    from telemetry.runtime.calls import Settled
    from telemetry.runtime.driver.inputs import Sink
    from telemetry.runtime.records import Record
    from telemetry.runtime.wire.reactor import Timer


class Services:
    """Shared by the pools of one dispatcher; its thread only.

    Args:
        at: ``at(when_s, call)`` sets a timer.
        report: Takes records; None when nobody observes, so that they cost nothing.
    """

    def __init__(
        self,
        *,
        at: Callable[[float, Callable[[], None]], Timer],
        ids: IdSource,
        report: Callable[[Record], None] | None,
        shutdown_grace_s: float,
    ) -> None:
        self.at = at
        self.report = report
        self.shutdown_grace_s = shutdown_grace_s
        self._ids = ids
        self._settled: dict[Sink, list[Settled]] = {}

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call it in so many seconds."""
        return self.at(time.monotonic() + delay_s, call)

    def new_container_id(self) -> str:
        """A fresh id."""
        return self._ids.one(CONTAINER_PREFIX)

    def deliver(self, sink: Sink, settled: Settled) -> None:
        """Hand a settlement over at the end of the round, with all others."""
        waiting = self._settled.get(sink)
        if waiting is None:
            self._settled[sink] = [settled]
        else:
            waiting.append(settled)

    def flush(self) -> None:
        """Hand over everything that settled in this round."""
        if self._settled:
            settled, self._settled = self._settled, {}
            for sink, batch in settled.items():
                sink.deliver(batch)
