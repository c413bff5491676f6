"""Processes of multiprocessing know whose job they do."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

import telemetry
from telemetry.capture import settings
from telemetry.capture.roads import executors, processes
from telemetry.capture.roads.executors import POOL_METHODS
from telemetry.capture.roads.processes import ROAD
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import TraceParent
from tests.capture.roads import jobs

BEFORE = (
    BaseProcess.start,
    ProcessPoolExecutor.submit,
    *(vars(Pool)[name] for name in POOL_METHODS),
)

WHOLE = InputScope(
    "in-1",
    function_call_id="fc-1",
    function="resize",
    attempt=2,
    container_id="ct-1",
    slot=3,
    batch_input_ids=("in-1", "in-2"),
    parent=TraceParent(1, 2, sampled=False, state="a=b"),
)

# Python 3.12 warns of a fork beside threads; which tests have, and programs too.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def context_of(method: str) -> Any:
    """The multiprocessing context of that name; typeshed has no common type."""
    return multiprocessing.get_context(method)


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """The road is on for the test, and off afterwards, with nothing left behind."""
    ROAD.install()
    yield
    ROAD.uninstall()
    after = (
        BaseProcess.start,
        ProcessPoolExecutor.submit,
        *(vars(Pool)[name] for name in POOL_METHODS),
    )
    assert after == BEFORE


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_an_executor_serves_two_inputs(method: str) -> None:
    """Each job has its submitter's id; other jobs have none, and no stale one."""
    with ProcessPoolExecutor(
        1, mp_context=context_of(method), initializer=jobs.prepare
    ) as executor:
        for _ in range(2):
            with telemetry.input_scope("resize") as current:
                assert executor.submit(jobs.identity).result() == current
                assert list(executor.map(jobs.told, [1, 2])) == [current.input_id] * 2
        assert executor.submit(jobs.told).result() is None
        # The worker was started by the first submit, which was an input's.
        assert executor.submit(jobs.prepared).result() == "None"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_serves_two_inputs(method: str) -> None:
    """The same for Pool, which forks as it is made: here under an input, too."""
    with telemetry.input_scope():
        pool = context_of(method).Pool(1, jobs.prepare)
    with pool:
        for _ in range(2):
            with telemetry.input_scope() as current:
                own = current.input_id
                assert pool.apply(jobs.told) == own
                assert pool.apply_async(func=jobs.told).get() == own
                assert pool.map(jobs.told, range(3)) == [own] * 3
                assert pool.starmap(jobs.told, [(1, 2)]) == [own]
                assert list(pool.imap(jobs.told, range(3), 2)) == [own] * 3
                assert list(pool.imap_unordered(jobs.told, range(2))) == [own] * 2
        assert pool.apply(jobs.told) is None
        assert pool.apply(jobs.prepared) == "None"


def test_callbacks_of_a_pool_know_who_registered_them() -> None:
    """They run in this process, under the submitter's id."""
    found: list[str | None] = []
    ended = multiprocessing.get_context("fork").Semaphore(0)

    def note(_: object) -> None:
        found.append(telemetry.current_input_id())
        ended.release()

    with context_of("fork").Pool(1) as pool:
        with telemetry.input_scope() as current:
            pool.apply_async(jobs.told, callback=note)
            pool.apply_async(jobs.fail, error_callback=note)
        assert ended.acquire(timeout=30)
        assert ended.acquire(timeout=30)

    assert found == [current.input_id] * 2


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_belongs_to_who_started_it(method: str) -> None:
    """The child knows the input, and one started elsewhere knows none."""
    context = context_of(method)
    ours, theirs = context.Pipe()
    with telemetry.input_scope() as current:
        first = context.Process(target=jobs.send, args=(theirs,))
        first.start()
    second = context.Process(target=jobs.send, args=(theirs,))
    first.join()
    second.start()
    second.join()

    assert [ours.recv(), ours.recv()] == [current.input_id, None]
    assert processes._BOARDING not in vars(first)


def test_a_spawned_process_that_overrides_run() -> None:
    """What the subclass does does not matter: the whole process is the input's."""
    ours, theirs = multiprocessing.Pipe()
    with telemetry.input_scope() as current:
        process = jobs.Sending(theirs)
        process.start()
    process.join()

    assert ours.recv() == current.input_id


def test_the_whole_identity_travels() -> None:
    """Every field of a log line, and the trace; the scope there is open."""
    token = SCOPE.set(WHOLE)
    try:
        here = telemetry.current_input()
        with ProcessPoolExecutor(1, mp_context=context_of("fork")) as executor:
            assert executor.submit(jobs.identity).result() == here
            found = executor.submit(jobs.trace).result()
    finally:
        SCOPE.reset(token)

    assert found == (WHOLE.parent, False)


def test_settings_travel_to_a_spawned_worker() -> None:
    """A worker that nobody configured has the settings of its parent."""
    telemetry.configure("translate")
    with (
        ProcessPoolExecutor(1, mp_context=context_of("spawn")) as executor,
        telemetry.input_scope(),
    ):
        assert executor.submit(jobs.service_name).result() == "translate"


def test_settings_that_cannot_be_pickled_are_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job does not fail because of what our settings hold."""
    telemetry.configure("translate")

    def refuse(_: object) -> bytes:
        raise pickle.PicklingError

    monkeypatch.setattr(pickle, "dumps", refuse)
    monkeypatch.setattr(processes._Packed, "last", (settings.Settings(), None))

    assert processes._ticket(WHOLE).settings is None


def test_own_settings_of_a_worker_stay() -> None:
    """What the child's program has configured itself is not overwritten."""
    telemetry.configure("parent")
    ticket = processes._ticket(WHOLE)
    telemetry.configure("child")
    assert processes.run_in_worker(ticket, jobs.service_name) == "child"


def test_pools_of_threads_are_another_road() -> None:
    """With this road alone, the jobs of a ThreadPool are left as they are."""
    executors.ROAD.uninstall()  # which another test's settings may have left on
    with ThreadPool(1) as pool, telemetry.input_scope():
        assert pool.map(jobs.told, [1]) == [None]


def test_a_worker_does_not_start_in_a_span() -> None:
    """A span of OpenTelemetry's that is open at the fork is not the worker's."""
    from opentelemetry import trace

    span = trace.NonRecordingSpan(trace.SpanContext(7, 8, is_remote=False))
    with telemetry.input_scope(), trace.use_span(span):
        found = processes._without_input().run(trace.get_current_span)
        assert trace.get_current_span() is span

    assert not found.get_span_context().is_valid


def test_errors_arrive_as_before() -> None:
    """What a job raises keeps its type, and what cannot be pickled fails the same."""

    def local() -> None:
        """Cannot be pickled."""

    def kind_of(submit: Callable[..., object]) -> type[BaseException]:
        with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is compared
            submit()
        return caught.type

    with (
        ProcessPoolExecutor(1, mp_context=context_of("fork")) as executor,
        context_of("fork").Pool(1) as pool,
    ):
        asked: list[Callable[..., object]] = [
            lambda: executor.submit(local).result(),
            lambda: executor.submit(jobs.fail).result(),
            lambda: pool.apply(local),
            lambda: pool.map(local, [1]),
            pool.apply,
            pool.apply_async,
            lambda: pool.apply(None),
        ]
        plain = [kind_of(ask) for ask in asked]
        with telemetry.input_scope():
            assert [kind_of(ask) for ask in asked] == plain
    assert plain[1] is LookupError


def test_a_job_leaves_the_worker_as_it_was() -> None:
    """After a job, failed or not, the worker has the scope that it had."""
    ticket = processes._ticket(WHOLE)
    with telemetry.input_scope() as current:
        assert processes.run_in_worker(ticket, jobs.told) == "in-1"
        with pytest.raises(LookupError):
            processes.run_in_worker(ticket, jobs.fail)
        assert telemetry.current_input_id() == current.input_id


def test_install_and_uninstall_are_idempotent() -> None:
    """Twice on is once on; off is what was there."""
    ours = ProcessPoolExecutor.submit
    ROAD.install()
    assert ProcessPoolExecutor.submit is ours
    assert ROAD.state() == (True, "")
    ROAD.uninstall()
    ROAD.uninstall()
    assert not ROAD.state().on
