"""An agent on a thread of a program that only imports the toolkit."""

from __future__ import annotations

import threading
import time
from typing import Final

from telemetry.capture import sink
from telemetry.core.errors import Error
from telemetry.pipeline.agent.agent import CLOSE_S, Agent
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.wanted import AgentWanted

AGAIN_S: Final = 2.0
"""Seconds between two attempts to become the agent, while another process is it."""

START_AFTER_S: Final = 1.0
"""Seconds before the first attempt: a program that runs an app next has a process for
it. What is written meanwhile waits in the box."""

_PATIENCE_S: Final = 0.02
"""Seconds for one who only looks at the lock; the next attempt comes soon enough."""


class AgentThread:
    """Is the agent of the folder whenever nobody else is.

    Of several programs that share a folder, one serves all; when it ends, another
    one takes over.
    """

    def __init__(self, place: Places, wanted: AgentWanted) -> None:
        self._place = place
        self._wanted = wanted
        self._agent: Agent | None = None
        self._has_delivered = False
        self._end_s = 0.0
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="telemetry-agent", daemon=True
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
        if not self._tried.wait(timeout_s):
            return False
        agent = self._agent
        return agent is None or agent.drain(max(until_s - time.monotonic(), 0.0))

    def shutdown(self, timeout_s: float) -> bool:
        """Deliver what is there, and end.

        A program may end before it has become the agent: it does so now, unless
        another process is.

        Returns:
            False when something is left to deliver, for the next agent.
        """
        self._end_s = time.monotonic() + timeout_s
        # Race: 1. we see no agent; 2. the thread makes one. So it looks at `_ending`
        # once we can see its agent, and we at the agent once `_ending` is set.
        self._ending.set()
        self._hurry.set()
        self._end_agent()
        self._thread.join(timeout_s + CLOSE_S)
        return self._has_delivered and not self._thread.is_alive()

    def _run(self) -> None:
        self._hurry.wait(START_AFTER_S)
        while True:
            is_last = self._ending.is_set()
            served = self._served()
            self._has_delivered = served is not False
            self._agent = None
            self._tried.set()
            if is_last or (served is not None and self._ending.is_set()):
                return
            self._ending.wait(AGAIN_S)

    def _served(self) -> bool | None:
        """Be the agent until the end; None where another process is.

        Returns:
            Whether nothing is left.
        """
        try:
            agent = Agent(self._place, self._wanted, on_problem=_said)
            try:
                if not agent.begin(patience_s=_PATIENCE_S):
                    return None
                self._agent = agent
                self._end_agent()
                agent.serve(on_ready=self._tried.set)
                return agent.has_delivered
            finally:
                agent.close()
        except Exception as error:  # noqa: BLE001  # the program runs on
            sink.failed(error, "agent")
            return False

    def _end_agent(self) -> None:
        agent = self._agent
        if agent is not None and self._ending.is_set():
            agent.end(max(self._end_s - time.monotonic(), 0.0))


def _said(problem: str) -> None:
    """A problem is counted, and the first one reported, as all of ours are."""
    sink.failed(Error(problem), "agent")
