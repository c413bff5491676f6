"""Spans and log records that the program makes with OpenTelemetry itself.

A program with providers of its own keeps them: a processor is added that stamps the
input's ids. Where none is set, ours stands in: it counts as unset to whoever looks,
it gives way to one that is set later, and it loads the SDK with the first span.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, cast
from weakref import WeakKeyDictionary

from telemetry.capture import otel_context
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed
from telemetry.capture.span_records import FinishedSpan

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk.trace import SpanProcessor

SpanSink = Callable[[FinishedSpan], object]


class _Switch(Protocol):
    on: bool


class _Watched:
    """Whether the road is on, where spans go, and what was put into providers.

    A provider gives no processor back, so those stay, switched off, and are found
    again here.
    """

    on = False
    take: SpanSink | None = None
    processors: Final[WeakKeyDictionary[object, _Switch]] = WeakKeyDictionary()


def set_sink(take: SpanSink | None) -> SpanSink | None:
    """Hand each span that the program has ended to *take*; None: to nobody.

    It is called in the thread that ends the span. Those that are ``exported`` reach
    the program's own exporters too.

    Returns:
        The one before.
    """
    previous, _Watched.take = _Watched.take, take
    return previous


def current_sink() -> SpanSink | None:
    """Who gets the spans."""
    return _Watched.take


class ForeignSpans:
    """The road ``opentelemetry``."""

    name = "opentelemetry"
    covers = "spans and log records made with OpenTelemetry"

    def install(self) -> None:
        """Watch the program's providers; those it sets later with its next input."""
        if _Watched.on:
            return
        _Watched.on = True
        for processor in list(_Watched.processors.values()):
            processor.on = True
        otel_context.when_loaded(_follow)

    def uninstall(self) -> None:
        """Switch our processors off, and take our own provider away."""
        _Watched.on = False
        for processor in list(_Watched.processors.values()):
            processor.on = False
        if otel_context.loaded() is not None:
            _unfollow()

    def state(self) -> RoadState:
        """Whether spans are stamped, and by whose provider they are made."""
        if not _Watched.on:
            return RoadState(on=False)
        if otel_context.loaded() is None:
            return RoadState(on=True, note="OpenTelemetry is not loaded")
        return RoadState(on=True, note=_provider_in_words())


ROAD: Final = ForeignSpans()


def _follow() -> None:
    from telemetry.capture import otel_providers, stand_in  # noqa: PLC0415  # they import OpenTelemetry

    if not _Watched.on:
        return
    stand_in.install(current_sink)
    otel_providers.follow(_stamp_spans, _stamp_log_records)


def _unfollow() -> None:
    from telemetry.capture import otel_providers, stand_in  # noqa: PLC0415  # they import OpenTelemetry

    otel_providers.follow(None, None)
    stand_in.uninstall()


def _provider_in_words() -> str:
    from telemetry.capture import stand_in  # noqa: PLC0415  # it imports OpenTelemetry

    return stand_in.provider_in_words()


def _stamp_spans(provider: object) -> None:
    """Put our processor into the program's tracer provider; never raises."""
    add = getattr(provider, "add_span_processor", None)
    if add is None or provider in _Watched.processors or not _Watched.on:
        return
    try:
        from telemetry.capture.otel_processors import Stamper  # noqa: PLC0415  # the SDK

        stamper = Stamper(current_sink, exported=True)
        _Watched.processors[provider] = stamper
        cast("Callable[[SpanProcessor], None]", add)(stamper)
    except Exception as error:  # noqa: BLE001  # a provider of others
        failed(error, "span")


def _stamp_log_records(provider: object) -> None:
    """Put our processor into the program's logger provider, first; never raises."""
    add = getattr(provider, "add_log_record_processor", None)
    if add is None or provider in _Watched.processors or not _Watched.on:
        return
    try:
        from telemetry.capture.otel_processors import LogStamper  # noqa: PLC0415  # the SDK

        stamper = LogStamper()
        _Watched.processors[provider] = stamper
        cast("Callable[[LogRecordProcessor], None]", add)(stamper)
        _put_first(provider, stamper)
    except Exception as error:  # noqa: BLE001  # a provider of others
        failed(error, "span")


def _put_first(provider: object, stamper: LogRecordProcessor) -> None:
    # A processor that exports at once exports what it is given: ours must come
    # before it. The SDK offers no way to say so; where its names are others, the
    # records are stamped for those that export later.
    chain = getattr(provider, "_multi_log_record_processor", None)
    lock = getattr(chain, "_lock", None)
    if lock is None or not hasattr(chain, "_log_record_processors"):
        return
    with lock:
        others = tuple(p for p in chain._log_record_processors if p is not stamper)  # type: ignore[union-attr]  # noqa: SLF001  # looked for above
        chain._log_record_processors = (stamper, *others)  # type: ignore[union-attr]  # noqa: SLF001  # the same
