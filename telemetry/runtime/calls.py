"""One function call as its caller sees it: inputs go in, settlements come out.

The same class serves a call made in the driver and one made inside a container;
only the `Link` that carries its requests differs. Settlements are delivered from
the thread that owns the link and taken in the caller's.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from telemetry.capture.span_draft import error_text
from telemetry.core.errors import InvalidError, OutputExpiredError
from telemetry.core.outcome import Outcome
from telemetry.runtime.waiting import LoopWaiter, ThreadWaiter
from telemetry.runtime.wire import payload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telemetry.runtime.waiting import Waiter
    from telemetry.runtime.wire.frames import Payload

T = TypeVar("T")

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(slots=True)
class Settled:
    """How one input of a call settled, or one chunk of its generator.

    Attributes:
        index: Which input of the call, from 0.
        outcome: None for a chunk; the input is still running then.
        payload: The encoded result, chunk or exception.
    """

    index: int
    outcome: Outcome | None
    payload: Payload

    def value(self) -> Any:  # noqa: ANN401 - the user's own value
        """The result; raises what the caller of the function should see."""
        if self.outcome is not None and self.outcome is not Outcome.SUCCESS:
            raise payload.load_failure(self.payload)
        try:
            return payload.loads(self.payload)
        except Exception as error:
            raise payload.unreadable("the result", error) from error

    def error(self) -> BaseException | None:
        """The exception that the caller should see; None for a success."""
        if self.outcome is None or self.outcome is Outcome.SUCCESS:
            return None
        return payload.load_failure(self.payload)


Row = tuple[int, str, "Payload"]
"""One input on its way to the dispatcher: its index, its id, its arguments."""


class Link(Protocol):
    """Carries a call's requests to the dispatcher. Safe from any thread."""

    def new_input_ids(self, count: int) -> list[str]:
        """Fresh ids, in rising order."""
        ...

    def submit(self, call: Call, rows: Sequence[Row]) -> None:
        """Enqueue inputs."""
        ...

    def reject(self, call: Call, input_id: str, error: str) -> None:
        """An input does not come, because *error* prevents that: for the record."""
        ...

    def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        """Ask for the cancellation of what has not settled."""
        ...

    def credit(self, call: Call, chunks: int) -> None:
        """Tell the generator's side that chunks were taken."""
        ...

    def release(self, call: Call) -> None:
        """Nobody will take what is still to come."""
        ...


class Call:
    """A function call and what has come of it. Safe from any thread.

    A call that retains keeps every settlement for `peek`; any other hands each
    out once, by `take`, and forgets it.
    """

    def __init__(
        self, link: Link, call_id: str, *, retain: bool = False, stream: bool = False
    ) -> None:
        self.call_id = call_id
        self.retain = retain
        self.stream = stream
        # The caller is a coroutine that awaits the result next: its inputs may
        # leave with those of its neighbours, at the end of its loop's round.
        self.awaited = False
        self._link = link
        # Invariant: appended by the delivering side before it wakes anybody.
        self._fresh: deque[Settled] = deque()
        self._kept: dict[int, Settled] = {}
        self._waiters: list[Waiter] = []
        self._submitted = 0
        self._taken = 0
        self._closed = False
        self._expired = False

    @property
    def num_inputs(self) -> int:
        """How many inputs were submitted."""
        return self._submitted

    @property
    def kept_bytes(self) -> int:
        """Size of the retained settlements."""
        return sum(len(kept.payload) for kept in self._kept.values())

    def submit(self, arguments: Sequence[Arguments]) -> list[str]:
        """Encode and enqueue inputs; their ids, in order.

        An argument that cannot be pickled settles its own input as an error.
        """
        ids = self._link.new_input_ids(len(arguments))
        rows: list[Row] = []
        first = self._submitted
        self._submitted = first + len(ids)
        for index, (input_id, each) in enumerate(
            zip(ids, arguments, strict=True), first
        ):
            try:
                rows.append((index, input_id, payload.dumps(each)))
            except Exception as error:  # noqa: BLE001 - a user's __reduce__ may do anything
                self.deliver([_not_encodable(index, error)])
                self._link.reject(self, input_id, error_text(error))
        if rows:
            self._link.submit(self, rows)
        return ids

    def close(self) -> None:
        """No more inputs will come: `take` may end."""
        self._closed = True
        self._wake()

    def cancel(self, *, terminate_containers: bool = False) -> None:
        """Ask for the cancellation of every input that has not settled."""
        self._link.cancel(self, terminate_containers=terminate_containers)

    def abandon(self) -> None:
        """Cancel what is left and drop what still arrives."""
        self.cancel()
        self._link.release(self)

    def take(self, timeout_s: float | None = None) -> list[Settled]:
        """All that is new, at least one; empty when nothing will come any more.

        Raises:
            TimeoutError: Nothing came in time; 0 looks once.
        """
        return self._wait(self._take_now, timeout_s)

    async def take_async(self, timeout_s: float | None = None) -> list[Settled]:
        """`take` for a coroutine.

        Raises:
            TimeoutError: Nothing came in time; 0 looks once.
        """
        return await self._wait_async(self._take_now, timeout_s)

    def peek(self, index: int, timeout_s: float | None = None) -> Settled:
        """The settlement of one input of a retained call; repeatable.

        Raises:
            TimeoutError: It has not settled in time; 0 looks once.
            OutputExpiredError: It is no longer kept.
        """
        return self._wait(lambda: self._peek_now(index), timeout_s)

    async def peek_async(self, index: int, timeout_s: float | None = None) -> Settled:
        """`peek` for a coroutine.

        Raises:
            TimeoutError: It has not settled in time; 0 looks once.
            OutputExpiredError: It is no longer kept.
        """
        return await self._wait_async(lambda: self._peek_now(index), timeout_s)

    def deliver(self, settled: Sequence[Settled]) -> None:
        """Hand settlements to the caller; the link's side calls this."""
        if self.retain:
            for each in settled:
                self._kept[each.index] = each
        else:
            self._fresh.extend(settled)
        self._wake()

    def adopt(self, submitted: int) -> None:
        """Learn how many inputs a call has that was submitted elsewhere."""
        self._submitted = max(self._submitted, submitted)

    def expire(self) -> None:
        """Nothing of this call is kept, here or elsewhere."""
        self._expired = True
        self._kept.clear()
        self._wake()

    def _wait(self, look: Callable[[], T | None], timeout_s: float | None) -> T:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while (found := look()) is None:
            left_s = self._left_s(until_s, timeout_s)
            waiter = ThreadWaiter()
            self._waiters.append(waiter)
            # Race: 1. nothing was there; 2. a delivery finds no waiter; 3. we
            # wait for ever. So look again once we can be found.
            if (found := look()) is not None:
                self._forget(waiter)
                break
            if not waiter.wait(left_s):
                self._forget(waiter)
        return found

    async def _wait_async(
        self, look: Callable[[], T | None], timeout_s: float | None
    ) -> T:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while (found := look()) is None:
            left_s = self._left_s(until_s, timeout_s)
            waiter = LoopWaiter()
            self._waiters.append(waiter)
            if (found := look()) is not None:  # the same race as in `_wait`
                self._forget(waiter)
                break
            try:
                await waiter.wait(left_s)
            finally:
                if not waiter.future.done() or waiter.future.cancelled():
                    self._forget(waiter)
        return found

    def _left_s(self, until_s: float | None, timeout_s: float | None) -> float | None:
        if until_s is None:
            return None
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"{self.call_id} has not settled within {timeout_s:g} s")
        return left_s

    def _forget(self, waiter: Waiter) -> None:
        try:
            self._waiters.remove(waiter)
        except ValueError:
            pass  # it is being woken

    def _take_now(self) -> list[Settled] | None:
        fresh = self._fresh
        if fresh:
            batch = [fresh.popleft() for _ in range(len(fresh))]
            self._count(batch)
            return batch
        return [] if self._ended() else None

    def _count(self, batch: list[Settled]) -> None:
        if not self.stream:
            self._taken += len(batch)
            return
        chunks = sum(1 for each in batch if each.outcome is None)
        self._taken += len(batch) - chunks
        if chunks:
            self._link.credit(self, chunks)

    def _ended(self) -> bool:
        return self._closed and self._taken >= self._submitted and not self._fresh

    def _peek_now(self, index: int) -> Settled | None:
        kept = self._kept.get(index)
        if kept is None and self._expired:
            raise OutputExpiredError(
                f"the result of {self.call_id} (input {index}) is no longer kept; "
                "take results while their FunctionCall is alive"
            )
        return kept

    def _wake(self) -> None:
        # Swapped first: who appends to the old list after this looks again.
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.wake()


def _not_encodable(index: int, error: Exception) -> Settled:
    failure = InvalidError(
        f"the arguments of input {index} cannot be pickled: "
        f"{type(error).__name__}: {error}"
    )
    failure.__cause__ = error
    return Settled(index, Outcome.ERROR, payload.dump_failure(failure))
