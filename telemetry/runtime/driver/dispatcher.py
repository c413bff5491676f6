"""The dispatcher: one thread that owns every queue, slot and container.

Other threads post to it; it calls nothing of the user's. So code in the driver
can stall it only as long as it holds the interpreter lock, and a slow observer,
terminal or iterator cannot stall it at all.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

from telemetry.capture import settings as capture_settings
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.runtime_records import InputRejected
from telemetry.core.errors import ExecutionError
from telemetry.runtime.backends.local import LocalBackend
from telemetry.runtime.container.process import ContainerInit
from telemetry.runtime.driver.inputs import Input
from telemetry.runtime.driver.loop_watching import LoopWatcher
from telemetry.runtime.driver.pool import Pool
from telemetry.runtime.driver.relays import Relays
from telemetry.runtime.driver.services import Services
from telemetry.runtime.wire import messages, payload
from telemetry.runtime.wire.frames import outgoing
from telemetry.runtime.wire.reactor import Reactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from telemetry.capture.runtime_records import Record
    from telemetry.core.ids import IdSource
    from telemetry.runtime.driver.containers import ContainerHandle
    from telemetry.runtime.driver.inputs import Sink
    from telemetry.runtime.driver.reports import Reports
    from telemetry.runtime.driver.retention import RetainedCall, Retention
    from telemetry.runtime.origin import Origin
    from telemetry.runtime.spec import PoolSpec
    from telemetry.runtime.wire.frames import Frame, Payload

_DEATHS: Final = frozenset({"crash", "start_failed", None})
"""Reasons of an exit that somebody will want to look into."""

_LAST_S: Final = 5.0
"""After everything was killed: how long its death may take to be heard of."""


class Dispatcher:
    """Accepts inputs and sees each to its outcome.

    `post` and `post_soon` are safe from any thread; every other method belongs to
    the dispatcher's own.

    Args:
        boxes: The folder where containers make their black boxes.
        retention: Where calls that keep their results live.
    """

    def __init__(
        self,
        *,
        ids: IdSource,
        reports: Reports,
        boxes: Path,
        retention: Retention,
        open_retained: Callable[[PoolSpec, str], RetainedCall],
        shutdown_grace_s: float,
    ) -> None:
        self._reactor = Reactor(on_tick=self._end_round, on_error=_report_internal)
        self.post = self._reactor.post
        self.post_soon = self._reactor.post_soon
        self._reports = reports
        self._boxes = boxes
        self._retention = retention
        self.retain = open_retained
        self.find_retained = retention.find
        self._grace_s = shutdown_grace_s
        self._services = Services(
            at=self._reactor.at,
            ids=ids,
            observe=reports.records if reports.is_observed else None,
            shutdown_grace_s=shutdown_grace_s,
        )
        self._specs: dict[tuple[str, str], PoolSpec] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._touched: dict[Pool, None] = {}
        self._backend: LocalBackend | None = None
        self._closing = False
        self._loops = LoopWatcher(self._on_loop if reports.is_observed else None)
        reports.on_output(
            lambda container_id: self.post(self._look_at_output, container_id)
        )
        self._thread = threading.Thread(
            target=self._run, name="telemetry-dispatcher", daemon=True
        )

    def start(self) -> None:
        """Begin to dispatch. Any thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False when the time was too short. Any thread."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def is_own_thread(self) -> bool:
        """True in the dispatcher's thread."""
        return threading.current_thread() is self._thread

    def learn(self, spec: PoolSpec) -> PoolSpec:
        """Know a pool from now on; the one that is known already stays."""
        known = self._specs.setdefault((spec.app, spec.tag), spec)
        self._pool(known)
        return known

    def known_spec(self, app: str, tag: str) -> PoolSpec:
        """The pool of that name.

        Raises:
            ExecutionError: Nobody has told of it.
        """
        try:
            return self._specs[app, tag]
        except KeyError:
            raise ExecutionError(
                f"no function {tag!r} is known in app {app!r}"
            ) from None

    def accept(
        self,
        spec: PoolSpec,
        method: int,
        sink: Sink,
        rows: Sequence[tuple[int, str, Payload]],
        origin: Origin,
    ) -> None:
        """Enqueue inputs."""
        now_s = time.monotonic()
        inputs = [Input(sink, method, row, origin, now_s) for row in rows]
        self._pool(spec).submit(inputs)

    def reject(
        self,
        spec: PoolSpec,
        method: int,
        call_id: str,
        refused: tuple[str, str],
        parent_id: str | None,
    ) -> None:
        """An input never comes: its caller could not encode its arguments.

        Args:
            refused: Its id, and why.
            parent_id: The input whose body made the call.
        """
        self._pool(spec)  # so that it has been declared
        if self._services.report is not None:
            self._services.report(
                InputRejected(
                    at_s=time.monotonic(),
                    function=spec.full_name(method),
                    input_id=refused[0],
                    function_call_id=call_id,
                    reason="arguments",
                    error=refused[1],
                    pool=spec.key,
                    parent_id=parent_id,
                )
            )

    def cancel(self, spec: PoolSpec, call_id: str, *, terminate: bool) -> None:
        """Cancel what has not settled of a call."""
        self._pool(spec).cancel(call_id, terminate_containers=terminate)

    def credit(self, spec: PoolSpec, call_id: str, chunks: int) -> None:
        """The consumer of a generator took chunks."""
        self._pool(spec).credit(call_id, chunks)

    def adopt(self, sink: Sink, submitted: int) -> None:
        """A nested retained call has so many inputs by now."""
        call = self._retention.find(sink.call_id)
        if call is not None:
            call.adopt(submitted)

    def answer(self, question: tuple[Any, ...]) -> object:
        """Answer what a `Session` asks: ("stats", spec) or ("limits", spec, limits)."""
        pool = self._pool(question[1])
        if question[0] == "stats":
            return pool.stats()
        pool.replace_limits(question[2])
        return None

    def close(self) -> None:
        """Begin the graceful stop; the thread ends when nothing is left."""
        if self._closing:
            return
        self._closing = True
        for pool in self._pools.values():
            pool.close()
        self._services.later(self._grace_s, self._kill_all)
        self._services.later(self._grace_s + _LAST_S, self._reactor.stop)

    def _kill_all(self) -> None:
        for pool in self._pools.values():
            pool.fleet.kill_all()

    def kill_now(self) -> None:
        """Stop without grace."""
        self.close()
        self._kill_all()

    def _run(self) -> None:
        self._backend = LocalBackend(self._reactor, patience_s=self._grace_s)
        try:
            self._reactor.run()
        finally:
            self._backend.close()
            self._loops.stop(_LAST_S)

    def _pool(self, spec: PoolSpec) -> Pool:
        key = (spec.app, spec.tag)
        pool = self._pools.get(key)
        if pool is None:
            self._specs.setdefault(key, spec)
            pool = Pool(
                spec, self._services, launch=self._launch, on_change=self._touch
            )
            self._pools[key] = pool
            if self._closing:
                pool.close()
            self._touch(pool)
        return pool

    def _touch(self, pool: Pool) -> None:
        self._touched[pool] = None

    def _end_round(self) -> None:
        if self._touched:
            self._loops.wake()
        while self._touched:
            touched, self._touched = self._touched, {}
            for pool in touched:
                pool.pump()
        self._services.flush()
        if self._closing and not any(p.fleet.living for p in self._pools.values()):
            for pool in self._pools.values():
                pool.finish()
            self._services.flush()
            self._reactor.stop()

    def _launch(self, pool: Pool, container: ContainerHandle) -> None:
        if self._backend is None:
            raise ExecutionError("the dispatcher is not running")
        events = _Events(self, pool, container)
        container.link = self._backend.start(container.container_id, events)
        init = ContainerInit(
            container_id=container.container_id,
            spec=pool.spec,
            import_path=tuple(sys.path),
            capture=capture_settings.in_force(),
            boxes=self._boxes,
        )
        self._reports.box_expected(container.container_id)
        container.link.send([(messages.INIT, outgoing(payload.dumps(init)))])

    def _look_at_output(self, container_id: str) -> None:
        for pool in self._pools.values():
            for container in pool.fleet.living:
                if container.container_id == container_id:
                    container.outgoing.append((messages.PROBE,))
                    container.flush()

    def on_ready(self, pool: Pool, container: ContainerHandle) -> None:
        """A container takes inputs: its loop is watched from now on, if it has one."""
        if any(each.is_async for each in pool.spec.methods):
            self._loops.watch(
                container.container_id,
                function=pool.spec.function,
                pool=pool.spec.key,
                box_path=self._boxes / f"{container.container_id}{SUFFIX}",
                running=lambda: container.running,
                known=lambda input_id: pool.scope_of(container, input_id),
            )

    def _on_loop(self, record: Record) -> None:
        if self._services.report is not None:
            self.post(self._services.report, record)

    def on_gone(self, container: ContainerHandle) -> None:
        """A container is gone, and has been dealt with."""
        self._loops.forget(container.container_id)
        died = container.exit_reason in _DEATHS
        self._reports.box_ended(container.container_id, died=died)


class _Events:
    """What one container's link reports, handed to whom it concerns."""

    def __init__(
        self, dispatcher: Dispatcher, pool: Pool, container: ContainerHandle
    ) -> None:
        self._dispatcher = dispatcher
        self._pool = pool
        self._container = container
        self._relays = Relays(dispatcher, container)

    def on_frame(self, frame: Frame) -> None:
        container, pool = self._container, self._pool
        container.heard_s = time.monotonic()
        blobs, done = frame.blobs, pool.on_done
        for message in frame.messages:
            if message[0] == messages.DONE:
                done(container, message, blobs)
            elif not self._relays.on_message(message, blobs):
                pool.on_message(container, message, blobs)
                if message[0] == messages.READY:
                    self._dispatcher.on_ready(pool, container)
        pool.touch()

    def on_death(self, status: int | None, why: str | None) -> None:
        self._relays.close()
        self._pool.on_death(self._container, status, why)
        self._dispatcher.on_gone(self._container)


def _report_internal(error: BaseException) -> None:
    print("telemetry.runtime: internal error in the dispatcher", file=sys.stderr)  # noqa: T201 - the logger may be what failed
    traceback.print_exception(error)
