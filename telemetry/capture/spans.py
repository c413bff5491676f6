"""The execution span: OpenTelemetry's ``Span``, light, and one per input.

Made when the program has loaded OpenTelemetry, so this module is imported by
`telemetry.capture.otel_context` and by nothing that is imported with the toolkit.
A span that nobody writes to holds the input's ids and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Final

from opentelemetry.trace import (
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry.capture.span_draft import Draft, error_text
from telemetry.capture.span_records import ERROR, OK, Written
from telemetry.core.trace_context import TraceParent, execution_span

_RANDOM_FLAG: Final = 0x02


class ExecutionSpan(Span):
    """The span of one execution. The runtime ends it, whoever else says so.

    Threads may write at the same time: each write is one step of a dict, a deque or
    a counter. What is written after the execution has settled is counted and left.

    Args:
        input_id: The ids of the span are derived from this and the next two.
    """

    __slots__ = ("_context", "_identity", "_settled")

    def __init__(self, input_id: str, attempt: int, parent: TraceParent | None) -> None:
        self._identity = input_id, attempt, parent
        self._context: SpanContext | None = None
        self._settled = parent is not None and not parent.sampled

    def get_span_context(self) -> SpanContext:
        """The ids, derived when they are first asked for."""
        context = self._context
        if context is None:
            # Two threads may come here at once, to the same result.
            context = self._context = span_context(execution_span(*self._identity))
        return context

    def is_recording(self) -> bool:
        """Whether what is written now is kept."""
        return not self._settled

    def set_attribute(self, key: str, value: object) -> None:
        """Set one attribute, of any type; see `telemetry.capture.plain`."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Set attributes; the last value of a key holds."""
        if self._is_open():
            self._draft().set_attributes(attributes)

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, object] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add an event at *timestamp*, in Unix nanoseconds, or now."""
        if self._is_open():
            self._draft().add_event(name, attributes, timestamp)

    def add_link(
        self, context: SpanContext, attributes: Mapping[str, object] | None = None
    ) -> None:
        """Link the span of *context*; an invalid one only if it says anything."""
        says = context.is_valid or attributes or context.trace_state
        if says and self._is_open():
            state = context.trace_state.to_header()
            self._draft().add_link(context.trace_id, context.span_id, state, attributes)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, object] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002, FBT001, FBT002  # OpenTelemetry's
    ) -> None:
        """Add the event ``exception``, as the semantic conventions have it."""
        if self._is_open():
            self._draft().record_exception(exception, attributes, timestamp)

    def update_name(self, name: str) -> None:
        """Give the span another name than its function's."""
        if self._is_open():
            self._draft().update_name(name)

    def set_status(
        self, status: Status | StatusCode, description: str | None = None
    ) -> None:
        """OK is final, Unset is ignored, and a description belongs to an error."""
        if isinstance(status, Status):
            description = status.description
            status = status.status_code
        if status is not StatusCode.UNSET and self._is_open():
            code = OK if status is StatusCode.OK else ERROR
            self._draft().set_status(code, description)

    def end(self, end_time: int | None = None) -> None:
        """Nothing: it is not the user's to end, and goes on until it settles."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if isinstance(exc_val, Exception) and self.is_recording():
            self.record_exception(exc_val)
            self.set_status(StatusCode.ERROR, error_text(exc_val))

    def settle(self, error: BaseException | None) -> Written | None:
        """Close the span, and take what was written; None when nothing was.

        Args:
            error: What made the execution fail; it is recorded, unless code did so
                last of all.
        """
        if self._settled:
            return None
        if error is not None:
            self._draft().record_last(error)
        # Race: 1. a thread finds the span open; 2. it settles here; 3. the thread
        # writes. That thread outlives its input, and its write is lost uncounted.
        self._settled = True
        draft: Draft | None = self.__dict__.get("draft")
        return None if draft is None else draft.written()

    def _is_open(self) -> bool:
        if not self._settled:
            return True
        parent = self._identity[2]
        if parent is None or parent.sampled:
            _Late.writes += 1
        return False

    def _draft(self) -> Draft:
        draft: Draft | None = self.__dict__.get("draft")
        if draft is None:
            # Race: 1. two threads find none; 2. both make one; 3. both keep the one
            # that came first, as this is one step.
            draft = self.__dict__.setdefault("draft", Draft())
        return draft


class _Late:
    writes = 0


def late_writes() -> int:
    """How many writes came to spans that had settled, in this process."""
    return _Late.writes


def span_context(span: TraceParent, *, is_remote: bool = False) -> SpanContext:
    """*span* as OpenTelemetry has it."""
    flags = int(span.sampled) | (_RANDOM_FLAG if span.random else 0)
    return SpanContext(
        span.trace_id, span.span_id, is_remote, _FLAGS[flags], _state(span.state)
    )


_FLAGS: Final = tuple(TraceFlags(flags) for flags in range(4))


@lru_cache(maxsize=64)
def _state(header: str) -> TraceState | None:
    # It warns of what it does not take: once for each header, by the cache.
    return TraceState.from_header([header]) if header else None
