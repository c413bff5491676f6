from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.policy.scaling import Limits
from telemetry.runtime import App, Method, batched, method
from telemetry.runtime.classes import Cls, pool_of
from tests.runtime.api import subjects
from tests.runtime.api.fakes import STATS, FakeSession, running

Model: Any = subjects.Model
NeedsName: Any = subjects.NeedsName
AsyncEntered: Any = subjects.AsyncEntered


@pytest.fixture
def session() -> Iterator[FakeSession]:
    """The app runs, and inputs settle at once."""
    with running(subjects.app) as started:
        yield started


def test_methods_share_a_pool(session: FakeSession) -> None:
    """Each method of an instance is an input of the same pool."""
    made = Model(size="big")

    assert made.predict.remote(1) == "big:1:1"
    assert made.score.remote(4) == 2
    assert list(made.stream.remote_gen(2)) == [0, 1]
    assert list(made.predict.map([1, 2])) == ["big:1:1", "big:2:1"]
    assert {tag for tag, *_ in session.opened} == {pool_of(made).tag}
    assert [index for _, index, *_ in session.opened] == [0, 1, 2, 0]


def test_methods_call_each_other(session: FakeSession) -> None:
    """Inside the class a method is the user's own function."""
    assert Model().both.remote(1) == "small:1:1!"


def test_pools_of_instances() -> None:
    """Equal parameters mean one pool, the default ones the plain name."""
    assert pool_of(Model()).tag == "Model"
    assert pool_of(Model(size="small", layers=2)).tag == "Model"
    assert pool_of(Model(size="big")).tag == pool_of(Model(size="big")).tag
    assert pool_of(Model(size="big")).tag != pool_of(Model(layers=3)).tag
    assert pool_of(NeedsName(name="x")).tag.startswith("NeedsName@")


def test_parameters_travel(session: FakeSession) -> None:
    """The pool's spec carries the parameters."""
    Model(size="big").predict.remote(1)
    spec = session.pools[-1]

    assert spec.is_class
    assert pickle.loads(spec.parameters or b"") == {"size": "big", "layers": 2}
    assert [each.name for each in spec.methods] == [
        "predict",
        "score",
        "stream",
        "both",
    ]
    assert [each.is_async for each in spec.methods] == [False, True, False, False]
    assert spec.methods[2].is_generator
    assert spec.concurrency.max_inputs == 10


@pytest.mark.parametrize("name", ["predict", "update_autoscaler"])
def test_method_of_the_class(name: str) -> None:
    """What belongs to an instance is not found on the class, with advice."""
    with pytest.raises(AttributeError, match=rf"`Model\(...\).{name}`"):
        getattr(Model, name)


def test_unknown_attribute_of_the_class() -> None:
    """Anything else is simply not there."""
    with pytest.raises(AttributeError, match="'Model' has no attribute 'nope'"):
        _ = Model.nope


@pytest.mark.parametrize(
    ("name", "match"),
    [("helper", "mark it `@method"), ("nope", "no method or parameter 'nope'$")],
)
def test_unknown_attribute_of_an_instance(name: str, match: str) -> None:
    """A plain method of the class cannot be called from outside."""
    with pytest.raises(AttributeError, match=match):
        getattr(Model(), name)


def test_a_method_is_not_called() -> None:
    """A plain call does not say where to run."""
    with pytest.raises(InvalidError, match=r"Model.predict.remote\(...\)"):
        Model().predict(1)


@pytest.mark.parametrize(
    "name",
    ["update_autoscaler", "with_options", "with_concurrency", "with_batching"],
)
def test_what_concerns_all_methods(name: str) -> None:
    """Scaling is the instance's matter, and variants the class's."""
    with pytest.raises(InvalidError, match=f"call `{name}` on the"):
        getattr(Model().predict, name)(min_containers=1)


def test_autoscaler_and_stats(session: FakeSession) -> None:
    """An instance is scaled, and looked at, as a function is."""
    made = Model(size="big")

    made.update_autoscaler(min_containers=1)
    asyncio.run(made.update_autoscaler.aio(max_containers=4))

    assert session.limits == [Limits(1, 2, 0, 60.0), Limits(1, 4, 0, 60.0)]
    assert made.get_current_stats() is STATS
    assert asyncio.run(made.get_current_stats.aio()) is STATS
    assert made.predict.get_current_stats() is STATS
    assert {pool.tag for pool in session.pools} == {pool_of(made).tag}


def test_variants() -> None:
    """A variant of a class has pools of its own."""
    slow = Model.with_options(timeout=9).with_concurrency(max_inputs=3)

    assert isinstance(slow, Cls)
    assert slow.settings.options.timeout_s == 9
    assert slow.settings.concurrency.max_inputs == 3
    assert slow.settings.concurrency.target_inputs == 3
    assert pool_of(slow()).tag != pool_of(Model()).tag


def test_variant_keeps_cancellation() -> None:
    """What is cancelled along is not changed by another limit."""
    app = App("variants")
    handle: Any = app.cls()(type("Some", (), {}))
    alone = handle.with_concurrency(max_inputs=2, cancellation="input")

    changed = alone.with_concurrency(max_inputs=3)

    assert changed.settings.concurrency.cancellation == "input"


def test_batching_needs_one_method() -> None:
    """A class with several methods cannot be batched."""
    with pytest.raises(InvalidError, match="exactly one"):
        Model.with_batching(max_batch_size=2, wait_ms=1)


def test_batching_of_a_class() -> None:
    """A class with one method can."""

    class Single:
        @method()
        def embed(self, texts: list[str]) -> list[int]:
            return [len(text) for text in texts]

    handle: Any = App("single").cls()(Single)
    batching = handle.with_batching(max_batch_size=2, wait_ms=1).settings.batching

    assert (batching.max_batch_size, batching.wait_ms) == (2, 1)


def test_local_enters_once() -> None:
    """Enter hooks run before the first local call, once for each instance."""
    made = Model(size="big")

    assert [made.predict.local(x) for x in (1, 2)] == ["big:1:1", "big:2:1"]
    assert asyncio.run(made.score.local(3)) == 1.5
    assert list(made.stream.local(2)) == [0, 1]
    assert Model(size="big").predict.local(1) == "big:1:1"


def test_local_with_async_hooks() -> None:
    """An async method runs async hooks before its body, in order and once."""
    made = AsyncEntered()

    async def main() -> None:
        assert await made.seen.local() == ["first", "second"]
        assert await made.seen.local() == ["first", "second"]
        assert made.seen_sync.local() == ["first", "second"]

    asyncio.run(main())


def test_local_generator_with_async_hooks() -> None:
    """So does an async generator."""

    async def main() -> list[str]:
        return [name async for name in AsyncEntered().each.local()]

    assert asyncio.run(main()) == ["first", "second"]


def test_sync_local_with_async_hooks() -> None:
    """A sync method runs them in a loop of its own."""
    assert AsyncEntered().seen_sync.local() == ["first", "second"]


def test_sync_local_with_async_hooks_in_a_loop() -> None:
    """Which cannot be where there is a loop already."""

    async def main() -> None:
        with pytest.raises(ExecutionError, match=r"await `\.local` of an async method"):
            AsyncEntered().seen_sync.local()

    asyncio.run(main())


def test_a_derived_class_derives_from_the_users() -> None:
    """A decorated class can be derived from."""

    class Larger(Model):  # type: ignore[misc]  # a handle, as far as mypy knows
        pass

    assert issubclass(Larger, Model.raw)


def test_batched_method(session: FakeSession) -> None:
    """The pool of a batched method knows its batching."""

    class Batched:
        @batched(max_batch_size=4, wait_ms=2)
        def embed(self, texts: list[str]) -> list[int]:
            return [len(text) for text in texts]

    handle: Any = subjects.app.cls()(Batched)
    try:
        handle().embed.remote(["a"])
    finally:
        del subjects.app._handles["Batched"]
    assert session.pools[-1].mode == "batch"


def test_reprs() -> None:
    """Handles have a readable repr."""
    made = Model(size="big")

    assert repr(Model) == "<Cls Model>"
    assert repr(made) == "Model(size='big', layers=2)"
    assert repr(made.predict) == "<Method Model.predict>"
    assert isinstance(made.predict, Method)
    assert made.predict.raw is Model.raw.predict
