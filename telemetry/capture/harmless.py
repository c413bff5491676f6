"""Whether a line can be written as it is: plain values, and nothing to take out.

What has been looked at once is known by its text, so a line that says the same as one
before costs a lookup for each of its texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from telemetry.capture import scrubbing
from telemetry.capture.plain import INT_MAX, INT_MIN, clean
from telemetry.capture.scrubbing import Scrubber

KNOWN_TEXTS: Final = 4_096
"""Texts that are remembered as harmless; then they are forgotten, and learned anew."""

KNOWN_CHARS: Final = 256
"""Characters of the longest text that is remembered."""

LONGEST_CHARS: Final = 8_192
"""Characters of all texts of a line that were not known before."""

NUMBERS: Final = frozenset({int, float, bool, type(None)})
"""Types of which every value is plain, but for integers that are too large."""

_SIMPLE: Final = NUMBERS | {str}


def are_simple(args: object) -> bool:
    """Whether a %-format can take these *args* without running code of others."""
    if type(args) is dict:  # it stands for its values: "%(size)d bytes"
        args = tuple(args.values())
    return type(args) is tuple and all(type(value) in _SIMPLE for value in args)


def is_harmless(event: object, fields: Mapping[str, object]) -> bool:  # noqa: C901  # flat: the hot path
    """Whether *event* and *fields* are plain, encodable, small, and hold no secret.

    A False is not final: who looks closer may find nothing to take out.
    """
    if type(event) is not str:
        return False
    scrubber = scrubbing.in_force
    if fields and not scrubber.safe_keys.issuperset(fields):
        scrubber.learn(fields)
        if not scrubber.safe_keys.issuperset(fields):
            return False
    texts, left_chars = scrubber.safe_texts, LONGEST_CHARS
    for value in (event, *fields.values()) if fields else (event,):
        if type(value) is str:
            if value not in texts:
                left_chars -= len(value)
                if left_chars < 0 or not _is_harmless_text(value, scrubber):
                    return False
        elif type(value) is int:
            if not INT_MIN <= value <= INT_MAX:
                return False
        elif type(value) not in NUMBERS:
            return False
    return True


def learned(text: object, scrubber: Scrubber) -> bool:
    """Whether *text* is a short one and harmless; it is known from now on.

    For who goes through a line by itself; a False is not final here either.
    """
    return (
        type(text) is str
        and len(text) <= KNOWN_CHARS
        and _is_harmless_text(text, scrubber)
    )


def _is_harmless_text(text: str, scrubber: Scrubber) -> bool:
    if scrubber.text(text) is not text or clean(text) is not text:
        return False
    if len(text) <= KNOWN_CHARS:
        if len(scrubber.safe_texts) >= KNOWN_TEXTS:
            scrubber.safe_texts.clear()
        scrubber.safe_texts.add(text)
    return True
