"""Moments and lengths of time, as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from telemetry.core.errors import InvalidError

_UNITS_S: Final = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3_600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
_LENGTH: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|min|s|m|h|d|w)?", re.ASCII)
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?", re.ASCII)
_NS_PER_S: Final = 1_000_000_000
_ALLOWED: Final = (
    "a length of time before now (90s, 10m, 2h, 3d), a time of today (14:30) or a "
    "moment (2026-11-24, 2026-11-24T14:30:00, with Z or +01:00 for another zone)"
)


def length_s(key: str, text: str) -> float:
    """Seconds, such as ``250ms``, ``1.5``, ``10m``.

    Raises:
        InvalidError: *text* is no length of time.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        allowed = "seconds, or a number with one of ms, s, m, h, d, w"
        raise InvalidError(f"{key} is {text!r}; it must be {allowed}")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


def moment_ns(
    key: str, text: str, now: datetime, timezone: tzinfo | None = None
) -> int:
    """Unix nanoseconds of a moment, such as ``10m`` (ago), ``14:30`` or a date.

    Args:
        now: The present, with its zone.
        timezone: Of what names none; that of this machine where it is None.

    Raises:
        InvalidError: *text* is no moment.
    """
    said = text.strip()
    length = _LENGTH.fullmatch(said)
    try:
        if length is not None and length[2]:
            return _ns(now - timedelta(seconds=length_s(key, said)))
        if _CLOCK.fullmatch(said):
            today: date = now.astimezone(timezone).date()
            hours, _, rest = said.partition(":")
            clock = time.fromisoformat(f"{int(hours):02}:{rest}")
            return _ns(_placed(datetime.combine(today, clock), timezone))
        return _ns(_placed(datetime.fromisoformat(said), timezone))
    except (ValueError, OverflowError):
        raise InvalidError(f"{key} is {text!r}; it must be {_ALLOWED}") from None


def _placed(moment: datetime, timezone: tzinfo | None) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return moment.astimezone() if timezone is None else moment.replace(tzinfo=timezone)


def _ns(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (
        since.days * 86_400 + since.seconds
    ) * _NS_PER_S + since.microseconds * 1_000
