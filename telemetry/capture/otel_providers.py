"""Which tracer provider the program has, noticed as soon as it has one.

Imported when OpenTelemetry is loaded, and not before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import (
    NoOpTracerProvider,
    ProxyTracerProvider,
    Tracer,
    TracerProvider,
    get_tracer_provider,
)

from telemetry.core import names

_MODULES: Final = sys.modules
_LOGS: Final = "opentelemetry._logs"
_LOGS_INSIDE: Final = "opentelemetry._logs._internal"
_TRACER_PROVIDER: Final = "_TRACER_PROVIDER"
_UNKNOWN: Final = object()


class _Seen:
    """The providers that were there last time, and the tracer of the first."""

    provider: TracerProvider | None = None
    said: object = _UNKNOWN  # what OpenTelemetry itself had kept by then
    tracer: Tracer | None = None
    logger_provider: object = None
    # What the road does with a new provider; nothing while it is not watched.
    on_tracer_provider: Callable[[TracerProvider], object] | None = None
    on_logger_provider: Callable[[object], object] | None = None


def is_programs(provider: TracerProvider) -> bool:
    """Whether the program has set *provider*: ours stands in where none is set."""
    return not isinstance(provider, ProxyTracerProvider | NoOpTracerProvider)


def programs_tracer() -> Tracer | None:
    """Our tracer of the program's own provider; None when it has none.

    Called for every input, so a provider that is set late is noticed by the next.
    """
    # While none is set, the public question reads the environment, which costs as much
    # as all the rest that is done for an input. So it is put when there is news.
    said = getattr(trace, _TRACER_PROVIDER, _UNKNOWN)
    if said is _UNKNOWN or said is not _Seen.said:
        provider = get_tracer_provider()
        if provider is not _Seen.provider:
            _look(provider)
        _Seen.said = said
    if _Seen.on_logger_provider is not None and _LOGS in _MODULES:
        _look_at_logs()
    return _Seen.tracer


def follow(
    on_tracer_provider: Callable[[TracerProvider], object] | None,
    on_logger_provider: Callable[[object], object] | None,
) -> None:
    """Call these with the program's providers: those there are, and those to come."""
    _Seen.on_tracer_provider = on_tracer_provider
    _Seen.on_logger_provider = on_logger_provider
    _Seen.provider = _Seen.logger_provider = None
    _Seen.said = _UNKNOWN
    programs_tracer()


def _look(provider: TracerProvider) -> None:
    # Race: 1. two threads see a new provider; 2. both come here. Both do the same,
    # and what is called can be called twice.
    own = is_programs(provider)
    _Seen.tracer = provider.get_tracer(names.PROVIDER) if own else None
    if own and _Seen.on_tracer_provider is not None:
        _Seen.on_tracer_provider(provider)
    _Seen.provider = provider


def _look_at_logs() -> None:
    # While none is set, the public question reads the environment: as slow as all
    # the rest that is done for an input.
    inside = sys.modules.get(_LOGS_INSIDE)
    provider = getattr(inside, "_LOGGER_PROVIDER", _UNKNOWN)
    if provider is _UNKNOWN:
        find = getattr(sys.modules[_LOGS], "get_logger_provider", None)
        if find is None:  # being imported
            return
        provider = find()
    if provider is not _Seen.logger_provider:
        if _Seen.on_logger_provider is not None:
            _Seen.on_logger_provider(provider)
        _Seen.logger_provider = provider
