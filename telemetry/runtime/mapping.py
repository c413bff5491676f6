"""Many inputs of one call: results as they come, in order if asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from itertools import islice, repeat
from typing import Any, Final, cast

from telemetry.core.errors import InvalidError
from telemetry.core.outcome import Outcome
from telemetry.runtime.calls import Arguments, Call, Settled
from telemetry.runtime.feeding import CHUNK, Feed, InlineFeed, TaskFeed, ThreadFeed
from telemetry.runtime.verbs import in_event_loop

AnyIterable = Iterable[Any] | AsyncIterable[Any]

_IN_MEMORY: Final = frozenset(
    {list, tuple, range, dict, set, frozenset, str, bytes, bytearray, deque}
    | {type({}.keys()), type({}.values()), type({}.items())}
)
"""Exactly these never keep their reader waiting; a subclass of one may."""

_END: Final = object()


class Inputs:
    """The iterables of a map, as arguments for its call.

    Args:
        verb: What the user typed, for messages.
        iterables: Zipped with each other.
        kwargs: Keyword arguments that every input gets.
        unpack: For starmap: there is one iterable, and its items are tuples.
    """

    def __init__(
        self,
        verb: str,
        iterables: tuple[AnyIterable, ...],
        kwargs: Mapping[str, Any] | None,
        *,
        unpack: bool = False,
    ) -> None:
        if not iterables:
            raise InvalidError(f"`{verb}` was given no iterable; it needs at least one")
        if kwargs is not None and not isinstance(kwargs, Mapping):
            raise InvalidError(
                f"`kwargs` of `{verb}` must be a mapping of keyword arguments, "
                f"not {kwargs!r}"
            )
        self.verb = verb
        self._iterables = iterables
        self._kwargs = dict(kwargs or {})
        self._unpack = unpack

    @property
    def is_async(self) -> bool:
        """Whether any of them has to be awaited."""
        return any(isinstance(each, AsyncIterable) for each in self._iterables)

    @property
    def in_memory(self) -> bool:
        """Whether pulling them can never wait for anything."""
        return all(type(each) in _IN_MEMORY for each in self._iterables)

    def rows(self) -> Iterator[Arguments]:
        """Pulled in the thread that iterates.

        Raises:
            InvalidError: One of them is async.
        """
        if self.is_async:
            raise InvalidError(
                f"`{self.verb}` was given an async iterable; use `{self.verb}.aio`"
            )
        iterables = cast("tuple[Iterable[Any], ...]", self._iterables)
        rows: Iterator[tuple[Any, ...]] = (
            map(tuple, iterables[0]) if self._unpack else zip(*iterables, strict=False)
        )
        return zip(rows, repeat(self._kwargs))

    async def rows_aio(self) -> AsyncIterator[Arguments]:
        """Pulled in the caller's event loop, which no sync iterable may hold up."""
        pulls = [_puller(each) for each in self._iterables]
        while True:
            row: list[Any] = []
            for pull in pulls:
                item = await pull()
                if item is _END:
                    return
                row.append(item)
            yield (tuple(row[0]) if self._unpack else tuple(row)), self._kwargs


class Collator:
    """Hands out what settled: as it comes, or in the order of the inputs."""

    __slots__ = ("_early", "_keep_errors", "_value", "handed", "values")

    def __init__(self, order_outputs: bool, return_exceptions: bool) -> None:  # noqa: FBT001 - passed through
        self.handed = 0
        self.values = self._ordered if order_outputs else self._as_they_come
        self._early: dict[int, Settled] = {}  # never more than the feed's window
        self._keep_errors = return_exceptions
        self._value: Callable[[Settled], Any] = (
            _value_or_error if return_exceptions else Settled.value
        )

    def _as_they_come(self, settled: list[Settled]) -> Iterator[Any]:
        value = self._value
        for each in settled:
            yield value(each)
        self.handed += len(settled)

    def _ordered(self, settled: list[Settled]) -> Iterator[Any]:
        value, early = self._value, self._early
        for each in settled:
            if each.index != self.handed:
                if each.outcome is not Outcome.SUCCESS and not self._keep_errors:
                    each.value()  # the first failure counts, whichever input it is
                early[each.index] = each
                continue
            following: Settled | None = each
            while following is not None:
                self.handed += 1
                yield value(following)
                following = early.pop(self.handed, None) if early else None


def results(
    open_call: Callable[[], Call],
    inputs: Inputs,
    *,
    order_outputs: bool,
    return_exceptions: bool,
) -> Iterator[Any]:
    """The results of a map, for a thread; leaving it early cancels the rest.

    Raises:
        InvalidError: It is iterated where it would block a running event loop.
    """
    if in_event_loop():
        raise InvalidError(
            f"`{inputs.verb}` inside a running event loop would block it; write "
            f"`async for result in {inputs.verb}.aio(...)`"
        )
    collator = Collator(order_outputs, return_exceptions)
    rows = inputs.rows()
    call = open_call()
    feed: Feed = (InlineFeed if inputs.in_memory else ThreadFeed)(call, rows)
    finished = False
    try:
        while True:
            more = feed.top_up(collator.handed)
            try:
                settled = call.take(0 if more else None)
            except TimeoutError:
                continue
            if feed.failure is not None:
                raise feed.failure
            if not settled:
                finished = True
                return
            yield from collator.values(settled)
    finally:
        feed.stop()
        if not finished:
            call.abandon()


async def results_aio(
    open_call: Callable[[], Call],
    inputs: Inputs,
    *,
    order_outputs: bool,
    return_exceptions: bool,
) -> AsyncIterator[Any]:
    """The results of a map, for a coroutine; leaving it early cancels the rest."""
    collator = Collator(order_outputs, return_exceptions)
    call = open_call()
    feed: Feed
    if inputs.is_async:
        feed = TaskFeed(call, inputs.rows_aio())
    else:
        feed = (InlineFeed if inputs.in_memory else ThreadFeed)(call, inputs.rows())
    finished = False
    try:
        while True:
            more = feed.top_up(collator.handed)
            try:
                settled = await call.take_async(0 if more else None)
            except TimeoutError:
                await asyncio.sleep(0)  # between chunks the loop gets its turn
                continue
            if feed.failure is not None:
                raise feed.failure
            if not settled:
                finished = True
                return
            for value in collator.values(settled):
                yield value
    finally:
        feed.stop()
        if not finished:
            call.abandon()


def submit_all(call: Call, inputs: Inputs) -> None:
    """Submit every input of a call that keeps its results, and close it."""
    # One by one where the next may be long in coming: none waits for another.
    size = CHUNK if inputs.in_memory else 1
    try:
        rows = inputs.rows()
        while chunk := list(islice(rows, size)):
            call.submit(chunk)
    except BaseException:
        call.abandon()
        raise
    call.close()


async def submit_all_aio(call: Call, inputs: Inputs) -> None:
    """`submit_all` for a coroutine."""
    if not inputs.is_async:
        await asyncio.to_thread(submit_all, call, inputs)
        return
    try:
        async for row in inputs.rows_aio():
            call.submit([row])
    except BaseException:
        call.abandon()
        raise
    call.close()


def _value_or_error(settled: Settled) -> object:
    if settled.outcome is not Outcome.SUCCESS:
        return settled.error()
    try:
        return settled.value()
    except Exception as error:  # noqa: BLE001 - the caller asked for it in place
        return error


def _puller(iterable: AnyIterable) -> Callable[[], Awaitable[Any]]:
    """Gives the next item, or `_END`."""
    if isinstance(iterable, AsyncIterable):
        asynchronous = aiter(iterable)

        async def pull_async() -> object:
            return await anext(asynchronous, _END)

        return pull_async
    iterator = iter(iterable)
    if type(iterable) in _IN_MEMORY:

        async def pull_now() -> object:
            return next(iterator, _END)

        return pull_now

    async def pull_on_thread() -> object:
        return await asyncio.to_thread(next, iterator, _END)

    return pull_on_thread
