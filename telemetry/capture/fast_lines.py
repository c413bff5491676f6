"""The short way of a log line: from the call into the black box, and nothing else.

Taken when a line needs nothing but to be written: no console to show it on, no
processors of the program's own, no exception, plain values only, and no text that
might hold a secret. What has been looked at once is known by its text, so a line that
says the same as the one before costs a few lookups. All else goes the long way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol
from zlib import adler32

from telemetry.capture import scrubbing
from telemetry.capture.blackbox import layout
from telemetry.capture.blackbox.current import NOBODY
from telemetry.capture.blackbox.records import encode, line_begin
from telemetry.capture.thread_name import NAME
from telemetry.core.scope import SCOPE

KNOWN_TEXTS: Final = 4_096
"""Texts that are remembered as harmless; then they are forgotten, and learned anew."""

KNOWN_CHARS: Final = 256
"""Characters of the longest text that is remembered."""

LONGEST_CHARS: Final = 8_192
"""Characters of the longest text that goes this way."""

_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_KNOWN: Final[set[str]] = set()

OtelContext = Callable[[], object]
"""What OpenTelemetry context is current here; None where there is none."""


class Logger(Protocol):
    """A bound logger with its constant part encoded: see `records.logger_head`."""

    head: bytes


Log = Callable[..., None]


def forget_texts() -> None:
    """What was harmless may not be any more: other patterns are in force."""
    _KNOWN.clear()


def fast_method(level: int, long_way: Log) -> Log:
    """The method of a bound logger that writes lines of one level.

    Args:
        long_way: Takes the same arguments, and any line.
    """
    # Bound here: a global costs a lookup in each call.
    begin, in_context = line_begin(level), SCOPE.get
    nobody, name, texts, numbers = NOBODY, NAME, _KNOWN, _NUMBERS
    now_ns, pack, checksum, encoded = time.time_ns, layout.FRAME.pack, adler32, encode
    are_safe, text = scrubbing.in_force.safe_keys.issuperset, str

    def log(self: Logger, event: str, *args: object, **kw: object) -> None:
        try:
            if args:
                return long_way(self, event, *args, **kw)
            known = are_safe(kw) and event in texts
            for value in kw.values():
                kind = type(value)
                if kind is text:
                    if value not in texts:
                        known = False
                elif kind not in numbers:
                    return long_way(self, event, **kw)
            if not known and not _is_harmless(event, kw):
                return long_way(self, event, **kw)
            scope = in_context() or nobody
            said = encoded((now_ns(), event, args, kw))
            # What has not been encoded yet is None, and raises a TypeError.
            body = begin + self.head + scope.head + name.head + said  # type: ignore[operator]
            scope.write(pack(len(body), checksum(body)) + body)  # type: ignore[misc]
        except Exception:  # noqa: BLE001  # the long way finds out, and says so
            long_way(self, event, *args, **kw)
        return None

    return log


def unless_in_span(fast: Log, long_way: Log, otel_context: OtelContext) -> Log:
    """*fast*, but for lines within a span of the user's own, which they have to name.

    Args:
        otel_context: What is current; in no such span it is ``scope.otel``.
    """

    def log(self: Logger, event: str, *args: object, **kw: object) -> None:
        scope = SCOPE.get()
        if scope is None or otel_context() is not scope.otel:
            return long_way(self, event, *args, **kw)
        return fast(self, event, *args, **kw)

    return log


def _is_harmless(event: object, kw: dict[str, object]) -> bool:
    """Whether nothing in a line has to be taken out; what is harmless is remembered."""
    scrubber = scrubbing.in_force
    scrubber.learn(kw)
    if not scrubber.safe_keys.issuperset(kw) or type(event) is not str:
        return False
    for value in (event, *kw.values()):
        if type(value) is not str or value in _KNOWN:
            continue
        if len(value) > LONGEST_CHARS or scrubber.text(value) is not value:
            return False
        if len(value) <= KNOWN_CHARS:
            if len(_KNOWN) >= KNOWN_TEXTS:
                _KNOWN.clear()
            _KNOWN.add(value)
    return True
