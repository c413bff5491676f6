"""How an input settles: exactly one of these, exactly once."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The value of the attribute ``input.outcome``."""

    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    LOST = "lost"
