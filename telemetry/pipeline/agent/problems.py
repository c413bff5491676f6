"""What a person should know of an agent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from telemetry.capture.plain import plain_text

MOST: Final = 64
"""That are remembered; the oldest are forgotten, and told again when they come again.
A text may hold anything, so there is no end of them."""


class Problems:
    """Told as they come, each once. Safe from all threads; never raises.

    Args:
        on_problem: Tells one. It may fail: a disk is full, whoever read it is gone.
    """

    def __init__(self, on_problem: Callable[[str], object]) -> None:
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._known: dict[str, None] = {}

    def say(self, text: str) -> None:
        """Tell it, unless it is known already."""
        text = plain_text(text)
        with self._lock:
            if text in self._known:
                return
            self._known[text] = None
            if len(self._known) > MOST:
                del self._known[next(iter(self._known))]
        self.pass_on(text)

    def pass_on(self, text: str) -> None:
        """Tell it, and do not remember it."""
        try:
            self._on_problem(text)
        except Exception:  # noqa: BLE001  # there is nowhere left to say it
            return

    def over(self, text: str) -> None:
        """It is none any more."""
        with self._lock:
            self._known.pop(plain_text(text), None)

    def known(self) -> tuple[str, ...]:
        """Those that are not over."""
        with self._lock:
            return tuple(self._known)
