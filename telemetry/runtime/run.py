"""A run of an app, from ``with app.run():`` to the end of the block."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType, TracebackType
from typing import Final, Generic, TypeVar

from telemetry.capture.runtime_records import Record
from telemetry.capture.settings import in_force
from telemetry.core.errors import InvalidError
from telemetry.pipeline.agent.hosting import AppHost, host_for_app, wants_agent
from telemetry.runtime import current
from telemetry.runtime.driver.session import DriverSession
from telemetry.runtime.pools import Pool

A = TypeVar("A")
T = TypeVar("T")

BACKENDS: Final = ("local",)

_TERMINATED: Final = 128 + signal.SIGTERM
"""The status of a shell's child that SIGTERM ended."""


class Run(Generic[A]):
    """The context manager that ``app.run()`` returns; also for ``async with``.

    Not to be entered twice. Entering and leaving block the thread; the async form
    does both on a thread beside the event loop.
    """

    def __init__(
        self,
        app: A,
        name: str,
        pools: Sequence[Pool],
        on_record: Callable[[Record], None] | None,
        shutdown_grace_s: float,
    ) -> None:
        self._app = app
        self._name = name
        self._pools = pools
        self._on_record = on_record
        self._grace_s = shutdown_grace_s
        self._session: DriverSession | None = None
        self._agent: AppHost | None = None
        self._entered = False
        self._termination = _Termination()

    def __enter__(self) -> A:
        self._enter_once()
        self._termination.install()
        try:
            self._start()
        except BaseException:
            # Ctrl-C may come when it has started: nobody else will stop it.
            self._leave()
            raise
        return self._app

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    async def __aenter__(self) -> A:
        self._enter_once()
        self._termination.install()
        try:
            await _on_thread(self._start)
        except BaseException:
            # Cancelled while it started: nobody else will stop it.
            await self._leave_aio()
            raise
        return self._app

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave_aio()

    def _enter_once(self) -> None:
        if self._entered:
            raise InvalidError(
                f"this run of app {self._name!r} was entered before; call `app.run()` "
                "again for another"
            )
        self._entered = True

    def _start(self) -> None:
        settings = in_force()
        agent = wants_agent(settings)
        place = current.reserve(self._name)
        try:
            place.session = self._session = DriverSession.start(
                self._name,
                pools=[pool.spec(place) for pool in self._pools if _is_declared(pool)],
                on_record=self._on_record,
                shutdown_grace_s=self._grace_s,
                journal=agent,
            )
        except BaseException:
            current.release(self._name)
            raise
        if agent:
            self._agent = host_for_app(settings)

    def _leave(self) -> None:
        self._termination.leaving = True
        try:
            self._stop()
        finally:
            self._termination.restore()

    async def _leave_aio(self) -> None:
        self._termination.leaving = True
        try:
            await _on_thread(self._stop)
        finally:
            self._termination.restore()

    def _stop(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        # First, so that no new call is let in while the session drains.
        current.release(self._name)
        try:
            session.stop()
        finally:
            if self._agent is not None:
                self._agent.stop()


def _is_declared(pool: Pool) -> bool:
    # Code that goes by value is pickled at its first use, when the globals that
    # it takes along exist; unless its containers are to be there from the start.
    scaling = pool.declaration.settings.options.scaling
    return bool(scaling.min_containers) or pool.goes_by_reference


class _Termination:
    """Turns SIGTERM into ``SystemExit``, so that ``with`` blocks unwind.

    Only in the main thread, and only where nobody has set a handler.
    """

    def __init__(self) -> None:
        self.leaving = False
        self._came_late = False
        self._installed = False

    def install(self) -> None:
        """Handle SIGTERM, if it is ours to handle."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handle)
            self._installed = True

    def restore(self) -> None:
        """Undo `install`, unless somebody has set another handler meanwhile.

        Raises:
            SystemExit: The signal came while the run was being left.
        """
        if not self._installed:
            return
        self._installed = False
        if signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._came_late:
            raise SystemExit(_TERMINATED)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        # While we are leaving it must not break off the clean-up, which is bounded
        # anyway; nor may it be forgotten: the program would go on after the block.
        if self.leaving:
            self._came_late = True
        else:
            self.leaving = True
            raise SystemExit(_TERMINATED)


async def _on_thread(work: Callable[[], T]) -> T:
    """Run it beside the loop, to its end even when the caller is cancelled.

    On a thread of its own: the loop's default executor may be full of work that
    waits for this.
    """
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1, thread_name_prefix="telemetry-run")
    future = loop.run_in_executor(executor, work)
    executor.shutdown(wait=False)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:  # noqa: BLE001 - result() raises it below
            break
    result = future.result()
    if cancelled is not None:
        raise cancelled
    return result
