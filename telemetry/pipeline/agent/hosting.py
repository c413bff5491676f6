"""An agent for this process: found beside it, started, or run on a thread in it.

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
from typing import TYPE_CHECKING, Final, Protocol

from telemetry.capture import sink
from telemetry.capture.blackbox.current import current_box, on_adopted
from telemetry.capture.blackbox.reader import BoxReader, NotABoxError
from telemetry.capture.ending import on_flush, on_shutdown
from telemetry.capture.settings import Settings, in_force
from telemetry.policy.agent_choice import Host, has_endpoint, host

if TYPE_CHECKING:
    from telemetry.pipeline.agent.places import Places

_STEP: Final = "agent"
_LOOK_S: Final = 0.02
EXIT_S: Final = 5.0
"""Most seconds that the end of a program waits for deliveries."""
_HAND_OVER_S: Final = 1.0


class Delivering(Protocol):
    """Something of this process that has what is in its box delivered."""

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
        self.apps = 0
        self.running: Delivering | None = None


_HOSTED: Final = _Hosted()


def _after_fork_in_child() -> None:
    # The threads are the parent's, and so is all that they hold. Whoever is the agent
    # now reads the child's box as well; see `_adopted` for when that is over.
    _HOSTED.__init__()  # type: ignore[misc]  # as new


os.register_at_fork(after_in_child=_after_fork_in_child)


def follow(settings: Settings) -> None:
    """Have what this program writes delivered as *settings* say; never raises."""
    try:
        with _HOSTED.lock:
            _arrange(settings)
    except Exception as error:  # noqa: BLE001  # the program runs on, its box is kept
        sink.failed(error, "agent")


def wants_agent(settings: Settings) -> bool:
    """Whether an app leaves its boxes to an agent."""
    return _host(settings, is_app=True) != "nobody"


class AppHost:
    """What an app has of its process, until `stop`."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        """The app is over; what the program writes goes on as before it."""
        if not self._stopped:
            self._stopped = True
            with _HOSTED.lock:
                _HOSTED.apps = max(_HOSTED.apps - 1, 0)
            follow(in_force())


def host_for_app(settings: Settings) -> AppHost:
    """Have an agent for an app, whose driver's box exists by now; never raises.

    Returns:
        What is to be stopped with the app.
    """
    with _HOSTED.lock:
        _HOSTED.apps += 1
    follow(settings)
    return AppHost()


def _host(settings: Settings, *, is_app: bool) -> Host:
    known = has_endpoint(os.environ, settings.endpoint)
    return host(settings.agent, has_endpoint=known, is_app=is_app)


def _arrange(settings: Settings) -> None:
    """Under the lock."""
    chosen = _host(settings, is_app=_HOSTED.apps > 0)
    if chosen == "nobody" and _HOSTED.running is None:
        return  # as in most programs
    box = current_box()
    # A process serves whatever the box; a thread may be in another folder then.
    mine = None if chosen == "process" else box
    plan = (chosen, settings.directory, settings.endpoint, mine)
    if plan == _HOSTED.plan:
        return
    running, _HOSTED.running = _HOSTED.running, None
    _HOSTED.plan, _HOSTED.host = (), "nobody"
    if running is not None:
        running.shutdown(_HAND_OVER_S)
    if chosen != "nobody":
        _HOSTED.running = _started(settings, chosen)
        on_flush(_STEP, _flush)
        on_shutdown(_STEP, _shutdown)
    _HOSTED.plan, _HOSTED.host = plan, chosen


def _started(settings: Settings, chosen: Host) -> Delivering | None:
    # Loaded here: most programs that import the toolkit deliver nothing themselves.
    if chosen == "process":
        from telemetry.pipeline.agent.keeping import AgentKeeper  # noqa: PLC0415

        keeper = AgentKeeper(_places(settings), settings)
        keeper.start()
        return keeper
    from telemetry.pipeline.agent.wanted import wanted_inside  # noqa: PLC0415

    asked = wanted_inside(os.environ, endpoint=settings.endpoint)
    if chosen == "thread":
        from telemetry.pipeline.agent.threads import AgentThread  # noqa: PLC0415

        thread = AgentThread(_places(settings), asked)
        thread.start()
        return thread
    from telemetry.pipeline.delivery.direct import Direct  # noqa: PLC0415

    box = current_box()
    if box is None:
        return None
    direct = Direct(box.path, asked.endpoints)
    direct.start()
    return direct


def _places(settings: Settings) -> Places:
    from telemetry.capture.blackbox.places import base_directory  # noqa: PLC0415
    from telemetry.pipeline.agent.places import places  # noqa: PLC0415

    return places(base_directory(settings.directory))


def _adopted() -> None:
    """A forked child has written something, and has a box of its own.

    Its parent may end before it does, as where a program becomes a daemon, and with it
    the agent on the parent's thread. No thread is made before there is something to
    deliver: most children execute another program.
    """
    try:
        settings = in_force()
        if _host(settings, is_app=False) in {"thread", "direct"}:
            follow(settings)
    except Exception as error:  # noqa: BLE001  # the program runs on, its box is kept
        sink.failed(error, "agent")


on_adopted(_adopted)


def _flush(timeout_s: float) -> bool:
    """Wait until an agent has what this process has written, and delivered it.

    An agent process has it safe by then, and delivers it whatever becomes of us.
    """
    with _HOSTED.lock:
        running, chosen = _HOSTED.running, _HOSTED.host
    if running is None:
        return True
    until_s = time.monotonic() + timeout_s
    box = current_box()
    if chosen != "direct" and box is not None and not _is_taken(box.path, until_s):
        return False
    return running.flush(max(until_s - time.monotonic(), 0.0))


def _shutdown(timeout_s: float) -> bool:
    with _HOSTED.lock:
        running, _HOSTED.running = _HOSTED.running, None
        _HOSTED.plan, _HOSTED.host = (), "nobody"
    return running is None or running.shutdown(timeout_s)


def _is_taken(box: Path, until_s: float) -> bool:
    """Wait until an agent has stored all that is in *box* now; whether one has.

    What is written meanwhile is not waited for: another thread may never cease.
    """
    try:
        with BoxReader(box) as reader:
            reader.skip()
            written = reader.position()
            while not reader.is_taken_to(written):
                if time.monotonic() >= until_s:
                    return False
                time.sleep(_LOOK_S)
    except (NotABoxError, OSError):
        return False
    return True


@atexit.register
def _at_exit() -> None:
    """Deliver what the program has left, within `EXIT_S`; say what was not."""
    try:
        done = _shutdown(EXIT_S)
    except Exception as error:  # noqa: BLE001  # the program ends all the same
        sink.failed(error, "exit")
        return
    stderr = sys.__stderr__
    if not done and stderr is not None and not stderr.closed:
        stderr.write(_LEFT)


_LEFT: Final = (
    "telemetry: not everything could be delivered; it is kept, and the next agent goes "
    "on with it (telemetry doctor tells why)\n"
)
