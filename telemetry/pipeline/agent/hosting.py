"""An agent for this process: found beside it, started, or run on threads in it.

`follow` is told of the settings of a program that only imports the toolkit; an app
asks for its agent itself, with `host_for_app`.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final, Protocol

from telemetry.capture import sink
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.ending import on_flush, on_shutdown
from telemetry.capture.settings import Settings
from telemetry.pipeline.agent.keeping import AgentKeeper
from telemetry.pipeline.agent.places import places
from telemetry.pipeline.agent.spawning import ensure_agent
from telemetry.policy.agent_choice import Host, has_endpoint, host

_STEP: Final = "agent"
_LOOK_S: Final = 0.02
EXIT_S: Final = 5.0
"""Most seconds that the end of a program waits for deliveries."""
_HAND_OVER_S: Final = 1.0


class Delivering(Protocol):
    """Something in this process that delivers what its box holds."""

    def flush(self, timeout_s: float) -> bool:
        """Deliver what is there; False when something is left."""
        ...

    def shutdown(self, timeout_s: float) -> bool:
        """Flush, and end; False when something is left."""
        ...


class _Hosted:
    """What this process has; `lock` guards the rest."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.plan: tuple[object, ...] = ()
        self.host: Host = "nobody"
        self.running: Delivering | None = None

    def forked(self) -> None:
        """In a child: the threads are the parent's, and so is all that they hold."""
        self.__init__()  # type: ignore[misc]  # as new


_HOSTED: Final = _Hosted()
os.register_at_fork(after_in_child=_HOSTED.forked)


def follow(settings: Settings) -> None:
    """Have what this program writes delivered as *settings* say; never raises."""
    try:
        _arrange(settings, _host(settings, is_app=False))
    except Exception as error:  # noqa: BLE001  # the program runs on, its box is kept
        sink.failed(error, "agent")


def wants_agent(settings: Settings) -> bool:
    """Whether an app leaves its boxes to an agent."""
    return _host(settings, is_app=True) != "nobody"


def host_for_app(settings: Settings) -> AgentKeeper | None:
    """Have an agent for an app, whose driver's box exists by now; never raises.

    Returns:
        What is to be stopped with the app, if anything is.
    """
    try:
        chosen = _host(settings, is_app=True)
        _arrange(settings, chosen)
        if chosen == "process":
            keeper = AgentKeeper(places(base_directory(settings.directory)), settings)
            keeper.start()
            return keeper
    except Exception as error:  # noqa: BLE001  # the app runs on, its boxes are kept
        sink.failed(error, "agent")
    return None


def _host(settings: Settings, *, is_app: bool) -> Host:
    known = has_endpoint(os.environ, settings.endpoint)
    return host(settings.agent, has_endpoint=known, is_app=is_app)


def _arrange(settings: Settings, chosen: Host) -> None:
    with _HOSTED.lock:
        plan = (chosen, settings.directory, settings.endpoint, current_box())
        if plan == _HOSTED.plan:
            return
        if _HOSTED.running is not None:
            _HOSTED.running.shutdown(_HAND_OVER_S)
            _HOSTED.running = None
        _HOSTED.plan, _HOSTED.host = plan, chosen
        if chosen == "nobody":
            return
        if chosen == "process":
            ensure_agent(places(base_directory(settings.directory)), settings)
        else:
            _HOSTED.running = _started(settings, chosen)
        on_flush(_STEP, _flush)
        on_shutdown(_STEP, _shutdown)


def _started(settings: Settings, chosen: Host) -> Delivering | None:
    # Loaded here: most programs that import the toolkit deliver nothing themselves.
    from telemetry.pipeline.agent.threads import AgentThread  # noqa: PLC0415
    from telemetry.pipeline.agent.wanted import wanted  # noqa: PLC0415

    asked = wanted(os.environ, endpoint=settings.endpoint)
    if chosen == "thread":
        thread = AgentThread(places(base_directory(settings.directory)), asked)
        thread.start()
        return thread
    from telemetry.pipeline.delivery.direct import Direct  # noqa: PLC0415

    box = current_box()
    if box is None:
        return None
    direct = Direct(box.path, asked.endpoints)
    direct.start()
    return direct


def _flush(timeout_s: float) -> bool:
    """Wait until an agent has what this process has written, and delivered it.

    An agent process has it safe by then, and delivers it whatever becomes of us.
    """
    with _HOSTED.lock:
        running, chosen = _HOSTED.running, _HOSTED.host
    until_s = time.monotonic() + timeout_s
    box = current_box()
    if chosen in {"process", "thread"} and box is not None:
        while not _is_taken(box.path):
            if time.monotonic() >= until_s:
                return False
            time.sleep(_LOOK_S)
    if running is None:
        return True
    return running.flush(max(until_s - time.monotonic(), 0.0))


def _shutdown(timeout_s: float) -> bool:
    with _HOSTED.lock:
        running, _HOSTED.running = _HOSTED.running, None
        _HOSTED.plan, _HOSTED.host = (), "nobody"
    return running is None or running.shutdown(timeout_s)


def _is_taken(box: Path) -> bool:
    """Whether an agent has stored all that is in *box*."""
    try:
        with BoxReader(box, taking=True) as reader:  # it goes on where others are
            return not reader.poll(1)
    except OSError:
        return False


@atexit.register
def _at_exit() -> None:
    """Deliver what the program has left, within `EXIT_S`; say what was not."""
    if _HOSTED.running is None:
        return
    until_s = time.monotonic() + EXIT_S
    try:
        done = _flush(EXIT_S)
        done = _shutdown(max(until_s - time.monotonic(), 0.0)) and done
    except Exception as error:  # noqa: BLE001  # the program ends all the same
        sink.failed(error, "exit")
        return
    if not done and sys.__stderr__ is not None:
        sys.__stderr__.write(_LEFT)


_LEFT: Final = (
    "telemetry: not everything could be delivered; it is kept, and the next agent goes "
    "on with it (telemetry doctor tells why)\n"
)
