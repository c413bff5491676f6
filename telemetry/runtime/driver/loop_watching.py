"""Notices from outside when the event loop of a container stands still.

One thread reads the pulses of all containers that run async inputs. It looks when a
loop could first be blocked, and not oftener: a pulse that is fresh now cannot be old
before the threshold has passed. While nothing runs, it sleeps.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.capture.sink import failed
from telemetry.policy.loop_watch import LOOK_EVERY_S, THRESHOLD_S
from telemetry.runtime.driver.watched_loops import Owner, WatchedLoop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.capture.runtime_records import LoopBlocked, LoopMeasured
    from telemetry.core.scope import InputScope

_LEAST_WAIT_S: Final = 0.002
"""Between two looks while a process is expected to answer."""


def _unknown(_input_id: str) -> InputScope | None:
    """Nobody can say more of an input than its id."""
    return None


class LoopWatcher:
    """Watches the loops of the containers of one app.

    Args:
        report: Takes each record, on the thread of this watcher.
    """

    def __init__(
        self,
        report: Callable[[LoopBlocked | LoopMeasured], None] | None,
        threshold_s: float = THRESHOLD_S,
    ) -> None:
        self._report = report
        self._threshold_s = threshold_s
        self._lock = threading.Lock()
        self._watched: dict[str, WatchedLoop] = {}
        self._gone: list[WatchedLoop] = []
        self._wake = threading.Event()
        self._asleep = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def watch(
        self,
        container_id: str,
        *,
        function: str,
        pool: str = "",
        box_path: Path,
        running: Callable[[], int],
        known: Callable[[str], InputScope | None] = _unknown,
    ) -> None:
        """A container with async methods is ready. Any thread.

        Args:
            pool: See `telemetry.capture.runtime_records`.
            running: How many inputs it runs; called on the watcher's thread.
            known: The scope of an input that it runs, if it does; called there, too.
        """
        try:
            owner = Owner(container_id, function, pool)
            made = WatchedLoop(owner, box_path, running, known, self._threshold_s)
        except (OSError, LookupError, NotABoxError) as error:
            failed(error, "loop_watch")
            return
        with self._lock:
            if self._stopping:
                made.close()
                return
            self._watched[container_id] = made
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="telemetry-loops", daemon=True
                )
                self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Inputs were started; nothing to pay while others run. Any thread."""
        if self._asleep:
            self._wake.set()

    def forget(self, container_id: str) -> None:
        """A container is gone. Any thread."""
        with self._lock:
            found = self._watched.pop(container_id, None)
            if found is not None:
                found.ended = True
                self._gone.append(found)
        if found is not None:
            self._wake.set()

    def stop(self, timeout_s: float) -> bool:
        """End; False when the time was too short. Any thread."""
        with self._lock:
            self._stopping = True
            self._gone += self._watched.values()
            self._watched.clear()
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        while True:
            with self._lock:
                watched, gone = list(self._watched.values()), self._gone
                self._gone = []
                stopping = self._stopping
            for each in gone:
                self._attempt(each.finish)
                self._attempt(each.rest)
                each.close()
            if stopping:
                return
            self._wait(self._look_at(watched), watched)

    def _look_at(self, watched: list[WatchedLoop]) -> int | None:
        """Look at all that run something; when to look again, if anything runs."""
        due_ns: list[int] = []
        for each in watched:
            if each.busy:
                self._attempt(each.look)
                self._attempt(each.measured)
                due_ns.append(each.next_look_ns)
            elif not each.resting:
                self._attempt(each.rest)
        return min(due_ns, default=None)

    def _wait(self, due_ns: int | None, watched: list[WatchedLoop]) -> None:
        self._wake.clear()
        if due_ns is None:
            # Race: 1. we find nothing that runs; 2. an input is started, and whoever
            # started it sees us awake; 3. we sleep. So we say first that we sleep,
            # and look once more. `watch` wakes us for a container that we miss here.
            self._asleep = True
            with self._lock:
                changed = bool(self._gone) or self._stopping
                changed = changed or len(self._watched) != len(watched)
            if not changed and not any(each.busy for each in watched):
                self._wake.wait()
            self._asleep = False
            return
        with self._lock:
            if self._gone or self._stopping:
                return
        left_s = (due_ns - time.monotonic_ns()) / 1e9
        # The loops of many containers are due one after the other: one look for all.
        awaited = any(each.awaited for each in watched)
        least_s = _LEAST_WAIT_S if awaited else LOOK_EVERY_S
        self._wake.wait(max(left_s, least_s))

    def _attempt(self, step: Callable[[], LoopBlocked | LoopMeasured | None]) -> None:
        try:
            found = step()
            if found is not None and self._report is not None:
                self._report(found)
        except Exception as error:  # noqa: BLE001 - one loop less, and on with the others
            failed(error, "loop_watch")
