"""All roads by name; they are imported when they are wanted, and not before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Final, cast

from telemetry.capture.roads.road import Road, RoadState
from telemetry.capture.sink import failed

MODULES: Final = {
    "threads": "threads",
    "executors": "executors",
    "processes": "processes",
    "subprocess": "child_processes",
    "logging": "stdlib_logging",
    "structlog": "foreign_structlog",
    "streams": "streams",
    "warnings": "python_warnings",
    "exceptions": "excepthooks",
    "opentelemetry": "foreign_spans",
    "descriptors": "descriptors",
}
"""Name of each road, and the module here whose ``ROAD`` it is, in the order in
which they are installed."""

ALL_ROADS: Final = frozenset(MODULES)
"""Every road there is."""

LIBRARY_ROADS: Final = ALL_ROADS - {"descriptors"}
"""What a program that only imports the toolkit gets: descriptors 1 and 2 are its own
until it asks."""

_LOCK: Final = threading.RLock()
_INSTALLED: Final[dict[str, Road]] = {}


def choose(wanted: Iterable[str]) -> None:
    """Watch the roads of *wanted*, and no others; safe to repeat, from any thread.

    A road that cannot be watched here is counted and reported, and the others are
    watched all the same.
    """
    names = frozenset(wanted)
    with _LOCK:
        for name in reversed(MODULES):
            if name in _INSTALLED and name not in names:
                _attempt(_INSTALLED.pop(name).uninstall)
        for name in MODULES:
            if name in names:
                _attempt(partial(_install, name))


def states() -> dict[str, tuple[Road, RoadState]]:
    """Every road with its state now."""
    found: dict[str, tuple[Road, RoadState]] = {}
    for name in MODULES:
        road = _road(name)
        found[name] = (road, road.state())
    return found


def _install(name: str) -> None:
    road = _road(name)
    road.install()
    _INSTALLED[name] = road


def _road(name: str) -> Road:
    module = import_module(f"telemetry.capture.roads.{MODULES[name]}")
    return cast("Road", module.ROAD)


def _attempt(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001  # one road less, and the program goes on
        failed(error, "road")
