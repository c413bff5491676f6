"""Which executions have run for so long that a sign of life is due."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

EVERY_S: Final = 30.0
"""Seconds from the start to the first sign of life, and from one to the next."""

K = TypeVar("K")
V = TypeVar("V")


class Heartbeats(Generic[K, V]):
    """Follows what runs. Times are seconds of one clock of the caller's.

    Args:
        every_s: From one sign to the next.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        # In the order of their start; with how many signs were given.
        self._running: dict[K, tuple[float, V]] = {}
        self._given: dict[K, int] = {}
        self._look_s = float("-inf")

    def begin(self, key: K, value: V, now_s: float) -> None:
        """It runs from now on; no call may be about an earlier time than the last."""
        self._running[key] = (now_s, value)

    def end(self, key: K) -> V | None:
        """It has ended; what `begin` was given, unless that is not known."""
        self._given.pop(key, None)
        found = self._running.pop(key, None)
        return None if found is None else found[1]

    def due(self, now_s: float) -> list[tuple[V, float]]:
        """What has to give a sign now, and for how long it has run.

        One is enough where several were due since the last call.
        """
        if now_s < self._look_s:
            return []
        found: list[tuple[V, float]] = []
        self._look_s = now_s + self._every_s
        for key, (started_s, value) in self._running.items():
            elapsed_s = now_s - started_s
            signs = int(elapsed_s // self._every_s)
            self._look_s = min(self._look_s, started_s + (signs + 1) * self._every_s)
            if signs < 1:
                break  # those behind it are younger
            if signs > self._given.get(key, 0):
                self._given[key] = signs
                found.append((value, elapsed_s))
        return found
