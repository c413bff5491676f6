"""An agent on threads of a program that only imports the toolkit."""

from __future__ import annotations

import threading
import time
from typing import Final

from telemetry.capture import sink
from telemetry.core.errors import Error
from telemetry.pipeline.agent.agent import Agent
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.wanted import AgentWanted

AGAIN_S: Final = 2.0
"""Seconds between two attempts to become the agent, while another process is it."""

START_AFTER_S: Final = 1.0
"""Seconds before the first attempt: a program that runs an app next has a process for
it. What is written meanwhile waits in the box."""

_LOOK_S: Final = 0.02


class AgentThread:
    """Is the agent of the folder whenever nobody else is.

    Of several programs that share a folder, one serves all; when it ends, another
    one takes over.
    """

    def __init__(self, place: Places, wanted: AgentWanted) -> None:
        self._place = place
        self._wanted = wanted
        self._agent: Agent | None = None
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="telemetry-agent-host", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that is stored is delivered.

        Returns:
            False when that took too long. True also where another process is the
            agent: it has what was stored, and goes on.
        """
        until_s = time.monotonic() + timeout_s
        self._hurry.set()
        self._tried.wait(timeout_s)
        while (agent := self._agent) is not None and not agent.is_delivered:
            if time.monotonic() >= until_s:
                return False
            agent.hurry()
            time.sleep(_LOOK_S)
        return True

    def shutdown(self, timeout_s: float) -> bool:
        """End; False when something is left to deliver, for the next agent."""
        until_s = time.monotonic() + timeout_s
        self._ending.set()
        self._hurry.set()
        self._thread.join(timeout_s)
        agent, self._agent = self._agent, None
        return agent is None or agent.stop(max(until_s - time.monotonic(), 0.0))

    def _run(self) -> None:
        self._hurry.wait(START_AFTER_S)
        while not self._ending.is_set():
            agent = Agent(self._place, self._wanted, on_problem=_said)
            try:
                if agent.begin():
                    agent.start()
                    self._agent = agent
                    return
            except Exception as error:  # noqa: BLE001  # the program runs on
                sink.failed(error, "agent")
            finally:
                self._tried.set()
            agent.close()
            self._ending.wait(AGAIN_S)


def _said(problem: str) -> None:
    """A problem is counted, and the first one reported, as all of ours are."""
    sink.failed(Error(problem), "agent")
