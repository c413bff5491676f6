"""The present as plain text, for pipes, for a look in passing, and without Textual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telemetry.view.terminal.picture import Row

_RESET: Final = "\x1b[0m"
_CODES: Final = {
    "title": "1",
    "dim": "2",
    "normal": "32",
    "burst": "33",
    "saturated": "31",
    "idle": "2",
    "cancelled": "35",
    "cold": "36",
    "bad": "1;31",
    "debug": "2",
    "warning": "33",
    "error": "31",
    "critical": "1;31",
}


def plain(rows: Sequence[Row], *, colour: bool) -> str:
    """*rows* as text, each with its end."""
    return "".join(
        "".join(_painted(*span) if colour else span.text for span in row).rstrip()
        + "\n"
        for row in rows
    )


def _painted(text: str, style: str) -> str:
    code = _CODES.get(style)
    return f"\x1b[{code}m{text}{_RESET}" if code and text else text
