"""Runs the app of the agent's tests, and asks the store what became of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.status import AgentStatus, living_agent
from tests.house.tree import ROOT

DEADLINE_S: Final = 40.0
_LOOK_S: Final = 0.05


class Ground:
    """A folder of its own for an app and its agent.

    Args:
        variables: Of the environment of all that is started here.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        folder.chmod(0o700)
        self.place: Final[Places] = places(folder)
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OTEL_")},
            "TELEMETRY_DIR": str(folder),
            "TELEMETRY_RECEIVE": "127.0.0.1:0",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            **variables,
        }
        self._environ.pop("TELEMETRY_AGENT", None)

    def run(self, inputs: int, **variables: str) -> str:
        """Run the app to its end; what it printed."""
        return self._command(
            "-m", "tests.pipeline.agent.app", str(inputs), **variables
        ).stdout

    def program(self, source: str, **variables: str) -> str:
        """Run a program to its end; what it printed."""
        return self._command("-c", source, **variables).stdout

    def program_errors(self, source: str) -> str:
        """Run a program to its end; what it wrote to stderr."""
        return self._command("-c", source).stderr

    def telemetry(self, *arguments: str, **variables: str) -> str:
        """Run the command; what it printed."""
        return self._command("-m", "telemetry", *arguments, **variables).stdout

    def started(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start the command, and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "telemetry", *arguments],
            env={**self._environ, **variables},
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def running(self, source: str) -> subprocess.Popen[str]:
        """Start a program, and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-c", source],
            env=self._environ,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
        )

    def app(self, inputs: int, **variables: str) -> subprocess.Popen[str]:
        """Start the app, which runs so many inputs again and again until it is told."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.pipeline.agent.app", str(inputs), "rounds"],
            env={**self._environ, **variables},
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def kill_agent(self) -> int:
        """Kill the agent that serves the folder; its number."""
        status = self.agent()
        assert status is not None
        os.kill(status.pid, signal.SIGKILL)
        self.wait_until(lambda: holder(self.place.lock) != status.pid, "it lives on")
        return status.pid

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that the store answers with."""
        path = self.place.store
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def agent(self) -> AgentStatus | None:
        """The agent that serves the folder."""
        return living_agent(self.place)

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        """Wait, with a deadline."""
        until_s = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < until_s, f"{what}: {self.said()}"
            time.sleep(_LOOK_S)

    def wait_for_end(self) -> None:
        """Wait until an agent has read all that the app has left, and is gone."""
        self.wait_until(self._is_cleared, "no agent has cleared up")
        self.wait_for_no_agent()

    def wait_for_no_agent(self) -> None:
        """Wait until none is left."""
        gone = lambda: holder(self.place.lock) is None  # noqa: E731  # it is short
        self.wait_until(gone, "the agent goes on")

    def _is_cleared(self) -> bool:
        return not any(self.place.boxes.glob("dv-*.box"))

    def said(self) -> str:
        """What the agents of apps have said."""
        return self.place.log.read_text() if self.place.log.exists() else ""

    def discard(self) -> None:
        """End what is left."""
        status = self.agent()
        if status is not None:
            os.kill(status.pid, signal.SIGKILL)

    def _command(
        self, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**self._environ, **variables},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done
