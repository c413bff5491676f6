"""What the writer does beside writing, a little at a time."""

from __future__ import annotations

from telemetry.pipeline.store.retention import Retention
from telemetry.pipeline.store.search import SearchIndex


class Upkeep:
    """Indexes what has come, and gives up what is too old. The writer's thread."""

    def __init__(self, index: SearchIndex, retention: Retention) -> None:
        self._index = index
        self._retention = retention

    def step(self) -> bool:
        """Do some milliseconds of what is due; whether there is more.

        To be called after each transaction, so that it is done while records never
        cease, and again while there is more and nothing else to do.

        Raises:
            StoreError: The store cannot be written.
        """
        is_behind = self._index.catch_up()
        return self._retention.step() or is_behind
