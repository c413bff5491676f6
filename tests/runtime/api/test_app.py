from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from telemetry.core.errors import ExecutionError, InvalidError
from telemetry.runtime import App, current, enter, method
from telemetry.runtime import run as run_module
from telemetry.runtime.pools import Pool
from telemetry.runtime.spec import PoolSpec
from tests.runtime.api import subjects
from tests.runtime.api.fakes import FakeSession


def work(x: int) -> int:
    """What apps here declare."""
    return x


class Started(FakeSession):
    """Stands in for the driver's session, and remembers how it was used."""

    latest: Started

    def __init__(self, app_name: str, given: dict[str, Any]) -> None:
        super().__init__()
        self.app_name = app_name
        self.given = given
        self.threads = [threading.current_thread()]
        self.stops = 0
        self.in_stop: Callable[[], object] = lambda: None
        type(self).latest = self

    @classmethod
    def start(cls, app_name: str, **given: Any) -> Started:
        return cls(app_name, given)

    @property
    def pools_given(self) -> dict[str, PoolSpec]:
        return {spec.tag: spec for spec in self.given["pools"]}

    def stop(self) -> None:
        self.stops += 1
        self.threads.append(threading.current_thread())
        self.in_stop()


@pytest.fixture(autouse=True)
def fake_driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No real dispatcher is started."""
    monkeypatch.setattr(run_module, "DriverSession", Started)
    yield
    current.set_container_session(None)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, None, 3])
def test_app_name(name: Any) -> None:
    """An app's name is short and plain."""
    with pytest.raises(InvalidError, match=r"`App\(name\)` must be"):
        App(name)


@pytest.mark.parametrize("name", ["", "a b", 3])
def test_function_name(name: Any) -> None:
    """So is a function's."""
    with pytest.raises(InvalidError, match="`name` must be"):
        App("names").function(name=name)


def test_names_are_unique() -> None:
    """Two functions of an app cannot share a name."""
    app = App("names")
    app.function()(work)

    with pytest.raises(InvalidError, match="has a 'work' already"):
        app.function()(work)

    assert app.function(name="other")(work).label == "other"


class Some:
    def run(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("decorator", "target", "error", "match"),
    [
        ("function", Some, TypeError, "on the class Some; use `@app.cls`"),
        ("function", 3, TypeError, "decorates a function, not 3"),
        ("function", staticmethod(work), TypeError, "decorates a function"),
        ("function", Some.run, InvalidError, "on the method Some.run"),
        ("function", subjects.double, InvalidError, "belongs to an app already"),
        ("cls", work, TypeError, "decorates a class"),
        ("cls", Some(), TypeError, "decorates a class"),
        ("cls", subjects.Model, InvalidError, "belongs to an app already"),
        ("cls", subjects.double, InvalidError, "belongs to an app already"),
    ],
)
def test_targets(
    decorator: str, target: Any, error: type[Exception], match: str
) -> None:
    """Each decorator has its kind of target."""
    decorate = getattr(App("targets"), decorator)()

    with pytest.raises(error, match=match):
        decorate(target)


def test_function_on_a_hook() -> None:
    """A marked method is no function, wherever it was defined."""
    body: Any = enter()(lambda self: None)

    with pytest.raises(InvalidError, match="is on the method"):
        App("targets").function()(body)


def count() -> Iterator[int]:
    """A generator."""
    yield 1


def test_retries_of_a_generator() -> None:
    """A generator cannot run again: its chunks are taken."""
    with pytest.raises(
        InvalidError, match=r"generator and cannot have `retries` \(2\)"
    ):
        App("retries").function(retries=2)(count)


def test_retries_of_a_variant() -> None:
    """Nor can a variant of it."""
    handle = App("retries").function()(count)

    with pytest.raises(InvalidError, match="cannot have `retries`"):
        handle.with_options(retries=1)


def test_reserved_method_name() -> None:
    """A method must not hide a verb of the instance."""

    class Hides:
        @method()
        def update_autoscaler(self) -> None: ...

    with pytest.raises(InvalidError, match="method or parameter 'update_autoscaler'"):
        App("reserved").cls()(Hides)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"backend": "ray2"}, "must be one of 'local', not 'ray2'"),
        ({"shutdown_grace": -1}, "`shutdown_grace` must be"),
        ({"shutdown_grace": float("inf")}, "`shutdown_grace` must be"),
        ({"on_record": 3}, "`on_record` must be callable"),
    ],
)
def test_run_arguments(given: dict[str, Any], match: str) -> None:
    """`run` checks its arguments before anything starts."""
    with pytest.raises(InvalidError, match=match):
        App("run").run(**given)


def test_run_starts_and_stops() -> None:
    """A session lives as long as the block."""
    app = App("run")

    with app.run(on_record=print, shutdown_grace=3) as entered:
        session = Started.latest
        assert entered is app
        assert current.current_session("run") is session
        assert session.app_name == "run"
        assert session.given["on_record"] is print
        assert session.given["shutdown_grace_s"] == 3
        assert session.stops == 0

    assert session.stops == 1
    assert current.current_session("run") is None


def test_run_declares_its_pools() -> None:
    """What can be imported is known from the start, with its numbers."""
    with subjects.app.run():
        pools = Started.latest.pools_given

    assert "NeedsName" not in pools
    assert pools["Model"].limits.max_containers == 2
    assert pools["translate"].timeout_s == 60
    assert pools["translate"].startup_timeout_s == 60
    assert pools["translate"].concurrency.target_inputs == 100


def test_code_by_value_is_declared_when_it_must_start() -> None:
    """Code that goes by value waits for its first use, or for its containers."""
    app = App("lazy")
    app.function(name="later")(lambda: 1)
    app.function(name="now", min_containers=1)(lambda: 1)

    with app.run():
        assert list(Started.latest.pools_given) == ["now"]


def test_run_ends_when_the_block_raises() -> None:
    """An exception leaves the block as itself, and the session is stopped."""
    with pytest.raises(KeyError, match="mine"), App("run").run():
        raise KeyError("mine")

    assert Started.latest.stops == 1


def test_no_calls_while_it_stops() -> None:
    """A session that drains takes no new calls."""
    app = App("run")
    handle = app.function()(work)

    def call() -> None:
        with pytest.raises(ExecutionError, match="not running"):
            handle.remote(1)

    with app.run():
        Started.latest.in_stop = call


def test_one_run_at_a_time() -> None:
    """An app that runs cannot be run again meanwhile, and can afterwards."""
    app = App("run")

    with app.run(), pytest.raises(InvalidError, match="already running"), app.run():
        pass
    with app.run():
        pass


def test_a_run_is_entered_once() -> None:
    """A run is over when it has been left."""
    run = App("run").run()
    with run:
        pass

    with pytest.raises(InvalidError, match="entered before"), run:
        pass


def test_a_failed_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a start that failed the app can be run."""
    app = App("run")

    def refuse(app_name: str, **given: Any) -> None:
        raise OSError("no sockets")

    with monkeypatch.context() as patched:
        patched.setattr(Started, "start", refuse)
        with pytest.raises(OSError, match="no sockets"), app.run():
            pass

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with app.run():
        pass


def test_no_run_in_a_container() -> None:
    """A script without a main guard does not start itself again in its containers."""
    current.set_container_session(FakeSession())

    with pytest.raises(ExecutionError, match="__main__"), App("run").run():
        pass


def test_a_container_serves_every_app() -> None:
    """In a container any app's calls find the container's session."""
    session = FakeSession()
    current.set_container_session(session)

    assert current.current_session("anything") is session
    assert current.sessions() == [session]


def test_a_forked_child_has_no_sessions() -> None:
    """The threads of a session do not survive a fork, so neither does it."""
    with App("forked").run():
        child = os.fork()
        if child == 0:
            os._exit(0 if current.current_session("forked") is None else 1)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_sigterm_unwinds() -> None:
    """SIGTERM leaves the block as an exit, with clean-up, and then is as before."""
    with pytest.raises(SystemExit) as caught, App("run").run():
        signal.raise_signal(signal.SIGTERM)

    assert caught.value.code == 143
    assert Started.latest.stops == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_sigterm_during_the_clean_up() -> None:
    """It does not break it off; afterwards the program ends all the same."""
    after: list[int] = []

    def stop() -> None:
        signal.raise_signal(signal.SIGTERM)
        after.append(1)

    with pytest.raises(SystemExit) as caught, App("run").run():
        Started.latest.in_stop = stop

    assert (after, caught.value.code) == ([1], 143)


def test_a_handler_of_the_program_stays() -> None:
    """Who handles SIGTERM goes on handling it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with App("run").run():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_handler_set_meanwhile_stays() -> None:
    """A handler that the block installs is not taken away at its end."""
    with App("run").run():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_run_on_another_thread() -> None:
    """Only the main thread may touch signals; the run works on any."""
    seen: list[object] = []

    def run() -> None:
        with App("run").run():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert seen == [signal.SIG_DFL]


def test_async_run() -> None:
    """Starting and stopping happen beside the event loop."""

    async def main() -> None:
        app = App("run")
        async with app.run() as entered:
            assert entered is app
            assert current.current_session("run") is Started.latest

    asyncio.run(main())

    assert Started.latest.stops == 1
    assert threading.main_thread() not in Started.latest.threads


def test_async_stop_outlasts_a_cancellation() -> None:
    """A cancelled block is left after the session has stopped, and not before."""
    stopping, go_on = threading.Event(), threading.Event()
    stopped: list[int] = []

    def stop() -> None:
        stopping.set()
        go_on.wait()
        stopped.append(1)

    async def block() -> None:
        async with App("run").run():
            Started.latest.in_stop = stop
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(block())
        await asyncio.to_thread(stopping.wait)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert stopped == [1]


def test_async_start_that_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled while it starts, a session is stopped by nobody else than us."""
    starting, go_on = threading.Event(), threading.Event()
    start = Started.start

    def slowly(app_name: str, **given: Any) -> Started:
        starting.set()
        go_on.wait()
        return start(app_name, **given)

    monkeypatch.setattr(Started, "start", slowly)

    async def block() -> None:
        async with App("run").run():
            pytest.fail("it was cancelled before")

    async def main() -> None:
        task = asyncio.create_task(block())
        await asyncio.to_thread(starting.wait)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())

    assert Started.latest.stops == 1
    assert current.current_session("run") is None


def test_variants_have_tags_of_their_own() -> None:
    """Equal settings find the same pool, the declared ones the plain name."""
    handle = App("tags").function(timeout=5)(work)

    def tag(pool: Pool) -> str:
        return pool.tag

    longer = handle.with_options(timeout=6)
    assert tag(handle.pool) == "work"
    assert tag(longer.pool).startswith("work@")
    assert tag(longer.pool) == tag(handle.with_options(timeout=6).pool)
    assert tag(longer.with_options(timeout=5).pool) == "work"
    assert tag(handle.with_concurrency(max_inputs=3).pool) != tag(longer.pool)
    assert tag(handle.with_batching(max_batch_size=3, wait_ms=1).pool) != "work"
