"""OpenTelemetry's globals, as in a fresh process, for the time of a test."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from opentelemetry import trace
from opentelemetry._logs import _internal as logs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

from telemetry.capture import otel_context, otel_providers
from telemetry.capture.roads import foreign_spans
from telemetry.capture.span_records import FinishedSpan, Settled, span_of
from telemetry.core.scope import SCOPE, InputScope

R = TypeVar("R")

ID = "in-01KAZ0M6ZJX8V1Q2W3E4R5T6Y7"


@contextmanager
def fresh_otel() -> Iterator[None]:
    """No provider is set, and none was; put back afterwards."""
    foreign_spans.ROAD.uninstall()
    names = "_TRACER_PROVIDER", "_TRACER_PROVIDER_SET_ONCE"
    before = [getattr(trace, name) for name in names]
    log_names = "_LOGGER_PROVIDER", "_LOGGER_PROVIDER_SET_ONCE"
    logs_before = [getattr(logs, name) for name in log_names]
    _put(trace, names, [None, Once()])
    _put(logs, log_names, [None, Once()])
    assert otel_context.loaded() is not None
    otel_providers.follow(None, None)
    try:
        yield
    finally:
        foreign_spans.ROAD.uninstall()
        foreign_spans.set_sink(None)
        _put(trace, names, before)
        _put(logs, log_names, logs_before)
        otel_providers.follow(None, None)


def _put(module: object, names: tuple[str, ...], values: list[object]) -> None:
    for name, value in zip(names, values, strict=True):
        setattr(module, name, value)


def programs_provider(**options: object) -> TracerProvider:
    """An SDK provider that the program has set."""
    provider = TracerProvider(shutdown_on_exit=False, **options)  # type: ignore[arg-type]  # passed on
    trace.set_tracer_provider(provider)
    return provider


def in_scope(
    body: Callable[[], R],
    scope: InputScope | None = None,
    *,
    as_instrumentation: bool = False,
    error: BaseException | None = None,
    outcome: str | None = None,
) -> tuple[R, Settled]:
    """Run *body* as an input in a context of its own; its result and its record.

    Args:
        error: What came out of it, for the record.
        outcome: What the runtime decided.
    """
    used = scope or InputScope(ID, function="resize")

    def run() -> tuple[R, Settled]:
        SCOPE.set(used)
        otel_context.attach(used, as_instrumentation=as_instrumentation)
        result = body()
        used.close()
        record = otel_context.finished(
            used, started_ns=100, ended_ns=200, error=error, outcome=outcome
        )
        return result, record

    return contextvars.copy_context().run(run)


def span_in(
    body: Callable[[], object], scope: InputScope | None = None
) -> FinishedSpan:
    """The execution span of an input that ran *body*."""
    _, settled = in_scope(body, scope)
    span = span_of(settled)
    assert span is not None
    return span
