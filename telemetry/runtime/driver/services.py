"""What every part of the dispatcher uses: time, timers, reports, deliveries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telemetry.core.ids import CONTAINER_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.capture.runtime_records import Record
    from telemetry.core.ids import IdSource
    from telemetry.runtime.calls import Settled
    from telemetry.runtime.driver.inputs import Sink
    from telemetry.runtime.wire.reactor import Timer


class Services:
    """Shared by the pools of one dispatcher; its thread only.

    Args:
        at: ``at(when_s, call)`` sets a timer.
        observe: Takes the records of a round; None when nobody observes.

    Attributes:
        report: Takes a record; None when nobody observes, so that none is made.
    """

    def __init__(
        self,
        *,
        at: Callable[[float, Callable[[], None]], Timer],
        ids: IdSource,
        observe: Callable[[list[Record]], None] | None,
        shutdown_grace_s: float,
    ) -> None:
        self.at = at
        self._observe = observe
        self._records: list[Record] = []
        self.report: Callable[[Record], None] | None = None
        if observe is not None:
            self.report = self._note
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

    def _note(self, record: Record) -> None:
        self._records.append(record)

    def flush(self) -> None:
        """Hand over everything that settled, and was reported, in this round."""
        if self._records and self._observe is not None:
            records, self._records = self._records, []
            self._observe(records)
        if self._settled:
            settled, self._settled = self._settled, {}
            for sink, batch in settled.items():
                sink.deliver(batch)
