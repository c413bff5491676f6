"""A child program is told its input by its environment."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import uvloop

import telemetry
from telemetry.capture import sink
from telemetry.capture.inherited import MAX_CHARS
from telemetry.capture.roads import child_processes
from telemetry.capture.roads.child_processes import ROAD, environment_for_child
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import (
    TraceParent,
    execution_span,
    parse_traceparent,
    traceparent,
)

ORIGINAL = subprocess.Popen.__init__
OURS = ("TELEMETRY_INPUT", "TRACEPARENT", "TRACESTATE")

# What a Python child does by importing telemetry, and then whatever is asked.
BIND = (
    "import os, sys, subprocess, telemetry;"
    "from telemetry.capture.inherited import bind_from_environment as bind;"
    "bind(os.environ);"
)
TELL = [sys.executable, "-c", BIND + "print(telemetry.current_input_id())"]
TELL_IN_TURN = [
    sys.executable,
    "-c",
    BIND + f"subprocess.run({TELL!r})",
]
SHOW = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The road is on for the test, and off afterwards; children find the package."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    ROAD.install()
    yield
    ROAD.uninstall()
    assert subprocess.Popen.__init__ is ORIGINAL


def shown(**kwargs: Any) -> dict[str, str]:
    """The environment that a child finds."""
    output = subprocess.run(SHOW, check=True, stdout=subprocess.PIPE, **kwargs).stdout
    found: dict[str, str] = json.loads(output)
    return found


def by_run() -> str:
    """The answer of a child of subprocess.run."""
    return subprocess.run(TELL, check=True, capture_output=True, text=True).stdout


def by_grandchild() -> str:
    """The answer of the child of a child."""
    command = TELL_IN_TURN
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def by_positional_env() -> str:
    """The answer of a child whose env is the eleventh argument of Popen."""
    pipe = subprocess.PIPE
    nothing: Any = None
    with subprocess.Popen(
        TELL, -1, None, None, pipe, None, nothing, True, False, None, dict(os.environ)
    ) as process:
        return process.communicate()[0].decode()


def by_os_popen() -> str:
    """The answer of a child of os.popen."""
    with os.popen(f"{sys.executable} -c '{TELL[2]}'") as pipe:  # noqa: S605  # what is tested
        return pipe.read()


def by_asyncio_exec() -> str:
    """The answer of a child of asyncio."""

    async def main() -> bytes:
        process = await asyncio.create_subprocess_exec(
            *TELL, stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate())[0]

    return asyncio.run(main()).decode()


def by_asyncio_shell() -> str:
    """The answer of a child of a shell of asyncio."""

    async def main() -> bytes:
        process = await asyncio.create_subprocess_shell(
            f"{sys.executable} -c '{TELL[2]}'", stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate())[0]

    return asyncio.run(main()).decode()


def by_uvloop() -> str:
    """The answers of children of uvloop, which does not go through Popen."""
    tell = shlex.join(TELL)

    async def main() -> list[str]:
        pipe = asyncio.subprocess.PIPE
        first = await asyncio.create_subprocess_exec(*TELL, stdout=pipe)
        second = await asyncio.create_subprocess_shell(tell, stdout=pipe)
        return [(await each.communicate())[0].decode() for each in (first, second)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        by_exec, by_shell = runner.run(main())
    assert by_exec == by_shell
    return by_exec


WAYS: list[Callable[[], str]] = [
    by_run,
    by_grandchild,
    by_positional_env,
    by_os_popen,
    by_asyncio_exec,
    by_asyncio_shell,
    by_uvloop,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_python_child_knows_its_input(way: Callable[[], str]) -> None:
    """By whatever goes through Popen, and by uvloop; the grandchild as well."""
    with telemetry.input_scope() as current:
        assert way().strip() == current.input_id


def test_outside_of_inputs_nothing_is_added() -> None:
    """Without a scope the child's environment is what it always was."""
    assert by_run().strip() == "None"
    assert not set(OURS) & set(shown())


def test_the_callers_mapping_is_not_changed() -> None:
    """An env of the caller's own gets ours in a copy; an empty one, too."""
    env = {"A": "1"}
    nothing: dict[str, str] = {}
    with telemetry.input_scope() as current:
        found = shown(env=env)
        alone = shown(env=nothing)
    assert (env, nothing) == ({"A": "1"}, {})
    assert found["A"] == "1"
    assert "PYTHONPATH" not in found
    for each in (found, alone):
        assert json.loads(each["TELEMETRY_INPUT"]) == {"input_id": current.input_id}


def test_the_environment_of_this_process_is_not_changed() -> None:
    """What the child gets is never in os.environ here, where others would see it."""
    before = dict(os.environ)
    with telemetry.input_scope():
        assert shown()["TELEMETRY_INPUT"]
    assert dict(os.environ) == before


def test_the_child_hangs_under_the_span_of_the_input() -> None:
    """TRACEPARENT and TRACESTATE are those of the execution's own span."""
    scope = InputScope("in-1", attempt=1, parent=TraceParent(5, 6, state="a=b"))
    environ = environment_for_child(scope, {})
    own = execution_span("in-1", 1, scope.parent)

    assert environ["TRACEPARENT"] == traceparent(own)
    assert environ["TRACESTATE"] == "a=b"
    assert environment_for_child(InputScope("in-1"), {}).keys() == set(OURS[:2])


def test_the_child_hangs_under_a_span_of_the_user() -> None:
    """Where a span of OpenTelemetry is open, that one is the parent."""
    from opentelemetry import trace

    context = trace.SpanContext(7, 8, is_remote=False, trace_flags=trace.TraceFlags(0))
    with trace.use_span(trace.NonRecordingSpan(context)):
        environ = environment_for_child(InputScope("in-1"), {})

    assert parse_traceparent(environ["TRACEPARENT"]) == TraceParent(7, 8, sampled=False)


@pytest.mark.parametrize("name", ["TRACEPARENT", b"TRACEPARENT"])
def test_a_trace_of_the_callers_own_stays(name: str | bytes) -> None:
    """Who sets TRACEPARENT in env= means it; the input's id comes along."""
    value = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    given: Mapping[Any, Any] = {
        name: value if isinstance(name, str) else value.encode()
    }
    environ = environment_for_child(InputScope("in-1"), given)

    assert environ[name] == given[name]
    assert set(environ) == {name, "TELEMETRY_INPUT"}


def test_a_trace_that_was_only_inherited_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy of os.environ holds the trace that this process was started in."""
    monkeypatch.setenv("TRACEPARENT", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    monkeypatch.setenv("TRACESTATE", "old=1")
    monkeypatch.setenv("TELEMETRY_INPUT", '{"input_id":"in-old"}')
    scope = InputScope("in-1")
    own = traceparent(execution_span("in-1", 0, None))
    for given in (None, dict(os.environ), dict(os.environb)):
        environ = environment_for_child(scope, given)
        assert environ["TRACEPARENT"] == own
        assert json.loads(environ["TELEMETRY_INPUT"]) == {"input_id": "in-1"}
        assert not {"TRACESTATE", b"TRACESTATE", b"TRACEPARENT"} & set(environ)
        assert b"TELEMETRY_INPUT" not in environ


def test_ids_that_no_environment_takes() -> None:
    """NUL, lone surrogates, equals signs and a huge batch: the child starts."""
    nasty = "in\0\udc80=\n\N{SNOWMAN}"
    many = tuple(f"in-{number:026}" for number in range(10_000))
    scope = InputScope(nasty, batch_input_ids=many, parent=TraceParent(1, 2))
    token = SCOPE.set(scope)
    try:
        text = shown()["TELEMETRY_INPUT"]
    finally:
        SCOPE.reset(token)
    assert json.loads(text)["input_id"] == nasty
    assert len(text) <= MAX_CHARS


def test_an_env_that_is_none_fails_as_before() -> None:
    """The error for a bad env is Python's own."""
    bad: Any = 3
    before = sink.dropped()
    with telemetry.input_scope(), pytest.raises((AttributeError, TypeError)):
        subprocess.run(SHOW, env=bad, check=True)
    assert sink.dropped() == before


def test_our_own_containers_are_told_nothing() -> None:
    """A process that the runtime starts serves many inputs."""
    code = "def start(Popen, command, pipe):\n    return Popen(command, stdout=pipe)\n"
    runtime: dict[str, Any] = {"__name__": "telemetry.runtime.backends.local"}
    exec(code, runtime)  # noqa: S102  # code of another module
    with telemetry.input_scope():
        process = runtime["start"](subprocess.Popen, SHOW, subprocess.PIPE)
        found = json.loads(process.communicate()[0])
    assert not set(OURS) & set(found)


def test_a_failure_of_ours_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is started without our variables; the failure is counted."""

    def broken(*_: object) -> dict[str, str]:
        raise LookupError("x")

    monkeypatch.setattr(child_processes, "environment_for_child", broken)
    monkeypatch.setattr(sys, "__stderr__", None)
    sink.raise_failures(enabled=False)
    before = sink.dropped().get("child", 0)
    with telemetry.input_scope():
        assert "TELEMETRY_INPUT" not in shown()
    assert sink.dropped()["child"] == before + 1


def test_install_and_uninstall_are_idempotent() -> None:
    """Twice on is once on; off, and a child is told nothing."""
    ours = subprocess.Popen.__init__
    ROAD.install()
    assert subprocess.Popen.__init__ is ours
    assert ROAD.state() == (True, "")
    ROAD.uninstall()
    ROAD.uninstall()
    assert not ROAD.state().on
    with telemetry.input_scope():
        assert not set(OURS) & set(shown())
