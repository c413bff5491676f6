"""What a type checker infers; at run time only that the expressions work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from telemetry.runtime import (
    App,
    FunctionCall,
    FunctionStats,
    batched,
    concurrent,
    method,
    parameter,
)
from tests.runtime.api.fakes import running

app = App("typing")


@app.function(timeout=60, retries=2, max_containers=4)
@concurrent(max_inputs=120, target_inputs=100)
async def translate(text: str, *, loud: bool = False) -> str:
    """Async, with a burst."""
    return text.upper() if loud else text


@app.function()
def double(number: int) -> int:
    """Sync."""
    return 2 * number


@app.function()
def count_to(last: int) -> Iterator[int]:
    """Streams, and fails at 5."""
    yield from range(last)


@app.function()
async def spell(word: str) -> AsyncIterator[str]:
    """Streams from a coroutine."""
    for letter in word:
        yield letter


@app.function()
@batched(max_batch_size=8, wait_ms=50)
def embed(texts: list[str]) -> list[float]:
    """Takes a batch."""
    return [float(len(text)) for text in texts]


@app.function()
@concurrent(max_inputs=2)
@batched(max_batch_size=8, wait_ms=50)
async def aembed(texts: list[str]) -> list[float]:
    """Takes a batch in a coroutine."""
    return [float(len(text)) for text in texts]


@app.cls()
class Batched:
    @batched(max_batch_size=8, wait_ms=50)
    def embed(self, texts: list[str]) -> list[int]:
        return [len(text) for text in texts]


@app.cls(max_containers=2)
@concurrent(max_inputs=10)
class Model:
    name: str = parameter(default="small")

    @method()
    def predict(self, x: int) -> str:
        return assert_type(self.other(x), str)

    @method()
    def other(self, x: int) -> str:
        return f"{self.name}:{x}"

    @method()
    async def score(self, x: int) -> float:
        return x / 2


def test_functions() -> None:
    """An async body and a sync one differ only in what `local` returns."""
    with running(app):
        assert_type(translate.remote("a", loud=True), str)
        assert_type(asyncio.run(translate.remote.aio("a")), str)
        assert_type(asyncio.run(translate.local("a")), str)
        assert_type(double.remote(1), int)
        assert_type(double.local(1), int)
        assert_type(double.spawn(1), FunctionCall[int])
        assert_type(double.spawn(1).get(timeout=1), int)
        assert_type(double.spawn_map([1]), FunctionCall[int])
        assert_type(list(double.spawn_map([1])), list[int])
        assert_type(FunctionCall.gather(double.spawn(1)), list[int])
        assert_type(double.map([1]), Iterator[int])
        assert_type(double.map.aio([1]), AsyncIterator[int])
        assert_type(double.starmap([(1,)], order_outputs=False), Iterator[int])
        assert_type(double.get_current_stats(), FunctionStats)


def test_generators() -> None:
    """A generator's chunks have its item type."""
    with running(app):
        assert_type(count_to.remote_gen(1), Iterator[int])
        assert_type(count_to.local(1), Iterator[int])
        assert_type(spell.remote_gen("a"), Iterator[str])
        assert_type(spell.remote_gen.aio("a"), AsyncIterator[str])


def test_variants() -> None:
    """A variant is typed as its function."""
    with running(app):
        assert_type(double.with_options(timeout=3).remote(1), int)
        assert_type(double.with_concurrency(max_inputs=2).remote(1), int)


def test_batched() -> None:
    """A member of a batch gets one of the list."""
    with running(app, at_once=False):
        assert_type(embed.spawn("a"), FunctionCall[float])
        assert_type(embed.local(["a"]), list[float])
        assert_type(asyncio.run(aembed.spawn.aio("a")), FunctionCall[float])
        assert_type(asyncio.run(aembed.local(["a"])), list[float])
        assert_type(Batched().embed.spawn("a"), FunctionCall[int])


def test_methods() -> None:
    """Methods are typed without their `self`, on instances as in the class."""
    with running(app):
        made = Model()
        assert_type(made, Model)
        assert_type(made.predict.remote(1), str)
        assert_type(asyncio.run(made.score.remote.aio(1)), float)
        assert_type(made.predict.local(1), str)


def test_mistakes() -> None:
    """A wrong argument is found before anything runs."""
    with running(app, at_once=False):
        double.spawn("a")  # type: ignore[arg-type]  # the mistake
        double.spawn(1, 2)  # type: ignore[call-arg]  # the mistake
