"""Starting an agent process, for an app or a program that wants one beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from telemetry.capture.inherited import VARIABLE
from telemetry.capture.settings import (
    AGENT_VARIABLE,
    DIRECTORY_VARIABLE,
    Settings,
)
from telemetry.pipeline.agent.lock import AgentLock
from telemetry.pipeline.agent.places import Places

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"

_MODE: Final = 0o600
_MOST_LOG_BYTES: Final = 1_000_000
_STARTED: Final[list[subprocess.Popen[bytes]]] = []
"""Kept, as a `Popen` that is collected while its process lives complains."""


def ensure_agent(place: Places, settings: Settings) -> bool:
    """Start an agent for the folder, unless one lives that will go on.

    Race: 1. an agent finds no app alive; 2. an app begins, and sees the agent; 3. the
    agent ends, and the app has none. So an agent says that it is leaving before it
    looks for apps for the last time, an app has made its box before it comes here,
    and the agent that is started for it waits for one that is leaving.

    Returns:
        Whether one was started.

    Raises:
        OSError: None can be started.
    """
    for started in list(_STARTED):
        if started.poll() is not None:
            _STARTED.remove(started)
    with AgentLock(place.lock) as lock:
        if not lock.acquire() and not lock.is_holder_leaving:
            return False
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE)
    try:
        if os.fstat(log).st_size > _MOST_LOG_BYTES:
            os.ftruncate(log, 0)
        _STARTED.append(
            subprocess.Popen(
                [sys.executable, "-P", "-m", "telemetry", "agent", "--with-apps"],
                env=_environment(os.environ, place, settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        )
    finally:
        os.close(log)
    return True


def _environment(
    environ: Mapping[str, str], place: Places, settings: Settings
) -> dict[str, str]:
    """That of this process, with what the program has configured.

    The toolkit is found again where it was found here, and nothing else of the
    program's: its folder may hold modules named like those that we import.
    """
    found = {name: value for name, value in environ.items() if name != VARIABLE}
    found[DIRECTORY_VARIABLE] = str(place.base)
    found[AGENT_VARIABLE] = "none"
    paths = [environ.get("PYTHONPATH"), str(Path(__file__).parents[3])]
    found["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if settings.endpoint is not None:
        found[ENDPOINT_VARIABLE] = settings.endpoint
    return found
