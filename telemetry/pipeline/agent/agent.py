"""The agent: black boxes and OTLP come in, a store is kept, a Collector is served."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final

from telemetry.capture.diagnosis import own_version
from telemetry.capture.wording import listed
from telemetry.pipeline.agent.intake_server import IntakeServer
from telemetry.pipeline.agent.lock import AgentLock
from telemetry.pipeline.agent.places import Places
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
_FIRST_FAILURE_S: Final = 0.25
_MOST_FAILURE_S: Final = 10.0
_LEAVING_S: Final = 10.0
_LOOKED_AT_S: Final = 0.5
_LOCK_AGAIN_S: Final = 0.01
_CLOSE_S: Final = 1.0
"""What the end of the threads may take beyond the deadline of the deliveries."""


class Agent:
    """One agent of one folder.

    ``begin``, then ``start`` and ``stop``, or ``run_once``.

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
        self._on_problem = on_problem
        self._lock = AgentLock(place.lock)
        self._wake = threading.Event()
        self._inbox = Inbox(on_offer=self._wake.set)
        self._server = IntakeServer(wanted, self._inbox, self._problem)
        self._shipping: Shipping | None = None
        self._thread: threading.Thread | None = None
        self._is_over: Callable[[], object] | None = None
        self._is_watched: Callable[[], bool] = bool
        self._end_s: float | None = None
        self._started_ns = time.time_ns()
        self._told_s = float("-inf")
        self._problems: dict[str, None] = {}
        self._failures = 0
        self._is_delivered = False
        self._left = ""
        self.view = ""
        self.stored = 0

    def begin(self, *, wait_for_leaving: bool = False) -> bool:
        """Become the agent of the folder; False where another one is.

        Args:
            wait_for_leaving: One that is about to end is waited for, some seconds.
        """
        begun_s = time.monotonic()
        while not self._lock.acquire():
            # Others may only have looked whether there is an agent: see `lock.holder`.
            leaves = wait_for_leaving and self._lock.is_holder_leaving
            waited_s = time.monotonic() - begun_s
            if waited_s >= (_LEAVING_S if leaves else _LOOKED_AT_S):
                return False
            time.sleep(_LOCK_AGAIN_S)
        return True

    def start(
        self,
        *,
        is_over: Callable[[], object] | None = None,
        is_watched: Callable[[], bool] = bool,
    ) -> None:
        """Work on a thread, until `stop`.

        Args:
            is_over: Called when no app lives any more, and everything is delivered
                or has had its time; None for an agent that is not there for apps.
            is_watched: Whether somebody looks on, for whom it stays.

        Raises:
            StoreError: The store cannot be written.
            OSError: The receiver cannot listen where it was asked to.
        """
        self._is_over = is_over
        self._is_watched = is_watched
        self._server.start()
        started: list[BaseException | None] = []
        ready = threading.Event()

        def work() -> None:
            try:
                worker = self._worker()
            except BaseException as error:  # noqa: BLE001  # raised in `start`
                started.append(error)
                ready.set()
                return
            started.append(None)
            ready.set()
            try:
                self._live(worker)
            finally:
                worker.close()

        self._thread = threading.Thread(
            target=work, name="telemetry-agent", daemon=True
        )
        self._thread.start()
        ready.wait()
        if started[0] is not None:
            self._server.stop()
            raise started[0]

    def run_once(self, timeout_s: float) -> bool:
        """Store what is there now, and deliver it; whether all of it arrived.

        Raises:
            StoreError: The store cannot be written.
        """
        worker = self._worker()
        try:
            self._end_s = time.monotonic() + timeout_s
            return self._finish(worker)
        finally:
            worker.close()
            self._lock.close()

    def store_once(self, timeout_s: float) -> None:
        """Store what is there now; what is to be delivered waits for another agent.

        Raises:
            StoreError: The store cannot be written.
        """
        worker = self._worker(ships=False)
        try:
            self._end_s = time.monotonic() + timeout_s
            self._finish(worker)
        finally:
            worker.close()

    def stop(self, timeout_s: float) -> bool:
        """Take in what is there, deliver it as far as *timeout_s* allows, and end.

        Returns:
            Whether everything was delivered; see `left`.
        """
        self._end_s = time.monotonic() + timeout_s
        self._wake.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s + _CLOSE_S)
        self._server.stop()
        self._inbox.close()
        self._lock.close()
        return self._is_delivered

    def close(self) -> None:
        """Let go of the folder, where nothing was started."""
        self._lock.close()

    @property
    def is_delivered(self) -> bool:
        """Whether everything that was found is stored, and delivered where it goes."""
        return self._is_delivered

    def hurry(self) -> None:
        """Look for what is new now, and not a moment later."""
        self._wake.set()

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

    def _worker(self, *, ships: bool = True) -> Worker:
        worker = Worker(
            self.place,
            self._wanted,
            self._inbox,
            wake=self._wake.set,
            on_problem=self._problem,
        )
        if not ships:
            return worker
        shipping = Shipping(worker.ledger.outbox, self._wanted.endpoints, self._problem)
        shipping.start()
        self._shipping = shipping
        return worker

    def _live(self, worker: Worker) -> None:
        last_app_s = time.monotonic()
        quiet = 0
        while self._end_s is None:
            more = self._turn(worker)
            now_s = time.monotonic()
            self._is_delivered = more is False and self._is_idle(worker)
            self._tell(worker, now_s)
            if worker.watch.drivers or self._is_watched():
                last_app_s = now_s
            if self._is_over is not None and self._leaves(worker, now_s, last_app_s):
                self._is_over()
                self._is_over = None  # from now on, it is told to stop
            quiet = 0 if more else quiet + 1
            if more is None:
                self._wait(self._pause_s())
            elif not more:
                self._wait(BUSY_S if quiet < _QUIET_TURNS else QUIET_S)
        self._is_delivered = self._finish(worker)

    def _turn(self, worker: Worker, *, last: bool = False) -> bool | None:
        """A turn; None when it failed."""
        try:
            more = worker.turn(time.monotonic(), find=last, measure=last)
        except Exception as error:  # noqa: BLE001  # the next turn tries again
            self._failures += 1
            self._problem(f"nothing is taken in for now: {error}")
            return None
        if self._failures:
            self._failures = 0
            self._problems.clear()
        if worker.stored != self.stored:
            self.stored = worker.stored
            if self._shipping is not None:
                self._shipping.wake()
        return more

    def _finish(self, worker: Worker) -> bool:
        """The last turns, and the last deliveries."""
        end_s = self._end_s or time.monotonic()
        self._lock.leaving(going=True)
        more: bool | None = self._turn(worker, last=True)
        while more and time.monotonic() < end_s:
            more = self._turn(worker)
        left_s = max(end_s - time.monotonic(), 0.0)
        left = self._shipping.stop(left_s) if self._shipping is not None else ""
        self._turn(worker)  # what has arrived leaves the outbox
        if more is None:
            left = "what the black boxes hold"
        self._left = left
        self.place.status.unlink(missing_ok=True)
        return not left

    def _leaves(self, worker: Worker, now_s: float, last_app_s: float) -> bool:
        """Whether there is nothing left to do for apps: see `spawning.ensure_agent`."""
        if not is_over(
            now_s,
            apps=worker.watch.drivers,
            last_app_s=last_app_s,
            is_delivered=self._is_delivered,
        ):
            return False
        self._lock.leaving(going=True)
        worker.watch.find(now_s, at_once=True)
        if worker.watch.drivers:
            self._lock.leaving(going=False)
            return False
        return True

    def _is_idle(self, worker: Worker) -> bool:
        if not self._wanted.endpoints:
            return worker.is_idle
        return worker.is_idle and worker.ledger.outbox.backlog_bytes() == 0

    def _pause_s(self) -> float:
        doubled = _FIRST_FAILURE_S * 2.0 ** min(self._failures, 8)
        return min(doubled, _MOST_FAILURE_S)

    def _wait(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _problem(self, text: str) -> None:
        if text not in self._problems:
            self._problems[text] = None
            self._on_problem(text)

    def _tell(self, worker: Worker, now_s: float) -> None:
        if now_s - self._told_s < _TELL_EVERY_S:
            return
        self._told_s = now_s
        shipping = self._shipping
        status = AgentStatus(
            pid=os.getpid(),
            version=own_version(),
            started_unix_ns=self._started_ns,
            told_unix_ns=time.time_ns(),
            receiver=self._server.url,
            receiver_grpc=self._server.grpc,
            view=self.view,
            deliveries={} if shipping is None else shipping.deliveries(),
            boxes=len(worker.watch.boxes),
            backlog_bytes=worker.ledger.outbox.backlog_bytes(),
            problems=tuple(self._problems),
        )
        try:
            tell(self.place.status, status)
        except OSError as error:
            self._problem(f"the status cannot be written: {error}")
