"""Sees to it that a program has an agent process for as long as it runs."""

from __future__ import annotations

import threading

from telemetry.capture import sink
from telemetry.capture.settings import Settings
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.spawning import BEGINS_S, ensure_agent, failure
from telemetry.policy.agent_life import look_after_s


class AgentKeeper:
    """Starts an agent process, and another one whenever that is gone.

    In the driver of an app, which has time; never in a container.
    """

    def __init__(self, place: Places, settings: Settings) -> None:
        self._place = place
        self._settings = settings
        self._ending = threading.Event()
        self._failed: set[str] = set()
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

    def flush(self, timeout_s: float) -> bool:  # noqa: ARG002  # see `hosting.Delivering`
        """True: what is stored is safe with the agent, which goes on."""
        return True

    def shutdown(self, timeout_s: float) -> bool:  # noqa: ARG002  # see `hosting.Delivering`
        """Watch no more. The agent ends by itself, when everything is delivered."""
        self._ending.set()
        return True

    def _run(self) -> None:
        failures = 0
        while not self._ending.wait(pause_s := look_after_s(failures)):
            try:
                why = failure(self._place, pause_s + BEGINS_S)
                failures = failures + 1 if why else 0
                if why and why not in self._failed:
                    self._failed.add(why)
                    sink.failed(Error(f"the agent ends at once: {why}"), "agent")
                ensure_agent(self._place, self._settings)
            except Exception as error:  # noqa: BLE001  # the next look tries again
                sink.failed(error, "agent")
