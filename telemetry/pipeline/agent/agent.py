"""The agent: black boxes and OTLP come in, a store is kept, a Collector is served."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from telemetry.capture.diagnosis import own_version
from telemetry.capture.plain import type_name
from telemetry.capture.wording import listed
from telemetry.pipeline.agent.draining import Draining
from telemetry.pipeline.agent.intake_server import IntakeServer
from telemetry.pipeline.agent.ledger import Ledger
from telemetry.pipeline.agent.lock import AgentLock
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.problems import Problems
from telemetry.pipeline.agent.shipping import Shipping
from telemetry.pipeline.agent.status import AgentStatus, tell
from telemetry.pipeline.agent.wanted import AgentWanted
from telemetry.pipeline.agent.worker import Worker
from telemetry.pipeline.receiver.received import Inbox
from telemetry.policy.agent_life import is_over

BUSY_S: Final = 0.05
"""Seconds between two turns while something comes."""

QUIET_S: Final = 0.2
"""Seconds between two turns when nothing has come for a while."""

_QUIET_TURNS: Final = 40
_TELL_EVERY_S: Final = 2.0
_LOOK_EVERY_S: Final = 1.0
_FIRST_FAILURE_S: Final = 0.25
_MOST_FAILURE_S: Final = 10.0
_LEAVING_S: Final = 10.0
LOOKED_AT_S: Final = 0.5
_LOCK_AGAIN_S: Final = 0.01
CLOSE_S: Final = 1.0
"""What the end of the threads may take beyond the deadline of the deliveries."""


class Agent:
    """One agent of one folder.

    ``begin``, then ``start`` and ``stop``, or ``serve``, or ``run_once``.

    Args:
        on_problem: Told what a person should know, each once.

    Attributes:
        place: Its files.
        view: Where the local page is served, for its status.
        stored: Records and requests that it has accepted.
    """

    def __init__(
        self,
        place: Places,
        wanted: AgentWanted,
        *,
        on_problem: Callable[[str], object],
    ) -> None:
        self.place = place
        self._wanted = wanted
        self._problems = Problems(on_problem)
        self._lock = AgentLock(place.lock)
        self._wake = threading.Event()
        self._inbox = Inbox(on_offer=self._wake.set)
        self._server = IntakeServer(wanted, self._inbox, self._problems.say)
        self._draining = Draining(self._wake.set)
        self._shipping: Shipping | None = None
        self._thread: threading.Thread | None = None
        self._is_over: Callable[[], object] | None = None
        self._is_watched: Callable[[], bool] = bool
        self._end_s: float | None = None
        self._started_ns = time.time_ns()
        self._looked_s = self._told_s = float("-inf")
        self._version = own_version()
        self._failure = ""
        self._failures = 0
        self._quiet = 0
        self._last_app_s = time.monotonic()
        self._is_delivered = False
        self._left: str | None = None
        self.view = ""
        self.stored = 0

    def begin(
        self, *, wait_for_leaving: bool = False, patience_s: float = LOOKED_AT_S
    ) -> bool:
        """Become the agent of the folder; False where another one is.

        Args:
            wait_for_leaving: One that is about to end is waited for, some seconds.
            patience_s: How long one is waited for that may only have looked whether
                there is an agent: see `lock.holder`.
        """
        begun_s = time.monotonic()
        while not self._lock.acquire():
            leaves = wait_for_leaving and self._lock.is_holder_leaving
            waited_s = time.monotonic() - begun_s
            if waited_s >= (_LEAVING_S if leaves else patience_s):
                return False
            time.sleep(_LOCK_AGAIN_S)
        return True

    def start(
        self,
        *,
        is_over: Callable[[], object] | None = None,
        is_watched: Callable[[], bool] = bool,
        on_end: Callable[[], object] = bool,
    ) -> None:
        """`serve` on a thread, until `stop`.

        Args:
            on_end: Called when it has ended, be it by itself.

        Raises:
            StoreError: The store cannot be written.
            OSError: The receiver cannot listen where it was asked to.
        """
        ready = threading.Event()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self.serve(is_over=is_over, is_watched=is_watched, on_ready=ready.set)
            except BaseException as error:  # noqa: BLE001  # raised in `start`
                failed.append(error)
            ready.set()
            on_end()

        self._thread = threading.Thread(
            target=work, name="telemetry-agent", daemon=True
        )
        self._thread.start()
        ready.wait()
        if failed:
            raise failed[0]

    def serve(
        self,
        *,
        is_over: Callable[[], object] | None = None,
        is_watched: Callable[[], bool] = bool,
        on_ready: Callable[[], object] = bool,
    ) -> None:
        """Work on this thread, until `stop`, and let go of the folder.

        Args:
            is_over: Called when no app lives any more, and everything is delivered
                or has had its time; None for an agent that is not there for apps.
            is_watched: Whether somebody looks on, for whom it stays.
            on_ready: Called when it has begun.

        Raises:
            StoreError: The store cannot be written.
            OSError: The receiver cannot listen where it was asked to.
        """
        self._is_over, self._is_watched = is_over, is_watched
        with contextlib.ExitStack() as ending:
            ending.callback(self._lock.close)
            ending.callback(self._draining.end)
            ending.callback(self._server.stop)
            ending.callback(self._inbox.close)  # first: who waits is answered
            if self._end_s is None:  # a program may end before it has begun
                self._server.start()
            worker = self._worker()
            ending.callback(worker.close)
            on_ready()
            self._live(worker)

    def run_once(self, timeout_s: float) -> bool:
        """Store what is there now, and deliver it; whether all of it arrived.

        Raises:
            StoreError: The store cannot be written.
        """
        self._once(self._worker(), timeout_s)
        self._lock.close()
        return self._left == ""

    def store_once(self, timeout_s: float) -> bool:
        """Store what is there now; what is to be delivered waits for another agent.

        Returns:
            Whether all of it is stored.

        Raises:
            StoreError: The store cannot be written.
        """
        self._once(self._worker(stands_in=True), timeout_s)
        return self._left == ""

    def stop(self, timeout_s: float) -> bool:
        """Take in what is there, deliver it as far as *timeout_s* allows, and end.

        Returns:
            Whether everything was delivered; see `left`.
        """
        self.end(timeout_s)
        if self._thread is not None:
            self._thread.join(timeout_s + CLOSE_S)
        return self.has_delivered

    def end(self, timeout_s: float) -> None:
        """As `stop`, without waiting for it."""
        self._end_s = time.monotonic() + timeout_s
        self._wake.set()

    def close(self) -> None:
        """Let go of the folder, where nothing was started."""
        self._lock.close()

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything that is stored now is delivered; whether it is."""
        return self._draining.wait(timeout_s)

    @property
    def has_delivered(self) -> bool:
        """Whether it has ended, and left nothing."""
        return self._left == ""

    def left(self) -> str:
        """What was not delivered, in words."""
        return self._left or "something is left"

    def introduction(self) -> list[str]:
        """What it does, for people."""
        where = {each.where for each in self._wanted.endpoints.values()}
        goes = f"delivers to {listed(sorted(where))}" if where else "delivers nowhere"
        found = [f"keeps {self.place.store}, {goes}"]
        if self._server.url:
            also = f" and {self._server.grpc} (gRPC)" if self._server.grpc else ""
            found.append(f"takes OTLP at {self._server.url}{also}")
        if self.view:
            found.append(f"shows what happens at {self.view} (telemetry view opens it)")
        return found

    def _worker(self, *, stands_in: bool = False) -> Worker:
        return Worker(
            self.place,
            self._wanted._replace(stands_in=stands_in),
            self._inbox,
            wake=self._wake.set,
            on_problem=self._problems.say,
            on_ledger=bool if stands_in else self._ship,
        )

    def _ship(self, ledger: Ledger) -> None:
        """Deliver what is in the outbox of that ledger, and in no other."""
        if self._shipping is not None:
            self._shipping.stop(0)
        tell = self._problems.pass_on
        shipping = Shipping(ledger.outbox, self._wanted.endpoints, tell)
        shipping.start()
        self._shipping = shipping

    def _once(self, worker: Worker, timeout_s: float) -> None:
        with contextlib.closing(worker):
            self._end_s = time.monotonic() + timeout_s
            self._finish(worker, self._end_s)

    def _live(self, worker: Worker) -> None:
        self._last_app_s = time.monotonic()
        while self._end_s is None:
            if self._has_lost_folder():
                return
            try:
                pause_s = self._round(worker)
            except Exception as error:  # noqa: BLE001  # the next round tries again
                self._failures += 1
                self._problems.say(f"a fault: {type_name(error)}: {error}")
                pause_s = self._pause_s()
            if self._failures:
                self._wait_out(worker, pause_s)
            elif pause_s:
                self._wake.wait(pause_s)
                self._wake.clear()
        self._finish(worker, self._end_s)

    def _has_lost_folder(self) -> bool:
        """Whether another agent could be made beside this one, and nobody sees it."""
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return False
        self._looked_s = now_s
        if self._lock.is_in_place:
            return False
        self._left = "its folder was removed"
        self._problems.say(f"{self.place.base} was removed")
        return True

    def _round(self, worker: Worker) -> float:
        """A turn, and what it changes for others; how long to pause, in seconds."""
        asked = self._draining.asked()
        more = self._turn(worker)
        now_s = time.monotonic()
        if more is not None:
            outbox, goes = worker.ledger.outbox, self._wanted.endpoints.keys()
            has_all = not more and worker.is_idle
            self._is_delivered = has_all and not outbox.backlog_bytes(goes)
            self._draining.look(asked, outbox, goes)
        self._tell(worker, now_s)
        if worker.watch.apps or self._is_watched():
            self._last_app_s = now_s
        if self._is_over is not None and self._leaves(worker, now_s):
            self._is_over()
            self._is_over = None  # from now on, it is told to stop
        if more is None:
            return self._pause_s()
        self._quiet = 0 if more else self._quiet + 1
        if worker.is_behind:
            return 0
        # What comes meanwhile is taken in together, which costs less.
        return BUSY_S if self._quiet < _QUIET_TURNS else QUIET_S

    def _turn(
        self, worker: Worker, *, last: bool = False, measure: bool = False
    ) -> bool | None:
        """A turn; None when it failed."""
        now_s = time.monotonic()
        try:
            more = worker.turn(now_s, find=last, measure=measure, last=last)
        except Exception as error:  # noqa: BLE001  # the next turn tries again
            self._failures += 1
            self._failure = f"nothing is taken in for now: {error}"
            self._problems.say(self._failure)
            return None
        if self._failures:
            self._failures = 0
            self._problems.over(self._failure)
        if worker.stored != self.stored:
            self.stored = worker.stored
            if self._shipping is not None:
                self._shipping.wake()
        return more

    def _finish(self, worker: Worker, end_s: float) -> None:
        """The last turns, and the last deliveries."""
        self._lock.leaving(going=True)
        more = self._turn(worker, last=True)
        while (more or (more is False and not worker.is_idle)) and (
            time.monotonic() < end_s
        ):
            if not more:
                time.sleep(_LOCK_AGAIN_S)  # until other boxes can be opened
            more = self._turn(worker, last=True)
        has_all = more is False and worker.is_idle
        self._turn(worker, last=True, measure=True)
        left_s = max(end_s - time.monotonic(), 0.0)
        left = self._shipping.stop(left_s) if self._shipping is not None else ""
        self._turn(worker, last=True)  # what has arrived leaves the outbox
        self._left = left if has_all else "what the black boxes hold"
        with contextlib.suppress(OSError):
            self.place.status.unlink(missing_ok=True)

    def _leaves(self, worker: Worker, now_s: float) -> bool:
        """Whether there is nothing left to do for apps: see `spawning.ensure_agent`."""
        if not is_over(
            now_s,
            apps=worker.watch.apps,
            last_app_s=self._last_app_s,
            is_delivered=self._is_delivered,
        ):
            return False
        self._lock.leaving(going=True)
        worker.watch.find(now_s, at_once=True)
        if worker.watch.apps:
            self._lock.leaving(going=False)
            return False
        return True

    def _pause_s(self) -> float:
        doubled = _FIRST_FAILURE_S * 2.0 ** min(self._failures, 8)
        return min(doubled, _MOST_FAILURE_S)

    def _wait_out(self, worker: Worker, pause_s: float) -> None:
        """Wait while nothing can be stored: whoever sends hears so at once."""
        until_s = time.monotonic() + pause_s
        while self._end_s is None and (left_s := until_s - time.monotonic()) > 0:
            worker.turn_away(self._failure or "nothing can be stored now")
            self._wake.wait(left_s)
            self._wake.clear()

    def _tell(self, worker: Worker, now_s: float) -> None:
        if now_s - self._told_s < _TELL_EVERY_S:
            return
        self._told_s = now_s
        shipping = self._shipping
        status = AgentStatus(
            pid=os.getpid(),
            version=self._version,
            started_unix_ns=self._started_ns,
            told_unix_ns=time.time_ns(),
            receiver=self._server.url,
            receiver_grpc=self._server.grpc,
            view=self.view,
            deliveries={} if shipping is None else shipping.deliveries(),
            boxes=len(worker.watch.boxes),
            backlog_bytes=worker.backlog_bytes,
            problems=self._problems.known(),
        )
        try:
            tell(self.place.status, status)
        except OSError as error:
            self._problems.say(f"the status cannot be written: {error}")
