"""Threads run in the context of whoever started them for an input."""

from __future__ import annotations

import contextvars
import functools
import gc
import importlib
import logging.handlers
import queue
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.dummy import Process as DummyProcess
from typing import Any

import pytest
import structlog

import telemetry
from telemetry.capture.roads import callers, threads
from telemetry.capture.roads.threads import ROAD
from telemetry.core.scope import SCOPE

ORIGINAL = threading.Thread.start
USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """The road is on for the test, and off afterwards."""
    ROAD.install()
    yield
    ROAD.uninstall()
    assert threading.Thread.start is ORIGINAL


def told_by(make: Callable[[Callable[[], None]], threading.Thread]) -> str | None:
    """The input's id as the body of that thread finds it."""
    found: list[str | None] = []
    thread = make(lambda: found.append(telemetry.current_input_id()))
    thread.start()
    thread.join()
    return found[0]


class Overriding(threading.Thread):
    """A subclass that overrides run, and knows nothing of targets."""

    def __init__(self, body: Callable[[], None]) -> None:
        super().__init__()
        self.body = body

    def run(self) -> None:
        self.body()


class Starting(Overriding):
    """A subclass that overrides start as well."""

    def start(self) -> None:
        super().start()


KINDS: dict[str, Callable[[Callable[[], None]], threading.Thread]] = {
    "thread": lambda body: threading.Thread(target=body),
    "timer": lambda body: threading.Timer(0, body),
    "overriding run": Overriding,
    "overriding start": Starting,
    "dummy process": lambda body: DummyProcess(target=body),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_thread_knows_its_input(kind: str) -> None:
    """Thread, Timer and subclasses answer with the id of who started them."""
    with telemetry.input_scope() as current:
        inside = told_by(KINDS[kind])

    assert inside == current.input_id
    assert told_by(KINDS[kind]) is None


def test_the_whole_context_is_carried() -> None:
    """The user's and structlog's variables arrive; what the thread sets stays there."""
    found: dict[str, object] = {}

    def body() -> None:
        found.update(structlog.contextvars.get_contextvars(), user=USER.get())
        USER.set("thread")

    with telemetry.input_scope(), structlog.contextvars.bound_contextvars(tenant="t"):
        token = USER.set("me")
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        after = USER.get()
        USER.reset(token)

    assert found == {"tenant": "t", "user": "me"}
    assert after == "me"


def test_threads_outside_of_inputs_are_left_alone() -> None:
    """Without a scope a thread starts in an empty context, as Python has it."""
    found: list[str] = []
    token = USER.set("me")
    thread = threading.Thread(target=lambda: found.append(USER.get()))
    thread.start()
    thread.join()
    USER.reset(token)

    assert found == ["nobody"]


def test_a_thread_that_outlives_its_input_is_late() -> None:
    """A daemon thread keeps its own input, whose scope is then closed."""
    go_on = threading.Event()
    found: list[tuple[str, bool] | None] = []

    def body() -> None:
        go_on.wait(30)
        scope = SCOPE.get()
        found.append(None if scope is None else (scope.input_id, scope.closed))

    with telemetry.input_scope() as first:
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
    with telemetry.input_scope():
        go_on.set()
        thread.join()

    assert found == [(first.input_id, True)]


def test_excepthook_knows_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """threading.excepthook runs in the thread's context, the id included."""
    found: list[tuple[object, str | None]] = []
    monkeypatch.setattr(
        threading,
        "excepthook",
        lambda args: found.append((args.exc_type, telemetry.current_input_id())),
    )
    with telemetry.input_scope() as current:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    assert found == [(ZeroDivisionError, current.input_id)]


def test_without_the_private_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no _bootstrap_inner, run is wrapped, and the hook can ask."""
    monkeypatch.setattr(threads, "_INNER", "_no_such_name")
    found: list[str | None] = []

    def hook(args: threading.ExceptHookArgs) -> None:
        scope = threads.scope_of_thread(args.thread)
        found.append(None if scope is None else scope.input_id)

    monkeypatch.setattr(threading, "excepthook", hook)
    with telemetry.input_scope() as current:
        assert told_by(KINDS["overriding run"]) == current.input_id
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()

    assert found == [current.input_id]
    assert "excepthooks" in ROAD.state().note


def test_a_thread_is_not_kept_alive() -> None:
    """What we put on a thread is gone when it runs: no cycle holds it."""
    gc.disable()
    try:
        with telemetry.input_scope():
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
            kept = weakref.ref(thread)
            del thread
        assert kept() is None
    finally:
        gc.enable()


def test_a_thread_that_cannot_start_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error reaches the caller, and a later start carries the context of then."""
    starter = "_start_new_thread"
    if not hasattr(threading, starter):
        starter = "_start_joinable_thread"
    thread = threading.Thread(target=lambda: None)
    before = dict(vars(thread))

    def refuse(*args: object, **kwargs: object) -> None:
        raise RuntimeError("can't start new thread")

    with telemetry.input_scope(), monkeypatch.context() as patched:
        patched.setattr(threading, starter, refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()

    assert vars(thread).keys() == before.keys()


def test_a_thread_starts_only_once() -> None:
    """The second start raises as it always did."""
    with telemetry.input_scope():
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="once"):
            thread.start()


def library(name: str) -> types.ModuleType:
    """A module of that name whose `start` starts a thread."""
    module = types.ModuleType(name)
    exec("def start(thread):\n    thread.start()\n", module.__dict__)  # noqa: S102  # code of another module
    return module


@pytest.mark.parametrize(
    ("module", "kept"),
    [
        ("opentelemetry.sdk._shared_internal", False),
        ("sentry_sdk.worker", False),
        ("tqdm._monitor", False),
        ("concurrent.futures.thread", False),
        ("opentelemetry.instrumentation.threading", True),
        ("sentry_sdk.integrations.threading", True),
        ("telemetry_of_mine", True),
        ("tqdmx", True),
    ],
)
def test_threads_of_libraries_start_without_an_input(module: str, kept: bool) -> None:
    """The module that calls start decides; instrumentations are looked through."""
    found: list[str | None] = []
    with telemetry.input_scope() as current:
        thread = threading.Thread(
            target=lambda: found.append(telemetry.current_input_id())
        )
        library(module).start(thread)
        thread.join()

    assert found == [current.input_id if kept else None]


def test_queue_listener_starts_without_an_input() -> None:
    """A listener that is started under an input serves everybody's records."""
    found: list[str | None] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(telemetry.current_input_id())

    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, Handler())
    with telemetry.input_scope():
        listener.start()
    records.put(logging.makeLogRecord({"msg": "x"}))
    listener.stop()

    assert found == [None]


def test_a_caller_without_a_name_is_the_program() -> None:
    """Code that was made with no module at all is not taken for a library's."""
    assert not callers.is_library(None)
    frames: list[Any] = []
    exec("frames.append(get())", {"frames": frames, "get": lambda: sys._getframe(1)})  # noqa: S102  # code without a module
    assert not callers.is_library(frames[0])


def test_install_and_uninstall_are_idempotent() -> None:
    """Twice on is once on, and off is the very function that was there."""
    ours = threading.Thread.start
    ROAD.install()
    assert threading.Thread.start is ours
    assert ROAD.state() == (True, "")
    ROAD.uninstall()
    ROAD.uninstall()
    assert threading.Thread.start is ORIGINAL
    assert not ROAD.state().on


def test_who_patched_on_top_stays() -> None:
    """Uninstalled below somebody else's patch, ours passes through, and comes back."""
    ours = threading.Thread.start
    called: list[str] = []

    @functools.wraps(ours)
    def theirs(self: threading.Thread) -> None:
        called.append("theirs")
        ours(self)

    threading.Thread.start = theirs  # type: ignore[method-assign]  # as other instrumentations do
    try:
        assert ROAD.state().on
        assert "below" in ROAD.state().note
        ROAD.uninstall()
        assert threading.Thread.start is theirs
        with telemetry.input_scope() as current:
            assert told_by(KINDS["thread"]) is None
            ROAD.install()
            assert threading.Thread.start is theirs
            assert told_by(KINDS["thread"]) == current.input_id
        assert len(called) == 2
    finally:
        threading.Thread.start = ours  # type: ignore[method-assign]  # they take theirs away


def test_replaced_by_somebody_is_said() -> None:
    """A patch that does not lead to ours is named, and the next install goes on top."""

    def theirs(self: threading.Thread) -> None:
        ORIGINAL(self)

    ours = threading.Thread.start
    threading.Thread.start = theirs  # type: ignore[method-assign]  # as gevent does
    try:
        state = ROAD.state()
        assert not state.on
        assert "theirs" in state.note
        ROAD.install()
        with telemetry.input_scope() as current:
            assert told_by(KINDS["thread"]) == current.input_id
        ROAD.uninstall()
        assert threading.Thread.start is theirs
    finally:
        threading.Thread.start = ORIGINAL  # type: ignore[method-assign]  # clean up
    assert ours is not ORIGINAL


def test_road_is_in_the_registry() -> None:
    """The registry finds the road under its name."""
    registry = importlib.import_module("telemetry.capture.roads.registry")
    module = importlib.import_module(
        f"telemetry.capture.roads.{registry.MODULES['threads']}"
    )
    assert module.ROAD is ROAD
    assert ROAD.name == "threads"
