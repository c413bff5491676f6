"""Calls whose results are kept: for ``get`` as often as asked, and ``from_id``."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from telemetry.runtime.calls import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.runtime.calls import Link, Settled
    from telemetry.runtime.driver.inputs import Sink

KEPT_CALLS: Final = 10_000
KEPT_BYTES: Final = 256 * 1024 * 1024
"""Finished calls that nobody holds a handle of are kept up to these bounds; the
oldest go first. A call with a living handle is kept by its handle."""


class RetainedCall(Call):
    """A call that keeps its settlements, and passes them on to who attached."""

    def __init__(self, link: Link, call_id: str, store: Retention) -> None:
        super().__init__(link, call_id, retain=True)
        self._store = store
        # Containers that hold a handle. The dispatcher's thread only.
        self._relays: list[Sink] = []

    def attach(self, relay: Sink) -> None:
        """Pass on what is kept, and what comes. Dispatcher's thread."""
        self._relays.append(relay)
        if self._kept:
            relay.deliver(list(self._kept.values()))

    def deliver(self, settled: Sequence[Settled]) -> None:
        """Keep settlements."""
        super().deliver(settled)
        for relay in self._relays:
            relay.deliver(settled)
        if len(self._kept) >= self.num_inputs:
            self._store.finished(self)


class Retention:
    """Finds retained calls by id, and bounds what is kept of them. Thread safe."""

    def __init__(self, calls: int = KEPT_CALLS, size_bytes: int = KEPT_BYTES) -> None:
        self._max_calls = calls
        self._max_bytes = size_bytes
        self._lock = threading.Lock()
        # All guarded by _lock.
        self._calls: weakref.WeakValueDictionary[str, RetainedCall] = (
            weakref.WeakValueDictionary()
        )
        self._finished: OrderedDict[str, tuple[RetainedCall, int]] = OrderedDict()
        self._bytes = 0

    def open(self, link: Link, call_id: str) -> RetainedCall:
        """A new call that will be found by its id."""
        call = RetainedCall(link, call_id, self)
        with self._lock:
            self._calls[call_id] = call
        return call

    def find(self, call_id: str) -> RetainedCall | None:
        """The call of that id, unless nothing is kept of it."""
        with self._lock:
            return self._calls.get(call_id)

    def finished(self, call: RetainedCall) -> None:
        """Keep a call that has settled, and let go of the oldest if need be."""
        size = call.kept_bytes
        with self._lock:
            # A call that is given inputs one by one is finished several times.
            _, before = self._finished.pop(call.call_id, (call, 0))
            self._finished[call.call_id] = (call, size)
            self._bytes += size - before
            while len(self._finished) > self._max_calls or (
                self._bytes > self._max_bytes and len(self._finished) > 1
            ):
                _, (_, freed) = self._finished.popitem(last=False)
                self._bytes -= freed
