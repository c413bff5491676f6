"""Jobs of thread pools run in the context of whoever submitted them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import pytest
import structlog

import telemetry
from telemetry.capture.roads.executors import POOL_METHODS, ROAD
from telemetry.core.scope import SCOPE

SUBMIT = ThreadPoolExecutor.submit
ADD = Future.add_done_callback
USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")
PREPARED: contextvars.ContextVar[str] = contextvars.ContextVar("prepared", default="")


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """The road is on for the test, and off afterwards, with nothing left behind."""
    ROAD.install()
    yield
    ROAD.uninstall()
    assert ThreadPoolExecutor.submit is SUBMIT
    assert Future.add_done_callback is ADD
    assert not set(POOL_METHODS) & set(vars(ThreadPool))


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """A pool with one thread, so that every job meets what the last one left."""
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """The same of multiprocessing."""
    with ThreadPool(1) as made:
        yield made


def told(*_: object) -> str | None:
    """A job: the id that it finds."""
    return telemetry.current_input_id()


def test_a_pool_serves_two_inputs(executor: ThreadPoolExecutor) -> None:
    """Each job has its submitter's id; the thread that ran both has none."""
    with telemetry.input_scope() as first:
        assert executor.submit(told).result() == first.input_id
    with telemetry.input_scope() as second:
        assert executor.submit(told).result() == second.input_id
        assert list(executor.map(told, range(3))) == [second.input_id] * 3
    assert executor.submit(told).result() is None


def test_idle_work_of_a_pool_thread_is_nobodys() -> None:
    """The thread is made by a submit under an input, and does not keep it."""
    found: list[str | None] = []
    go_on = threading.Event()
    with ThreadPoolExecutor(1, initializer=lambda: found.append(told())) as executor:
        with telemetry.input_scope():
            job = executor.submit(go_on.wait, 30)
        # Called by the pool's thread when the job is over, before the next one.
        job.add_done_callback(lambda _: found.append(told()))
        go_on.set()

    assert found == [None, None]


def test_what_a_job_sets_does_not_leak(executor: ThreadPoolExecutor) -> None:
    """The next job on the thread does not see it, and neither does the submitter."""
    with telemetry.input_scope():
        executor.submit(USER.set, "job").result()
        assert executor.submit(USER.get).result() == "nobody"
    assert executor.submit(USER.get).result() == "nobody"
    assert USER.get() == "nobody"


def test_the_whole_context_is_carried(executor: ThreadPoolExecutor) -> None:
    """Variables of the user and of structlog arrive with the job."""
    with telemetry.input_scope(), structlog.contextvars.bound_contextvars(tenant="t"):
        token = USER.set("me")
        assert executor.submit(USER.get).result() == "me"
        bound = executor.submit(structlog.contextvars.get_contextvars).result()
        USER.reset(token)
    assert bound == {"tenant": "t"}


def test_what_an_initializer_sets_stays_visible() -> None:
    """A job sees what the pool prepared in its thread, as it does without us."""
    prepare = "prepared"
    with (
        ThreadPoolExecutor(1, initializer=lambda: PREPARED.set(prepare)) as executor,
        ThreadPool(1, initializer=lambda: PREPARED.set(prepare)) as pool,
        telemetry.input_scope(),
    ):
        assert executor.submit(PREPARED.get).result() == prepare
        assert pool.apply(PREPARED.get) == prepare
        token = PREPARED.set("mine")
        assert executor.submit(PREPARED.get).result() == "mine"
        PREPARED.reset(token)


def test_jobs_outside_of_inputs_are_left_alone(executor: ThreadPoolExecutor) -> None:
    """Without a scope a job runs in the thread's own context, as Python has it."""
    token = USER.set("me")
    assert executor.submit(USER.get).result() == "nobody"
    USER.reset(token)


def test_subclasses_that_override_submit() -> None:
    """A pool of somebody else that ends in ours carries as well."""

    class Counting(ThreadPoolExecutor):
        count = 0

        def submit(self, fn: Callable[..., object], /, *args: object) -> Future[object]:  # type: ignore[override]  # as people write it
            self.count += 1
            return super().submit(fn, *args)

    with Counting(1) as executor, telemetry.input_scope() as current:
        assert executor.submit(told).result() == current.input_id
        assert executor.count == 1


def test_nested_pools() -> None:
    """A job that uses another pool hands its input on."""
    with ThreadPoolExecutor(1) as outer, ThreadPoolExecutor(1) as inner:

        def job() -> str | None:
            return inner.submit(told).result()

        for _ in range(2):
            with telemetry.input_scope() as current:
                assert outer.submit(job).result() == current.input_id


def test_run_in_executor_and_to_thread() -> None:
    """The loop's own pool serves two tasks at once, each under its own id."""

    async def one() -> list[bool]:
        loop = asyncio.get_running_loop()
        with telemetry.input_scope() as current:
            found = [await loop.run_in_executor(None, told) for _ in range(3)]
            found.append(await asyncio.to_thread(told))
        return [each == current.input_id for each in found]

    async def main() -> list[list[bool]]:
        found = list(await asyncio.gather(one(), one()))
        assert await asyncio.get_running_loop().run_in_executor(None, told) is None
        return found

    assert asyncio.run(main()) == [[True] * 4] * 2


def test_executors_of_other_kinds_get_what_they_were_given() -> None:
    """run_in_executor does not touch jobs that may go to another process."""
    given: list[object] = []

    class Remote(Executor):
        def submit(self, fn: Callable[..., object], /, *args: object) -> Future[object]:  # type: ignore[override]  # as people write it
            given.append(fn)
            future: Future[object] = Future()
            future.set_result(None)
            return future

    async def main() -> None:
        with telemetry.input_scope():
            await asyncio.get_running_loop().run_in_executor(Remote(), told)

    asyncio.run(main())
    assert given == [told]


def test_fifty_inputs_at_once() -> None:
    """Fifty inputs in fifty threads share eight workers: no id is mixed up."""
    together = threading.Barrier(50)
    wrong: list[object] = []

    def run_input(executor: ThreadPoolExecutor) -> None:
        with telemetry.input_scope() as current:
            together.wait(30)
            jobs = [executor.submit(told) for _ in range(20)]
            found = {job.result() for job in jobs}
            if found != {current.input_id}:
                wrong.append(found)

    with ThreadPoolExecutor(8) as executor:
        threads = [
            threading.Thread(target=run_input, args=(executor,)) for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []


def test_errors_and_keywords_arrive_as_before(executor: ThreadPoolExecutor) -> None:
    """What the job raises is what the caller gets; keywords of any name are passed."""

    def job(**kwargs: object) -> dict[str, object]:
        return kwargs

    with telemetry.input_scope():
        with pytest.raises(ZeroDivisionError):
            executor.submit(lambda: 1 / 0).result()
        found = executor.submit(job, fn=1, context=2, self=3).result()
        with pytest.raises(TypeError):
            executor.submit()  # type: ignore[call-arg]  # what is tested
    assert found == {"fn": 1, "context": 2, "self": 3}


def test_callbacks_of_futures_know_who_registered_them(
    executor: ThreadPoolExecutor,
) -> None:
    """They run in the pool's thread, under the input of who added them."""
    go_on, ended = threading.Event(), threading.Event()
    found: list[str | None] = []
    waiting = executor.submit(go_on.wait, 30)
    with telemetry.input_scope() as current:
        waiting.add_done_callback(lambda _: found.append(told()))
    waiting.add_done_callback(lambda _: found.append(told()))
    waiting.add_done_callback(lambda _: ended.set())
    go_on.set()
    assert ended.wait(30)

    assert found == [current.input_id, None]


POOLED: dict[str, Callable[[ThreadPool], list[str | None]]] = {
    "apply": lambda pool: [pool.apply(told)],
    "apply_async": lambda pool: [pool.apply_async(told).get()],
    "apply_async by name": lambda pool: [pool.apply_async(func=told, args=()).get()],
    "map": lambda pool: pool.map(told, range(3)),
    "map_async": lambda pool: pool.map_async(told, range(3)).get(),
    "starmap": lambda pool: pool.starmap(told, [(1, 2), (3, 4)]),
    "starmap_async": lambda pool: pool.starmap_async(told, [(1, 2)]).get(),
    "imap": lambda pool: list(pool.imap(told, range(3))),
    "imap chunked": lambda pool: list(pool.imap(told, range(3), 2)),
    "imap_unordered": lambda pool: list(pool.imap_unordered(told, range(3))),
}


@pytest.mark.parametrize("verb", POOLED)
def test_thread_pool_serves_two_inputs(pool: ThreadPool, verb: str) -> None:
    """Every verb of ThreadPool carries per job; the thread keeps nothing."""
    for _ in range(2):
        with telemetry.input_scope() as current:
            assert set(POOLED[verb](pool)) == {current.input_id}
    assert set(POOLED[verb](pool)) == {None}


def test_thread_pool_maps_in_many_threads() -> None:
    """One call's items run at once in several threads, each in its own copy."""
    with ThreadPool(4) as pool, telemetry.input_scope() as current:
        together = threading.Barrier(4)

        def job(_: int) -> str | None:
            together.wait(30)
            return told()

        assert pool.map(job, range(4), chunksize=1) == [current.input_id] * 4


def test_thread_pool_callbacks_know_who_registered_them(pool: ThreadPool) -> None:
    """Results and errors are handed over under the submitter's id."""
    found: list[tuple[object, str | None]] = []
    ended = threading.Semaphore(0)

    def note(value: object) -> None:
        found.append((type(value), told()))
        ended.release()

    with telemetry.input_scope() as current:
        pool.apply_async(int, callback=note)
        pool.apply_async(int, ("x",), {}, note, note)
    assert ended.acquire(timeout=30)
    assert ended.acquire(timeout=30)

    assert found == [(int, current.input_id), (ValueError, current.input_id)]


def test_a_job_that_outlives_its_input_is_late(executor: ThreadPoolExecutor) -> None:
    """A job that waited in the queue until its input had settled says so."""
    go_on = threading.Event()
    executor.submit(go_on.wait, 30)

    def late() -> bool:
        scope = SCOPE.get()
        return scope is not None and scope.closed

    with telemetry.input_scope():
        job = executor.submit(late)
    go_on.set()

    assert job.result() is True


def test_install_and_uninstall_are_idempotent(executor: ThreadPoolExecutor) -> None:
    """Twice on is once on; off, and a job runs as it always did."""
    ours = ThreadPoolExecutor.submit
    ROAD.install()
    assert ThreadPoolExecutor.submit is ours
    assert ROAD.state() == (True, "")
    ROAD.uninstall()
    ROAD.uninstall()
    assert not ROAD.state().on
    with telemetry.input_scope():
        assert executor.submit(told).result() is None
