"""Keeps what happens now at hand, for any number of pages that watch."""

from __future__ import annotations

import threading
import time
from typing import Final

from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.status import living_agent
from telemetry.pipeline.store.failures import NoStoreError
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.pages import AgentState, Now
from telemetry.view.asking.door import Door
from telemetry.view.asking.present import Settled, present
from telemetry.view.boxes import LivingBoxes
from telemetry.view.moment import Known, containers_now, functions_now, scopes_now

FRESH_S: Final = 0.25
"""How old an answer may be that several pages share."""


class Live:
    """The present, made anew at most four times a second. Safe from several threads."""

    def __init__(self, place: Places, door: Door) -> None:
        self._place = place
        self._door = door
        self._boxes = LivingBoxes(place.boxes)
        self._lock = threading.Lock()
        # The rest is guarded by _lock. SQLite tells a connection of changes that
        # others have made since it was asked last, so this one is kept.
        self._watcher: Reader | None = None
        self._identity = ""
        self._version = -1
        self._changes = 0
        self._settled = Settled()
        self._now: Now | None = None
        self._made_s = float("-inf")

    def now(self) -> Now:
        """What happens now; never raises, but says what cannot be told."""
        with self._lock:
            if self._now is None or time.monotonic() - self._made_s > FRESH_S:
                self._now = self._made()
                self._made_s = time.monotonic()
            return self._now

    def agent(self) -> AgentState:
        """Whether somebody fills the store."""
        found = living_agent(self._place)
        if found is None:
            return AgentState(alive=False)
        return AgentState(
            alive=True,
            pid=found.pid,
            started_ms=found.started_unix_ns / 1e6,
            problems=list(found.problems),
        )

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            self._boxes.close()
            self._forget()

    def _made(self) -> Now:
        problem = ""
        known = Known()
        try:
            self._watch()
            known = self._door.ask(
                lambda reader: present(
                    reader, time.time_ns(), self._settled.counted(reader)
                )
            )
        except NoStoreError:
            pass
        except Error as error:
            problem = str(error)
        living = self._boxes.look()
        containers = containers_now(living, known)
        return Now(
            now_ms=time.time_ns() / 1e6,
            store=self._identity,
            changes=self._changes,
            agent=self.agent(),
            functions=functions_now(containers, known),
            containers=containers,
            scopes=scopes_now(living),
            problem=problem,
        )

    def _watch(self) -> None:
        """Note whether the store has changed, or is another one."""
        identity = self._door.identity()
        if identity != self._identity:
            self._forget()
            self._identity = identity
            self._settled = Settled()
            self._changes += 1
        if not identity:
            return
        if self._watcher is None:
            self._watcher = Reader(self._door.path)
        # Source: the documentation of SQLite's pragmas. Not within a transaction, which
        # would go on seeing what it saw.
        version = int(self._watcher.one("pragma data_version"))
        if version != self._version:
            self._version = version
            self._changes += 1

    def _forget(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
        self._watcher, self._version = None, -1
