"""Sees to it that an app has an agent for as long as it runs."""

from __future__ import annotations

import threading
from typing import Final

from telemetry.capture import sink
from telemetry.capture.settings import Settings
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.spawning import ensure_agent

LOOK_EVERY_S: Final = 2.0
"""Seconds between two looks: an agent that was killed is missed for so long. Until
then the boxes keep what is written."""


class AgentKeeper:
    """Starts an agent process, and another one whenever that is gone.

    In the driver of an app, which has time; never in a container.
    """

    def __init__(self, place: Places, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="telemetry-agent-keeper", daemon=True
        )

    def start(self) -> None:
        """Start an agent, unless there is one, and watch.

        Raises:
            OSError: None can be started.
        """
        ensure_agent(self._place, self._settings)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more. The agent ends by itself, when everything is delivered."""
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            try:
                ensure_agent(self._place, self._settings)
            except Exception as error:  # noqa: BLE001  # the next look tries again
                sink.failed(error, "agent")
