"""The folder of the processes that are looked at, what they run as, and their store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.proof.replay import Replayed
from benchmarks.proof.stack import Pace
from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places, places
from tests.stack.programs import wait_until

_LEAVES_S: Final = 60.0
_QUIET_S: Final = 1.5
"""Another agent may have been started as the last one left: it begins by then."""


class Played(NamedTuple):
    """What is played, and how.

    Attributes:
        trace: A file to replay; None for the model of the demo.
        length_s: How long the demo goes on, in real seconds.
        speed: How much faster than in the file.
    """

    trace: Path | None
    length_s: float
    speed: float


class Ground:
    """A folder with black boxes, an agent and a store of its own.

    Args:
        endpoint: Where the agent delivers to.
    """

    def __init__(self, folder: Path, endpoint: str, pace: Pace) -> None:
        folder.mkdir(mode=0o700)
        self._counted = folder.with_name("counted")
        self._place: Final[Places] = places(folder)
        standard = ("OTEL_", "TELEMETRY_")
        # With an endpoint and no agent, a program would deliver by itself.
        self._alone: Final = {
            **{k: v for k, v in os.environ.items() if not k.startswith(standard)},
            "TELEMETRY_DIR": str(folder),
        }
        self._environ: Final = {
            **self._alone,
            "TELEMETRY_RECEIVE": "none",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": f"{pace.export_s * 1000:.0f}",
        }

    def chatter(self) -> dict[str, int]:
        """Have a program overflow its box; what that had to drop."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.proof.chatty"],
            env={**self._alone, "TELEMETRY_AGENT": "none"},
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        )
        found: dict[str, int] = json.loads(done.stdout)
        return found

    def replay(self, played: Played) -> subprocess.Popen[bytes]:
        """Start the process that plays."""
        arguments = [self._counted, played.length_s, played.speed, played.trace or ""]
        command = [sys.executable, "-m", "benchmarks.proof.replay"]
        return subprocess.Popen(
            [*command, *map(str, arguments)],
            env=self._environ,
            stdin=subprocess.DEVNULL,
        )

    def replayed(self) -> Replayed:
        """What the process has told at its end."""
        return msgspec.msgpack.decode(self._counted.read_bytes(), type=Replayed)

    def wait_for_agent(self) -> None:
        """Wait until an agent has cleared up, and none is left."""
        free_s: list[float] = []

        def is_left() -> bool:
            if holder(self._place.lock) or any(self._place.boxes.glob("dv-*.box")):
                free_s.clear()
                return False
            free_s.append(time.monotonic())
            return free_s[-1] - free_s[0] >= _QUIET_S

        wait_until(is_left, "the agent is gone", _LEAVES_S)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """What the store answers."""
        uri = f"{self._place.store.as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            return connection.execute(question).fetchall()
        finally:
            connection.close()
