"""Our tracer provider, for programs that have none: it gives way to any other.

Imported when OpenTelemetry is loaded; it imports the SDK with the first span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, Span, Tracer, TracerProvider

from telemetry.capture.otel_providers import is_programs
from telemetry.capture.sink import failed
from telemetry.capture.span_records import FinishedSpan

try:
    # As the API's own tracers: it decorates coroutine functions as well.
    from opentelemetry.util._decorator import _agnosticcontextmanager as _manager
except ImportError:
    from contextlib import contextmanager as _manager  # type: ignore[assignment]  # the same, but for those

_GLOBAL: Final = "_TRACER_PROVIDER"


class _Own:
    """Who wants spans, and the SDK provider that makes them, once there is one."""

    wanted: Callable[[], Callable[[FinishedSpan], object] | None] | None = None
    provider: TracerProvider | None = None
    broken = False


class StandIn(trace.ProxyTracerProvider):
    """The global provider while the program has set none.

    It is a proxy by type, so that code which asks whether a provider is set learns
    that none is, and sets its own.
    """

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:  # noqa: ANN401  # passed on
        """A tracer that asks for every span who makes it."""
        return _Tracer(args, kwargs)


class _Tracer(Tracer):
    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._args = args
        self._kwargs = kwargs
        self._known: tuple[TracerProvider, Tracer] | None = None

    def start_span(self, *args: Any, **kwargs: Any) -> Span:  # noqa: ANN401  # passed on
        return self._tracer().start_span(*args, **kwargs)

    @_manager
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Iterator[Span]:  # noqa: ANN401  # passed on
        with self._tracer().start_as_current_span(*args, **kwargs) as span:
            yield span

    def _tracer(self) -> Tracer:
        provider = _provider()
        if provider is None:
            return _NOTHING
        known = self._known
        if known is None or known[0] is not provider:
            tracer = provider.get_tracer(*self._args, **self._kwargs)
            known = self._known = provider, tracer
        return known[1]


_NOTHING: Final = NoOpTracer()
_STAND_IN: Final = StandIn()


def install(
    wanted: Callable[[], Callable[[FinishedSpan], object] | None],
) -> None:
    """Stand in, if the program has no provider.

    It is put where the program's would be, and not by ``set_tracer_provider``: that
    works once, and the one time belongs to the program.
    """
    _Own.wanted = wanted
    if getattr(trace, _GLOBAL, _STAND_IN) is None:
        setattr(trace, _GLOBAL, _STAND_IN)


def uninstall() -> None:
    """Stand in no more; tracers that were given out make nothing."""
    _Own.wanted = None
    if getattr(trace, _GLOBAL, None) is _STAND_IN:
        setattr(trace, _GLOBAL, None)


def provider_in_words() -> str:
    """Who makes the spans of the program."""
    provider = trace.get_tracer_provider()
    if provider is _STAND_IN:
        return "the program has no tracer provider: ours stands in"
    if is_programs(provider):
        return f"the program's own tracer provider ({type(provider).__name__})"
    return "the program has no tracer provider"


def _provider() -> TracerProvider | None:
    """Who makes a span now: the program's provider, ours, or nobody."""
    provider = trace.get_tracer_provider()
    if is_programs(provider):
        return provider
    wanted = _Own.wanted
    if wanted is None or wanted() is None or _Own.broken:
        return None
    if _Own.provider is None:
        try:
            _Own.provider = _new_provider(wanted)
        except Exception as error:  # noqa: BLE001  # no SDK, or another one
            _Own.broken = True
            failed(error, "span")
    return _Own.provider


def _new_provider(
    wanted: Callable[[], Callable[[FinishedSpan], object] | None],
) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # slow to load
    from opentelemetry.sdk.trace import SpanLimits  # noqa: PLC0415  # the same
    from opentelemetry.sdk.trace import TracerProvider as SdkProvider  # noqa: PLC0415  # the same

    from telemetry.capture.otel_processors import Stamper  # noqa: PLC0415  # the same
    from telemetry.capture.span_draft import ATTRIBUTES  # noqa: PLC0415  # the same

    provider = SdkProvider(
        resource=Resource.get_empty(),
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_span_attributes=ATTRIBUTES),
    )
    provider.add_span_processor(Stamper(wanted, exported=False))
    return provider
