"""The session of the driver: the verbs' way to the dispatcher thread."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from telemetry.capture.blackbox.places import base_directory, boxes_directory, sweep
from telemetry.capture.settings import in_force
from telemetry.capture.sink import failed
from telemetry.core.errors import ExecutionError
from telemetry.core.ids import CALL_PREFIX, INPUT_PREFIX
from telemetry.core.scope import current_input_id
from telemetry.runtime import origin
from telemetry.runtime.asking import Asking
from telemetry.runtime.calls import Call
from telemetry.runtime.driver.dispatcher import Dispatcher
from telemetry.runtime.driver.journal import PREFIX, Journal
from telemetry.runtime.driver.reports import Reports
from telemetry.runtime.driver.retention import Retention
from telemetry.runtime.identity import new_id_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from telemetry.capture.runtime_records import Record
    from telemetry.core.ids import IdSource
    from telemetry.runtime.calls import Row
    from telemetry.runtime.spec import PoolSpec

_STOP_SLACK_S: Final = 10.0
"""Beyond the grace: for deaths to be heard of, and reports to be written."""


class DriverSession(Asking):
    """Runs an app's dispatcher in this process. Safe from any thread."""

    def __init__(
        self,
        app_name: str,
        *,
        on_record: Callable[[Record], None] | None,
        shutdown_grace_s: float,
        journal: bool,
    ) -> None:
        self._grace_s = shutdown_grace_s
        self._ids = new_id_source()
        self._retention = Retention()
        boxes = boxes_directory(base_directory(in_force().directory))
        sweep(boxes)
        kept = _journal(boxes, self._ids, app_name) if journal else None
        self._reports = Reports(boxes, on_record, kept, taking=not journal)
        self._dispatcher = Dispatcher(
            ids=self._ids,
            reports=self._reports,
            boxes=boxes,
            retention=self._retention,
            open_retained=lambda spec, call_id: self._retention.open(
                _Route(self, spec, 0), call_id
            ),
            shutdown_grace_s=shutdown_grace_s,
        )

    @classmethod
    def start(
        cls,
        app_name: str,
        *,
        pools: Sequence[PoolSpec],
        on_record: Callable[[Record], None] | None = None,
        shutdown_grace_s: float = 30.0,
        journal: bool = False,
    ) -> DriverSession:
        """Start a dispatcher and make the pools known to it.

        Args:
            journal: An agent reads the boxes: keep one of our own for it, and leave
                those of the containers to it.
        """
        session = cls(
            app_name,
            on_record=on_record,
            shutdown_grace_s=shutdown_grace_s,
            journal=journal,
        )
        session._reports.start()
        session._dispatcher.start()
        for pool in pools:
            session._dispatcher.post(session._dispatcher.learn, pool)
        return session

    def stop(self) -> None:
        """Stop gracefully: cancel what is left, run exit hooks, end. Idempotent.

        Returns at most ``shutdown_grace_s`` and a few seconds later.
        """
        self._dispatcher.post(self._dispatcher.close)
        try:
            self._dispatcher.join(self._grace_s + _STOP_SLACK_S)
        except BaseException:
            # A second Ctrl-C: no more patience.
            self._dispatcher.post(self._dispatcher.kill_now)
            self._dispatcher.join(_STOP_SLACK_S)
            raise
        finally:
            self._reports.stop(_STOP_SLACK_S)

    def open(self, pool: PoolSpec, method: int, *, retain: bool, stream: bool) -> Call:
        """A new function call."""
        route = _Route(self, pool, method)
        call_id = self._ids.one(CALL_PREFIX)
        if retain:
            return self._retention.open(route, call_id)
        return Call(route, call_id, stream=stream)

    def attach(self, call_id: str) -> Call:
        """The retained call of that id."""
        call = self._retention.find(call_id)
        if call is not None:
            return call
        gone = Call(_NO_ROUTE, call_id, retain=True)
        gone.expire()
        return gone

    def new_input_ids(self, count: int) -> list[str]:
        """Fresh ids, in rising order."""
        return self._ids.take(INPUT_PREFIX, count)

    def post(self, call: Callable[..., object], *args: Any) -> None:  # noqa: ANN401 - passed on
        """Call it in the dispatcher's thread."""
        self._dispatcher.post(call, *args)

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher, for what is posted to it."""
        return self._dispatcher

    def _ask(self, question: tuple[Any, ...], timeout_s: float) -> Any:  # noqa: ANN401 - differs by question
        if self._dispatcher.is_own_thread:
            return self._dispatcher.answer(question)
        answers: SimpleQueue[Any] = SimpleQueue()
        self.post(lambda: answers.put(self._dispatcher.answer(question)))
        try:
            return answers.get(timeout=timeout_s)
        except Empty:
            raise ExecutionError(
                f"the dispatcher did not answer within {timeout_s:g} s"
            ) from None


def _journal(boxes: Path, ids: IdSource, app_name: str) -> Journal | None:
    """The box of this driver; without one, it runs all the same."""
    settings = in_force()
    who = {
        "service_name": settings.service_name,
        "resource_attributes": dict(settings.resource_attributes),
        "app": app_name,
    }
    try:
        return Journal(boxes, ids.one(PREFIX), who, settings.budget_bytes)
    except (OSError, ValueError) as error:
        failed(error, "journal")
        return None


class _Route:
    """The link of one call: what it asks for, posted to the dispatcher."""

    __slots__ = ("_method", "_session", "_spec")

    def __init__(self, session: DriverSession, spec: PoolSpec, method: int) -> None:
        self._session = session
        self._spec = spec
        self._method = method

    def new_input_ids(self, count: int) -> list[str]:
        return self._session.new_input_ids(count)

    def submit(self, call: Call, rows: Sequence[Row]) -> None:
        dispatcher = self._session.dispatcher
        post = dispatcher.post_soon if call.awaited else dispatcher.post
        post(dispatcher.accept, self._spec, self._method, call, rows, origin.here())

    def reject(self, call: Call, input_id: str, error: str) -> None:
        dispatcher, parent_id = self._session.dispatcher, current_input_id()
        refused = (input_id, error)
        dispatcher.post(
            dispatcher.reject,
            self._spec,
            self._method,
            call.call_id,
            refused,
            parent_id,
        )

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        dispatcher = self._session.dispatcher
        dispatcher.post(self._cancel, call.call_id, terminate_containers)

    def credit(self, call: Call, chunks: int) -> None:
        dispatcher = self._session.dispatcher
        dispatcher.post(dispatcher.credit, self._spec, call.call_id, chunks)

    def release(self, call: Call) -> None:
        """Nothing to free: a call that nobody holds is collected."""

    def _cancel(self, call_id: str, terminate: bool) -> None:  # noqa: FBT001 - posted
        self._session.dispatcher.cancel(self._spec, call_id, terminate=terminate)


class _NoRoute:
    """The link of a call that is not known any more."""

    def new_input_ids(self, count: int) -> list[str]:
        raise ExecutionError(f"no {count} inputs more: this function call is over")

    def submit(self, call: Call, rows: Sequence[Row]) -> None:
        """Nobody takes them."""

    def reject(self, call: Call, input_id: str, error: str) -> None:
        """Nobody keeps records."""

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        """Nothing runs."""

    def credit(self, call: Call, chunks: int) -> None:
        """Nobody counts."""

    def release(self, call: Call) -> None:
        """Nothing is held."""


_NO_ROUTE: Final = _NoRoute()
