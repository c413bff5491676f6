from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.policy.scaling import Limits
from telemetry.runtime import AsyncUsageWarning
from telemetry.runtime.calls import Call
from tests.runtime.api import subjects
from tests.runtime.api.fakes import STATS, FakeSession, running


@pytest.fixture
def session() -> Iterator[FakeSession]:
    """The app runs, and inputs settle at once."""
    with running(subjects.app) as started:
        yield started


@pytest.fixture
def held() -> Iterator[FakeSession]:
    """The app runs, and inputs wait for the test."""
    with running(subjects.app, at_once=False) as started:
        yield started


def test_remote(session: FakeSession) -> None:
    """One input goes in with its arguments, and its result comes back."""
    assert subjects.translate.remote("hi", loud=True) == "HI"
    assert session.opened == [("translate", 0, False, False)]
    assert session.link.chunks == [1]


def test_remote_aio(session: FakeSession) -> None:
    """The same, awaited."""
    assert asyncio.run(subjects.translate.remote.aio("hi", loud=True)) == "HI"


def test_arguments_named_self(session: FakeSession) -> None:
    """A body may call its parameter self."""
    handle = subjects.app.function(name="selfish")(lambda self: self)
    try:
        assert handle.remote(self=3) == 3
        assert handle.local(self=3) == 3
    finally:
        del subjects.app._handles["selfish"]


@pytest.mark.usefixtures("session")
def test_remote_failure() -> None:
    """The body's exception arrives as its own type."""
    with pytest.raises(KeyError, match="3"):
        subjects.fail.remote(3)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_interrupted_remote_cancels(
    held: FakeSession, monkeypatch: pytest.MonkeyPatch, interrupt: type[BaseException]
) -> None:
    """Nobody waits for an interrupted call, so it is cancelled."""

    def take(call: Call, timeout_s: float | None = None) -> None:
        raise interrupt

    monkeypatch.setattr(Call, "take", take)

    with pytest.raises(interrupt):
        subjects.double.remote(1)
    assert held.link.cancels == [False]
    assert held.link.released


def test_cancelled_remote_aio_cancels(held: FakeSession) -> None:
    """Cancelling the await cancels the input."""

    async def main() -> None:
        submitted = asyncio.Event()
        held.on_submit = lambda link: submitted.set()
        task = asyncio.create_task(subjects.double.remote.aio(1))
        await submitted.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert held.link.cancels == [False]


def test_failed_submission_is_cancelled(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was interrupted on its way leaves nothing behind."""

    def interrupted(link: object) -> None:
        raise KeyboardInterrupt

    session.on_submit = interrupted

    with pytest.raises(KeyboardInterrupt):
        subjects.double.spawn(1)
    assert session.link.cancels == [False]


VERBS: dict[str, tuple[Any, ...]] = {
    "remote": (1,),
    "remote_gen": (1,),
    "map": ([1],),
    "starmap": ([(1,)],),
    "for_each": ([1],),
    "spawn": (1,),
    "spawn_map": ([1],),
    "get_current_stats": (),
    "update_autoscaler": (),
}


async def use(result: Any) -> None:
    """Await it or iterate over it, whichever it is for."""
    if hasattr(result, "__aiter__"):
        async for _ in result:
            pass
    else:
        await result


def target_of(name: str) -> Any:
    """A verb that fits its arguments."""
    handle: Any = subjects.count_to if name == "remote_gen" else subjects.double
    return getattr(handle, name)


@pytest.mark.parametrize("name", VERBS)
def test_not_running(name: str) -> None:
    """Without a run, a verb says which app is to be run."""
    with pytest.raises(ExecutionError, match=r"app 'subjects' is not running; .*run"):
        list(target_of(name)(*VERBS[name]) or ())


@pytest.mark.parametrize("name", VERBS)
def test_not_running_aio(name: str) -> None:
    """So does its twin."""
    with pytest.raises(ExecutionError, match="not running"):
        asyncio.run(_used(name))


async def _used(name: str) -> None:
    await use(target_of(name).aio(*VERBS[name]))


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_an_aio(name: str) -> None:
    """Each of them works in a coroutine, without a warning."""
    asyncio.run(_used(name))


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize(
    ("name", "rewrite"),
    [
        ("remote", r"await double.remote.aio\(...\)"),
        ("remote_gen", r"async for chunk in count_to.remote_gen.aio\(...\)"),
        ("spawn_map", r"await double.spawn_map.aio\(...\)"),
        ("get_current_stats", r"await double.get_current_stats.aio\(...\)"),
        ("update_autoscaler", r"await double.update_autoscaler.aio\(...\)"),
    ],
)
def test_blocking_verb_in_a_loop(name: str, rewrite: str) -> None:
    """A blocking verb in an event loop works, and says how to write it."""

    async def main() -> None:
        with pytest.warns(AsyncUsageWarning, match=rewrite) as caught:
            target_of(name)(*VERBS[name])
        assert caught[0].filename == __file__

    asyncio.run(main())


@pytest.mark.usefixtures("session")
def test_spawn_in_a_loop() -> None:
    """Spawning does not block, and does not warn."""

    async def main() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            subjects.double.spawn(1).cancel()

    asyncio.run(main())


@pytest.mark.parametrize(
    "name", ["remote", "map", "starmap", "for_each", "spawn", "spawn_map"]
)
def test_generators_have_one_verb(name: str) -> None:
    """A generator is streamed, by any other verb it is refused."""
    handle: Any = subjects.count_to

    with pytest.raises(InvalidError, match=r"generator; iterate .*remote_gen"):
        getattr(handle, name)(*VERBS[name])


@pytest.mark.parametrize(
    "name", ["remote", "map", "starmap", "for_each", "spawn", "spawn_map"]
)
def test_generators_have_one_verb_aio(name: str) -> None:
    """In a coroutine too."""

    async def main() -> None:
        handle: Any = subjects.count_to
        await use(getattr(handle, name).aio(*VERBS[name]))

    with pytest.raises(InvalidError, match="is not for a generator"):
        asyncio.run(main())


def test_remote_gen_of_a_function() -> None:
    """And a function is not streamed."""
    with pytest.raises(InvalidError, match=r"needs a generator.*double.remote\(...\)"):
        subjects.double.remote_gen(1)


@pytest.mark.usefixtures("session")
def test_remote_gen() -> None:
    """Chunks come in order."""
    assert list(subjects.count_to.remote_gen(3)) == [0, 1, 2]
    assert list(subjects.acount_to.remote_gen(3)) == [0, 1, 2]


@pytest.mark.usefixtures("session")
def test_remote_gen_failure() -> None:
    """What was made before a failure arrives before it."""
    chunks = subjects.count_to.remote_gen(9)

    assert [next(chunks) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(chunks)


def test_remote_gen_is_lazy(session: FakeSession) -> None:
    """Nothing starts until a chunk is asked for."""
    chunks = subjects.count_to.remote_gen(3)
    assert session.opened == []

    next(chunks)
    assert session.opened == [("count_to", 0, False, True)]


def test_remote_gen_without_a_run() -> None:
    """That nothing runs is said at once, not with the first chunk."""
    with pytest.raises(ExecutionError, match="not running"):
        subjects.count_to.remote_gen(3)


def test_remote_gen_left_early(session: FakeSession) -> None:
    """Leaving the iteration cancels the generator."""
    chunks = subjects.count_to.remote_gen(3)
    next(chunks)

    del chunks

    assert session.link.cancels == [False]


def test_remote_gen_aio_left_early(session: FakeSession) -> None:
    """In a coroutine too."""

    async def main() -> None:
        chunks: Any = subjects.count_to.remote_gen.aio(3)
        assert await anext(chunks) == 0
        await chunks.aclose()

    asyncio.run(main())

    assert session.link.cancels == [False]


def test_finished_generator_is_not_cancelled(session: FakeSession) -> None:
    """There is nothing left to cancel after the end."""
    list(subjects.count_to.remote_gen(3))

    assert session.link.cancels == []


def test_local() -> None:
    """`local` runs in the caller, without a run; an async body gives a coroutine."""
    assert subjects.double.local(2) == 4
    assert asyncio.run(subjects.translate.local("hi")) == "hi"
    assert subjects.embed.local(["a", "bc"]) == [1, 2]


def test_raw() -> None:
    """The user's own function is at hand."""
    assert subjects.double.raw(2) == 4
    assert subjects.double.raw.__name__ == "double"


def test_a_function_is_not_called() -> None:
    """A plain call does not say where to run."""
    handle: Any = subjects.double

    with pytest.raises(TypeError, match="not callable"):
        handle(1)


def test_stats(session: FakeSession) -> None:
    """Statistics are those of the function's pool."""
    assert subjects.double.get_current_stats() is STATS
    assert session.pools[-1].tag == "double"


def test_update_autoscaler(session: FakeSession) -> None:
    """What is not given stays as it was last set."""
    handle = subjects.double.with_options(max_containers=5)

    handle.update_autoscaler(min_containers=2)
    subjects.double.with_options(max_containers=5).update_autoscaler(scaledown_window=9)

    assert session.limits == [Limits(2, 5, 0, 60.0), Limits(2, 5, 0, 9.0)]


@pytest.mark.usefixtures("session")
def test_update_autoscaler_checks() -> None:
    """Also against what was set before."""
    subjects.double.update_autoscaler(max_containers=2)

    with pytest.raises(InvalidError, match="at least `min_containers`"):
        subjects.double.update_autoscaler(min_containers=3)
    with pytest.raises(TypeError, match=r"update_autoscaler\(\) got .* 'timeout'"):
        subjects.double.update_autoscaler(timeout=3)  # type: ignore[call-arg]  # the mistake


def test_scaling_is_forgotten_with_the_run() -> None:
    """Each run starts with what was declared."""
    with running(subjects.app):
        subjects.double.update_autoscaler(max_containers=2)
    with running(subjects.app) as again:
        subjects.double.update_autoscaler(min_containers=3)

    assert again.limits[0].min_containers == 3


def test_verbs_show_themselves() -> None:
    """A handle and its verbs have a readable repr."""
    assert repr(subjects.double) == "<Function double>"
    assert repr(subjects.double.remote) == "<verb double.remote>"


def test_verbs_are_documented() -> None:
    """The verbs of the class carry their documentation."""
    assert "Run one input" in str(type(subjects.double).remote.__doc__)
