"""What a test needs to see the lines and spans that its code leaves, by input.

    def test_resize(recorded):                  # a pytest fixture, there by itself
        with telemetry.input_scope() as current:
            resize("a.png")

        recorded.assert_logged("resized", input_id=current.input_id, width=64)

Without pytest it is ``with telemetry.testing.recording() as recorded:``. Lines by
every road of this process are recorded, and those of containers that an app of this
process runs. While it lasts they are shown nowhere, and an internal error of the
toolkit is raised instead of counted.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from telemetry.capture import binding, executions, sink
from telemetry.capture.line import Line as Line
from telemetry.capture.roads import foreign_spans
from telemetry.capture.span_records import FinishedSpan as FinishedSpan
from telemetry.capture.span_records import Settled, span_of
from telemetry.core.ids import IdSource
from telemetry.core.names import INPUT_ID

__all__ = ["FinishedSpan", "Line", "Recorded", "recording"]

_FIRST_UNIX_NS: Final = 1_767_225_600_000_000_000
"""Where a fixed clock begins: 2026-01-01, midnight UTC."""

_NS_PER_S: Final = 1_000_000_000
_NS_PER_MS: Final = 1_000_000
_ABSENT: Final = object()


class Recorded:
    """What was left since recording began; safe to read while it goes on."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._lines: list[Line] = []
        self._spans: list[FinishedSpan] = []
        self._clock: Callable[[], int] | None = None

    @property
    def lines(self) -> list[Line]:
        """All lines, in the order in which they arrived."""
        with self._news:
            return list(self._lines)

    @property
    def spans(self) -> list[FinishedSpan]:
        """All spans that have ended in this process, in this order."""
        with self._news:
            return list(self._spans)

    def lines_of(self, input_id: str | None) -> list[Line]:
        """The lines of one input; None for those of no input."""
        return [line for line in self.lines if line.input_id == input_id]

    def spans_of(self, input_id: str) -> list[FinishedSpan]:
        """The spans of one input."""
        return [span for span in self.spans if span.own.get(INPUT_ID) == input_id]

    def events(self, input_id: str | object | None = _ABSENT) -> list[str]:
        """What was said, by all, or by one input."""
        lines = self.lines
        return [x.event for x in lines if input_id in {_ABSENT, x.input_id}]

    def assert_logged(
        self,
        event: str,
        *,
        input_id: str | object | None = _ABSENT,
        level: str | None = None,
        within_s: float = 0.0,
        **fields: object,
    ) -> Line:
        """The first line that says *event* and has all of the rest.

        Args:
            input_id: The input that wrote it; None for a line of no input.
            level: Such as ``"info"``.
            within_s: How long to wait for it: the lines of containers and of other
                threads may still be on their way.
            fields: Keys and values of the caller's own.

        Raises:
            AssertionError: There is none; the message tells the lines there are.
        """

        def fits(line: Line) -> bool:
            return (
                line.event == event
                and (input_id is _ABSENT or line.input_id == input_id)
                and (level is None or line.level == level)
                and all(line.fields.get(k, _ABSENT) == v for k, v in fields.items())
            )

        end = time.monotonic() + within_s
        with self._news:
            while True:
                found = next(filter(fits, self._lines), None)
                if found is not None:
                    return found
                left_s = end - time.monotonic()
                if left_s <= 0:
                    break
                self._news.wait(left_s)
            said = "\n".join(map(_described, self._lines)) or "  nothing"
        raise AssertionError(f"no line says {event!r} as asked for; there is:\n{said}")

    def clear(self) -> None:
        """Forget what was recorded so far."""
        with self._news:
            self._lines.clear()
            self._spans.clear()

    def fix_clock(
        self, start_unix_ns: int = _FIRST_UNIX_NS, step_ns: int = _NS_PER_S
    ) -> None:
        """Date the lines from now on by their order, *step_ns* apart."""
        times = iter(range(start_unix_ns, sys.maxsize, step_ns))
        self._clock = times.__next__

    def fix_ids(self, start_unix_ns: int = _FIRST_UNIX_NS) -> None:
        """Have ``input_scope`` count up its ids from the same one in every test."""
        binding._Ids.source = IdSource(  # noqa: SLF001  # this package's own
            now_ms=lambda: start_unix_ns // _NS_PER_MS, random_bits=lambda _bits: 0
        )

    def _take_line(self, line: Line) -> None:
        with self._news:
            if self._clock is not None:
                line = msgspec.structs.replace(line, unix_ns=self._clock())
            self._lines.append(line)
            self._news.notify_all()

    def _take_span(self, span: FinishedSpan) -> None:
        with self._news:
            self._spans.append(span)

    def _take_settled(self, settled: Settled) -> None:
        span = span_of(settled)
        if span is not None:
            self._take_span(span)


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record the lines and spans of this process, as the pytest fixture does."""
    recorded = Recorded()
    settled: list[Any] = getattr(executions, "SETTLED", [])
    ids = binding._Ids.source  # noqa: SLF001  # this package's own
    raising = sink.raise_failures(enabled=True)
    line_sink = sink.set_sink(recorded._take_line)  # noqa: SLF001  # this module's own
    span_sink = foreign_spans.set_sink(recorded._take_span)  # noqa: SLF001  # as above
    settled.append(recorded._take_settled)  # noqa: SLF001  # as above
    try:
        yield recorded
    finally:
        settled.remove(recorded._take_settled)  # noqa: SLF001  # as above
        foreign_spans.set_sink(span_sink)
        sink.set_sink(line_sink)
        sink.raise_failures(enabled=raising)
        binding._Ids.source = ids  # noqa: SLF001  # this package's own


def _described(line: Line) -> str:
    fields = " ".join(f"{name}={value!r}" for name, value in line.fields.items())
    return f"  {line.input_id or '-'} {line.level} {line.event!r} {fields}".rstrip()


# As a plugin of pytest: it has been loaded then, and nobody else wants the fixture.
if "pytest" in sys.modules:
    import pytest  # a face has no public name by the way

    @pytest.fixture(name="recorded")
    def _recorded() -> Iterator[Recorded]:
        """Lines and spans of this test, by input."""
        with recording() as recorded:
            yield recorded
