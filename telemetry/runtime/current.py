"""Which session serves an app here: the driver's own, or the container's."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from telemetry.core.errors import ExecutionError, InvalidError

if TYPE_CHECKING:
    from telemetry.runtime.options import Scaling
    from telemetry.runtime.session import Session
    from telemetry.runtime.spec import Pickled, PoolSpec, Reference


class Place:
    """A session, and what the API remembers for as long as it lasts.

    All mappings are only added to, by whole values, so that they need no lock:
    two threads that build the same entry build equal ones.

    Attributes:
        session: None while the session is still starting.
        pools: Specs by tag; built once, since shipping code by value is costly.
        code: Code by name of the declaration; variants share it.
        scaling: Autoscaler settings by tag, as last updated from here.
    """

    __slots__ = ("code", "pools", "scaling", "session")

    def __init__(self, session: Session | None = None) -> None:
        self.session = session
        self.pools: dict[str, PoolSpec] = {}
        self.code: dict[str, Reference | Pickled] = {}
        self.scaling: dict[str, Scaling] = {}


_lock = threading.Lock()
# Guarded by _lock for changes; read without it, a lookup is atomic.
_running: dict[str, Place] = {}
_container: dict[str, Place] = {}
_container_session: Session | None = None


def place_of(app_name: str) -> Place | None:
    """Where calls of this app go from here; None when it is not running."""
    place = _running.get(app_name)
    if place is not None and place.session is not None:
        return place
    if _container_session is None:
        return None
    place = _container.get(app_name)
    if place is None:
        place = _container.setdefault(app_name, Place(_container_session))
    return place


def current_session(app_name: str) -> Session | None:
    """The session that serves this app here; None when it is not running."""
    place = place_of(app_name)
    return None if place is None else place.session


def sessions() -> list[Session]:
    """Every session that can be reached from here; the container's comes last."""
    running = [place.session for place in list(_running.values())]
    return [each for each in (*running, _container_session) if each is not None]


def set_container_session(session: Session | None) -> None:
    """Make this process a container: *session* serves every app from now on.

    To be called before any code of the user is imported, so that an unguarded
    ``app.run()`` at the top of a script is refused instead of starting again.
    """
    global _container_session  # noqa: PLW0603 - a process is one container
    with _lock:
        _container.clear()
        _container_session = session


def reserve(app_name: str) -> Place:
    """A place for a run of this app that is about to start.

    Raises:
        InvalidError: The app is already running in this process.
        ExecutionError: This process is a container.
    """
    if _container_session is not None:
        raise ExecutionError(
            f"app {app_name!r} cannot be run inside a container; put `app.run()` "
            'under `if __name__ == "__main__":`, since containers import this module'
        )
    with _lock:
        if app_name in _running:
            raise InvalidError(
                f"app {app_name!r} is already running in this process; "
                "leave the first `app.run()` before entering another"
            )
        place = _running[app_name] = Place()
    return place


def release(app_name: str) -> None:
    """The run of this app is over: calls from here are refused again."""
    with _lock:
        _running.pop(app_name, None)


def _forget() -> None:
    # A forked child has none of the threads that its parent's sessions need.
    global _lock  # noqa: PLW0603 - the parent's may be held for ever
    _lock = threading.Lock()
    _running.clear()
    set_container_session(None)


os.register_at_fork(after_in_child=_forget)
