"""Starting an agent process, for an app or a program that wants one beside it."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

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
_TAIL_BYTES: Final = 2_000


BEGINS_S: Final = 10.0
"""Seconds in which an agent has begun to work, or will never."""


class _Started(NamedTuple):
    """An agent process that was started here; times of the monotonic clock."""

    process: subprocess.Popen[bytes]
    base: Path
    begun_s: float


_STARTED: Final[list[_Started]] = []
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
    with AgentLock(place.lock) as lock:
        is_free = lock.acquire()
        if is_free and _is_beginning(place):
            return False
        if not is_free and not lock.is_holder_leaving:
            return False
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE)
    try:
        if os.fstat(log).st_size > _MOST_LOG_BYTES:
            os.ftruncate(log, 0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "telemetry", "agent", "--with-apps"],
            env=_environment(os.environ, place, settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(log)
    _STARTED.append(_Started(process, place.base, time.monotonic()))
    return True


def _is_beginning(place: Places) -> bool:
    """Whether one that was started here has not come to take the lock yet."""
    since_s = time.monotonic() - BEGINS_S
    return any(
        each.base == place.base
        and each.begun_s > since_s
        and each.process.poll() is None
        for each in _STARTED
    )


def failure(place: Places, within_s: float) -> str:
    """Why an agent that was started for the folder has ended at once; "": none has.

    Told once, of each.

    Args:
        within_s: It was started so many seconds ago, at most.
    """
    why = ""
    for started in list(_STARTED):
        status = started.process.poll()
        if status is None:
            continue
        _STARTED.remove(started)
        age_s = time.monotonic() - started.begun_s
        # Negative: it was killed, and the next one may well live.
        if status > 0 and started.base == place.base and age_s <= within_s:
            why = _last_said(place.log) or f"its status is {status}"
    return why


@atexit.register
def _leave() -> None:
    """They live on, which is meant: a `Popen` would complain, with ``-X dev``."""
    for each in _STARTED:
        each.process.returncode = each.process.returncode or 0


def _last_said(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _TAIL_BYTES, 0))
            said = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line for line in reversed(said) if line.strip()), "")


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
    # Absolute ones: it works in another folder.
    given = filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = [*map(os.path.abspath, given), str(Path(__file__).parents[3])]
    found["PYTHONPATH"] = os.pathsep.join(paths)
    if settings.endpoint is not None:
        found[ENDPOINT_VARIABLE] = settings.endpoint
    return found
