"""A session that runs bodies in this process, on calls that are the real ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, cast

from telemetry.core.outcome import Outcome
from telemetry.runtime import current
from telemetry.runtime.app import App
from telemetry.runtime.calls import Call, Row, Settled
from telemetry.runtime.container.loading import Loaded
from telemetry.runtime.session import FunctionStats
from telemetry.runtime.spec import PoolSpec
from telemetry.runtime.wire import payload

STATS = FunctionStats(1, 2, 3, 4, 5, 6, 7, {"idle": 1})


class FakeLink:
    """Runs what is submitted, at once or when the test says so."""

    def __init__(self, session: FakeSession, spec: PoolSpec, method: int) -> None:
        self.session = session
        loaded = Loaded(spec)
        for hook in loaded.enter:
            entered = hook()
            if entered is not None:
                _awaited(entered)
        self.method = loaded.methods[method]
        self.held: deque[tuple[Call, Row]] = deque()
        self.chunks: list[int] = []
        self.rejected: list[tuple[str, str]] = []
        self.cancels: list[bool] = []
        self.credits = 0
        self.released = False
        self.after_cancel: Callable[[], object] = lambda: None

    def new_input_ids(self, count: int) -> list[str]:
        return [f"in-{next(self.session.numbers)}" for _ in range(count)]

    def submit(self, call: Call, rows: Any) -> None:
        self.chunks.append(len(rows))
        self.held.extend((call, row) for row in rows)
        if self.session.at_once:
            self.settle(len(rows))
        self.session.on_submit(self)

    def reject(self, call: Call, input_id: str, error: str) -> None:
        self.rejected.append((input_id, error))

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        self.cancels.append(terminate_containers)
        # Another thread may answer at the same time: both take what is left.
        while (taken := self._taken()) is not None:
            held, (index, _, _) = taken
            failure = payload.dump_failure(RuntimeError("cancelled"))
            held.deliver([Settled(index, Outcome.CANCELLED, failure)])
        self.after_cancel()

    def _taken(self) -> tuple[Call, Row] | None:
        try:
            return self.held.popleft()
        except IndexError:
            return None

    def credit(self, call: Call, chunks: int) -> None:
        self.credits += chunks

    def release(self, call: Call) -> None:
        self.released = True

    def settle(self, number: int = 1, *, last: bool = False) -> None:
        """Run inputs that were held: the oldest, or the newest."""
        for _ in range(number):
            call, row = self.held.pop() if last else self.held.popleft()
            call.deliver(list(self._run(row)))

    def _run(self, row: Row) -> Iterator[Settled]:
        index, _, data = row
        try:
            args, kwargs = payload.loads(data)
            result = self.method.call(*args, **kwargs)
            if self.method.is_generator:
                for chunk in _listed(result):
                    yield Settled(index, None, payload.dumps(chunk))
                result = None
            elif self.method.is_async:
                result = _awaited(result)
            yield Settled(index, Outcome.SUCCESS, payload.dumps(result))
        except BaseException as error:  # noqa: BLE001 - as a container does
            yield Settled(index, Outcome.ERROR, payload.dump_failure(error))


class FakeSession:
    """Follows the contract of `Session`.

    Args:
        at_once: False holds every input until the test calls `FakeLink.settle`.
    """

    def __init__(self, *, at_once: bool = True) -> None:
        self.at_once = at_once
        self.numbers = count()
        self.links: list[FakeLink] = []
        self.pools: list[PoolSpec] = []
        self.opened: list[tuple[str, int, bool, bool]] = []
        self.limits: list[Any] = []
        self.kept: dict[str, Call] = {}
        self.on_submit: Callable[[FakeLink], object] = lambda link: None

    @property
    def link(self) -> FakeLink:
        """The link of the latest call."""
        return self.links[-1]

    def open(self, pool: PoolSpec, method: int, *, retain: bool, stream: bool) -> Call:
        self.pools.append(pool)
        self.opened.append((pool.tag, method, retain, stream))
        self.links.append(FakeLink(self, pool, method))
        call_id = f"fc-{next(self.numbers)}"
        call = Call(self.link, call_id, retain=retain, stream=stream)
        if retain:
            self.kept[call_id] = call
        return call

    def attach(self, call_id: str) -> Call:
        call = self.kept.get(call_id)
        if call is None:
            call = Call(self.links[0], call_id, retain=True)
            call.expire()
        return call

    def stats(self, pool: PoolSpec, timeout_s: float = 5.0) -> FunctionStats:
        self.pools.append(pool)
        return STATS

    def update_limits(self, pool: PoolSpec, limits: Any) -> None:
        self.pools.append(pool)
        self.limits.append(limits)


@contextlib.contextmanager
def running(app: App, *, at_once: bool = True) -> Iterator[FakeSession]:
    """The app runs, on a fake session."""
    place = current.reserve(app.name)
    session = FakeSession(at_once=at_once)
    place.session = session
    try:
        yield session
    finally:
        current.release(app.name)


def _listed(result: Any) -> Iterable[Any]:
    if not hasattr(result, "__aiter__"):
        return cast("Iterable[Any]", result)

    async def collect() -> list[Any]:
        return [chunk async for chunk in result]

    return cast("list[Any]", _awaited(collect()))


def _awaited(coroutine: Any) -> Any:
    # On a thread of its own: the caller may be inside an event loop.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
