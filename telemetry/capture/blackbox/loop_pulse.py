"""Makes an event loop leave signs of life in the status page.

asyncio's own loops wait in a selector: what they do from one wait to the next is one
busy stretch. uvloop has no selector to look at; there, a timer says every 15 ms that
the loop has come round, for as long as inputs run.
"""

from __future__ import annotations

import asyncio
import mmap
import time
from collections.abc import Callable
from typing import Any, Final

from telemetry.capture import sink
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.layout import PULSE
from telemetry.capture.blackbox.status import BEAT, GONE, PulseWriter
from telemetry.policy.loop_watch import THRESHOLD_S

TICK_S: Final = 0.015


class LoopPulse:
    """The pulse of one loop. Used on the loop's thread, or before it runs.

    Args:
        writer: Of the status page of this process.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, writer: PulseWriter, threshold_ns: int
    ) -> None:
        self._loop = loop
        self._threshold_ns = threshold_ns
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._installed = False
        # A loop whose selector can be wrapped; None for one that has to tick.
        self._selector: Any = None
        self._wrapper: Callable[..., Any] | None = None
        self.writer: Final = writer

    def install(self) -> None:
        """Begin; a second time does nothing."""
        if self._installed:
            return
        self._installed = True
        selector: Any = getattr(self._loop, "_selector", None)
        if callable(getattr(selector, "select", None)):
            try:
                wrapper = self._wrapped(selector.select)
                selector.select = wrapper
            except (AttributeError, TypeError):
                pass  # a selector that cannot be changed: it ticks
            else:
                self._selector, self._wrapper = selector, wrapper
        self.writer.note_tick(round(TICK_S * 1e9) if self._selector is None else 0)

    def uninstall(self) -> None:
        """Leave the loop as it was."""
        if not self._installed:
            return
        self._installed = False
        self._stop_ticking()
        selector, wrapper = self._selector, self._wrapper
        self._selector = self._wrapper = None
        # If somebody has wrapped it on top of us, theirs stays, and ours passes on.
        if selector is not None and vars(selector).get("select") is wrapper:
            del selector.select
        self.writer.beat_idle()

    def serves(self, loop: asyncio.AbstractEventLoop, head: mmap.mmap) -> bool:
        """Whether this is the pulse of that loop, in that page."""
        return self._loop is loop and self.writer.head is head

    @property
    def at_work(self) -> bool:
        """It is installed, and its loop can still run."""
        return self._installed and not self._loop.is_closed()

    def begin(self, count: int = 1) -> None:
        """So many inputs start here now. On the loop's thread."""
        running, self._running = self._running, self._running + count
        if not running and self._installed and self._selector is None:
            self.writer.beat_busy()
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def finish(self) -> None:
        """One has ended. On the loop's thread."""
        self._running -= 1
        if not self._running:
            self._stop_ticking()

    def blocked_ns(self, now_ns: int) -> int:
        """For how long the loop has been held so far; see `PulseWriter.blocked_ns`."""
        return self.writer.blocked_ns(now_ns)

    def _tick(self) -> None:
        self.writer.beat_again()
        if self._running and self._installed and not self.writer.gone:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _stop_ticking(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self.writer.beat_idle()

    def _wrapped(self, select: Callable[..., Any]) -> Callable[..., Any]:
        """The selector's own `select`, with a beat before and after.

        This runs once per round of the loop: it is written out, and no call of the
        writer, because a call costs as much as the beat itself. A loop that has more
        to do does not wait, but only asks what is new: then one beat is enough.
        """
        writer, threshold_ns = self.writer, self._threshold_ns
        head, pack, clock = writer.head, BEAT.pack_into, time.monotonic_ns

        def select_with_beats(timeout: float | None = None) -> Any:  # noqa: ANN401  # the selector's own
            if self._wrapper is not select_with_beats:
                return select(timeout)  # uninstalled, below somebody else's
            if timeout != 0:
                writer.beat_idle()
            found = select(timeout)
            now_ns, since_ns = clock(), writer.busy_since_ns
            if now_ns - since_ns > threshold_ns and since_ns:
                writer.add_held(now_ns - since_ns)
            writer.busy_since_ns = now_ns
            try:
                pack(head, PULSE, now_ns, now_ns)
            except GONE:
                self.uninstall()  # in a forked child: the page is its parent's
            return found

        return select_with_beats


class _Hooked:
    """The one pulse of this process."""

    pulse: LoopPulse | None = None


def install(loop: asyncio.AbstractEventLoop | None = None) -> LoopPulse | None:
    """Make *loop* leave signs of life in the box of this process; never raises.

    A box has one pulse, so one loop of a process can have it; the next one can once
    that is closed. Of a loop that ticks, `LoopPulse.begin` and `LoopPulse.finish`
    have to be told when inputs run.

    Args:
        loop: None for the one that runs here.

    Returns:
        None when this process has no box, or another loop has the pulse.
    """
    try:
        box = current_box()
        loop = loop or asyncio.get_running_loop()
        return None if box is None else _installed(loop, box.head)
    except Exception as error:  # noqa: BLE001  # a loop without a pulse still turns
        sink.failed(error, "loop_pulse")
        return None


def _installed(loop: asyncio.AbstractEventLoop, head: mmap.mmap) -> LoopPulse | None:
    known = _Hooked.pulse
    if known is None or not known.serves(loop, head):
        if known is not None:
            if known.at_work and known.writer.head is head:
                return None
            known.uninstall()
        threshold_ns = round(THRESHOLD_S * 1e9)
        writer = PulseWriter(head, threshold_ns)
        known = _Hooked.pulse = LoopPulse(loop, writer, threshold_ns)
    known.install()
    return known
