"""Functions and classes as users write them; containers import this module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from telemetry.runtime import (
    App,
    batched,
    concurrent,
    enter,
    exit,  # noqa: A004 - Modal's name
    method,
    parameter,
)

app = App("subjects")


@app.function(timeout=60)
@concurrent(max_inputs=120, target_inputs=100)
async def translate(text: str, *, loud: bool = False) -> str:
    """Async, with a burst."""
    return text.upper() if loud else text


@app.function()
def double(number: int) -> int:
    """Sync."""
    return 2 * number


@app.function()
def add(left: int, right: int = 0) -> int:
    """With a default."""
    return left + right


@app.function()
def fail(number: int) -> int:
    """Fails for 3."""
    if number == 3:
        raise KeyError(number)
    return number


@app.function()
def slow_by_name(number: int) -> int:
    """Raises what waiting raises."""
    raise TimeoutError(f"the body's own {number}")


@app.function()
def count_to(last: int) -> Iterator[int]:
    """Streams, and fails at 5."""
    for number in range(last):
        if number == 5:
            raise ValueError("five")
        yield number


@app.function()
async def acount_to(last: int) -> AsyncIterator[int]:
    """Streams from a coroutine."""
    for number in range(last):
        yield number


@app.function()
@batched(max_batch_size=8, wait_ms=50)
def embed(texts: list[str]) -> list[int]:
    """Takes a batch."""
    return [len(text) for text in texts]


@app.cls(max_containers=2)
@concurrent(max_inputs=10)
class Model:
    size: str = parameter(default="small")
    layers: int = parameter(default=2)

    @enter()
    def load(self) -> None:
        self.loads = getattr(self, "loads", 0) + 1

    @method()
    def predict(self, x: int) -> str:
        return f"{self.size}:{x}:{self.loads}"

    @method()
    async def score(self, x: int) -> float:
        return x / 2

    @method()
    def stream(self, last: int) -> Iterator[int]:
        yield from range(last)

    @method()
    def both(self, x: int) -> str:
        return self.predict(x) + "!"

    def helper(self) -> int:
        return 1

    @exit()
    def close(self) -> None: ...


@app.cls()
class NeedsName:
    name: str = parameter()

    @method()
    def get(self) -> str:
        return self.name


@app.cls()
class AsyncEntered:
    @enter()
    def first(self) -> None:
        self.order = ["first"]

    @enter()
    async def second(self) -> None:
        self.order.append("second")

    @method()
    async def seen(self) -> list[str]:
        return list(self.order)

    @method()
    async def each(self) -> AsyncIterator[str]:
        for name in self.order:
            yield name

    @method()
    def seen_sync(self) -> list[str]:
        return list(self.order)
