"""Where a terminal gets what it shows: the present, and what has been written since."""

from __future__ import annotations

from typing import Final

from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.store.queries.lines import LineFilter
from telemetry.view.answers.lines import Line
from telemetry.view.answers.pages import Now
from telemetry.view.asking.door import Door
from telemetry.view.asking.lines import page, tail
from telemetry.view.live import Live

FIRST: Final = 50
"""Lines from before that are shown at first."""


class Watching:
    """What happens in one folder. Not safe for several threads."""

    def __init__(self, place: Places) -> None:
        self._door = Door(place.store)
        self._live = Live(place, self._door)
        self._store = ""
        self._number: int | None = None

    def close(self) -> None:
        """Let go of all files."""
        self._live.close()
        self._door.close()

    def now(self) -> Now:
        """What happens now."""
        return self._live.now()

    def lines(self) -> list[Line]:
        """The lines since the last call; at first, the newest."""
        identity = self._door.identity()
        if identity != self._store:
            self._store, self._number = identity, None
        try:
            if self._number is None:
                found = self._door.ask(
                    lambda reader: page(reader, LineFilter(), limit=FIRST)
                )
                self._number = found.last
                return found.lines
            number = self._number
            came, self._number = self._door.ask(
                lambda reader: tail(reader, LineFilter(), number)
            )
        except Error:
            return []  # what is wrong stands in `Now.problem`
        return came.lines
