from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from telemetry.core.errors import InvalidError
from telemetry.runtime import (
    App,
    batched,
    concurrent,
    enter,
    exit,  # noqa: A004 - Modal's name
    method,
    parameter,
)
from telemetry.runtime.declarations import Lifecycle, lifecycle, marks_of
from telemetry.runtime.parameters import REQUIRED
from telemetry.runtime.spec import Batching, Concurrency


def plain(x: int) -> int:
    """A function of this module."""
    return x


def generator(xs: list[int]) -> Iterator[int]:
    """A generator."""
    yield from xs


async def async_generator(xs: list[int]) -> AsyncIterator[int]:
    """An async generator."""
    for x in xs:
        yield x


class Bare:
    def run(self, xs: list[int]) -> list[int]:
        return xs

    def gen(self) -> Iterator[int]:
        yield 1


@pytest.mark.parametrize("decorator", [concurrent, batched, method, enter, exit])
def test_bare_use(decorator: Any) -> None:
    """A decorator without parentheses is told so."""
    with pytest.raises(InvalidError, match="needs parentheses"):
        decorator(plain)


@pytest.mark.parametrize("name", ["function", "cls", "run"])
def test_bare_use_on_the_app(name: str) -> None:
    """The app's own decorators as well."""
    with pytest.raises(InvalidError, match=f"`app.{name}` takes keyword arguments"):
        getattr(App("bare"), name)(plain)


def fresh() -> Any:
    """A function that nobody has decorated."""

    def body(x: int) -> int:
        return x

    return body


@pytest.mark.parametrize(
    "decorator",
    [concurrent(max_inputs=2), batched(max_batch_size=2, wait_ms=1)],
)
def test_above_the_app(decorator: Any) -> None:
    """The app's decorator is the outermost."""
    handle = App("order").function()(fresh())

    with pytest.raises(InvalidError, match="put it beneath"):
        decorator(handle)


def test_concurrent_above_the_class() -> None:
    """On a class too."""
    handle: Any = App("order").cls()(type("Model", (), {}))

    with pytest.raises(InvalidError, match=r"above .* on Model; put it beneath"):
        concurrent(max_inputs=2)(handle)


def test_concurrent_twice() -> None:
    """One concurrency to a function."""
    once = concurrent(max_inputs=2)(fresh())

    with pytest.raises(InvalidError, match="twice"):
        concurrent(max_inputs=2)(once)


def test_batched_twice() -> None:
    """One batching to a function."""
    once: Any = batched(max_batch_size=2, wait_ms=1)(fresh())

    with pytest.raises(InvalidError, match="twice"):
        batched(max_batch_size=2, wait_ms=1)(once)


def test_concurrent_on_a_method() -> None:
    """Concurrency belongs to the class."""
    with pytest.raises(InvalidError, match=r"method Bare.run; decorate the class"):
        concurrent(max_inputs=2)(Bare.run)


def test_concurrent_on_what_cannot_be_marked() -> None:
    """Neither function nor class."""
    with pytest.raises(InvalidError, match="no function or class"):
        concurrent(max_inputs=2)(3)


def test_a_subclass_does_not_count_as_decorated_twice() -> None:
    """A derived class inherits its base's concurrency and may have its own."""
    base = concurrent(max_inputs=2)(type("Base", (), {}))
    heir = type("Heir", (base,), {})

    assert marks_of(heir).concurrency == Concurrency(2, 2)
    assert marks_of(concurrent(max_inputs=3)(heir)).concurrency == Concurrency(3, 3)
    assert marks_of(base).concurrency == Concurrency(2, 2)


@pytest.mark.parametrize("order", [1, -1])
def test_concurrent_and_batched_in_either_order(order: int) -> None:
    """Slots count batches then; the order of the two does not matter."""
    decorators: list[Any] = [
        concurrent(max_inputs=2, target_inputs=1, cancellation="input"),
        batched(max_batch_size=3, wait_ms=4),
    ]
    body = fresh()

    for decorate in decorators[::order]:
        assert decorate(body) is body

    marks = marks_of(body)
    assert marks.concurrency == Concurrency(2, 1, "input")
    assert marks.batching == Batching(3, 4)


def defaulted(xs: list[int], factor: int = 2) -> list[int]:
    """Has a default."""
    return [factor * x for x in xs]


def variable(*xs: list[int]) -> list[int]:
    """Takes any number."""
    return list(xs[0])


def nothing() -> list[int]:
    """Takes nothing."""
    return []


@pytest.mark.parametrize(
    ("body", "match"),
    [
        (generator, "is a generator and cannot be batched"),
        (async_generator, "is a generator and cannot be batched"),
        (Bare.gen, "is a generator and cannot be batched"),
        (defaulted, "has a default for `factor`"),
        (variable, r"takes `\*xs: "),
        (nothing, "takes no argument"),
        (len, "decorates a function"),
        (Bare, "decorates a function"),
    ],
)
def test_bodies_that_cannot_be_batched(body: Any, match: str) -> None:
    """A batch needs a list for each parameter, and a list back."""
    with pytest.raises(InvalidError, match=match):
        batched(max_batch_size=2, wait_ms=1)(body)


def test_with_batching_looks_at_the_body() -> None:
    """A variant is refused for what `batched` refuses."""
    handle = App("batching").function()(defaulted)

    with pytest.raises(InvalidError, match="has a default"):
        handle.with_batching(max_batch_size=2, wait_ms=1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (method(), enter()),
        (method(), exit()),
        (enter(), method()),
        (exit(), method()),
        (enter(), exit()),
        (enter(), enter()),
    ],
)
def test_roles_exclude_each_other(first: Any, second: Any) -> None:
    """A method is a hook or can be called, never both."""
    body = first(fresh())

    with pytest.raises(InvalidError, match=r"is marked `@\w+\(\)` and `@\w+\(\)`"):
        second(body)


def test_method_twice() -> None:
    """Nor the same twice."""
    marked: Any = method()(fresh())

    with pytest.raises(InvalidError, match="twice"):
        method()(marked)


def test_batched_hook() -> None:
    """A hook has no inputs to gather."""
    with pytest.raises(InvalidError, match="hook and cannot be batched"):
        batched(max_batch_size=2, wait_ms=1)(enter()(fresh()))


@pytest.mark.parametrize("decorator", [enter(), exit()])
@pytest.mark.parametrize("body", [generator, async_generator])
def test_generator_hook(decorator: Any, body: Any) -> None:
    """A hook runs to its end."""
    with pytest.raises(InvalidError, match="is a generator"):
        decorator(body)


@pytest.mark.parametrize("target", [Bare, staticmethod(plain), property(plain), 3])
def test_method_on_no_function(target: Any) -> None:
    """Methods are functions."""
    with pytest.raises(InvalidError, match="decorates a method, not"):
        method()(target)


def test_concurrent_beneath_method() -> None:
    """Concurrency that slipped onto a function is found when it becomes a method."""
    body = concurrent(max_inputs=2)(fresh())

    with pytest.raises(InvalidError, match="decorate the class"):
        method()(body)


def test_a_method_stays_a_function() -> None:
    """Inside the class another method is a plain call."""

    class Plain:
        @method()
        def one(self) -> int:
            return 1

        @method()
        def two(self) -> int:
            return self.one() + 1

    assert Plain().two() == 2


class Base:
    size: int = parameter(default=1)
    name: str = parameter()

    @enter()
    def open_base(self) -> None: ...

    @enter()
    def switched_off(self) -> None: ...

    @method()
    def first(self) -> None: ...

    @exit()
    def close_base(self) -> None: ...


class Derived(Base):
    flag: bool = parameter(default=False)

    @enter()
    async def open_derived(self) -> None: ...

    @enter()
    def open_base(self) -> None: ...

    def switched_off(self) -> None: ...

    @method()
    def second(self) -> None: ...

    @exit()
    def close_derived(self) -> None: ...


def test_lifecycle() -> None:
    """Hooks and methods come in order, base classes first, overrides in place."""
    assert lifecycle(Derived) == Lifecycle(
        enter=("open_base", "open_derived"),
        exit=("close_base", "close_derived"),
        methods=("first", "second"),
        parameters={
            "size": (int, 1),
            "name": (str, REQUIRED),
            "flag": (bool, False),
        },
    )


def test_hook_with_arguments() -> None:
    """Hooks are called with the instance alone."""

    class Wrong:
        @enter()
        def load(self, path: str) -> None: ...

    with pytest.raises(InvalidError, match=r"hook Wrong.load needs .* path"):
        lifecycle(Wrong)


def test_batched_method_beside_others() -> None:
    """A batched method has its class to itself."""

    class Wrong:
        @batched(max_batch_size=2, wait_ms=1)
        def many(self, xs: list[int]) -> list[int]:
            return xs

        @method()
        def one(self) -> None: ...

    with pytest.raises(InvalidError, match=r"beside others \(many, one\)"):
        App("batched").cls()(Wrong)


def test_batched_method_alone() -> None:
    """Batching a method makes it one that can be called."""

    class Right:
        @batched(max_batch_size=2, wait_ms=1)
        def many(self, xs: list[int]) -> list[int]:
            return xs

    handle: Any = App("batched").cls()(Right)
    assert lifecycle(Right).methods == ("many",)
    assert handle.settings.batching == Batching(2, 1)
