"""The black box of this process: opened once, anew in each forked child."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from telemetry.capture import sink
from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.blackbox.records import NO_INPUT, framed
from telemetry.capture.changes import changed
from telemetry.core.scope import InputScope

Guard = Callable[[Callable[[], None]], None]

SLOTS: Final = 128
"""Rows of the slot table where nobody says how many inputs will run at once."""


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """How the box of this process, and those of its forked children, are made.

    Attributes:
        name: Of the file, without its suffix; unique in the folder.
        identity: What is known of this process, beside what any process knows.
    """

    directory: Path
    name: str
    budget_bytes: int
    slots: int = SLOTS
    identity: Mapping[str, object] = field(default_factory=dict)
    guard: Guard | None = None


class _Current:
    """What is in force; changed under `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.plan: BoxPlan | None = None
        self.box: BlackBox | None = None
        self.forked = False
        self.adopting = False
        self.on_adopted: Callable[[], object] = bool


_CURRENT: Final = _Current()

NOBODY: Final = InputScope("", head=NO_INPUT)
"""Whose lines they are that no input wrote."""


def open_box(plan: BoxPlan) -> BlackBox:
    """Open a box for this process; one that is open is closed.

    Raises:
        OSError: The file cannot be made.
    """
    with _CURRENT.lock:
        close_box()
        _CURRENT.box = new_box(plan)
        _CURRENT.plan = plan
        box = _CURRENT.box
    changed()
    return box


def close_box() -> None:
    """Close the box, if there is one: its file says that this was in good order."""
    with _CURRENT.lock:
        box, _CURRENT.box = _CURRENT.box, None
        _CURRENT.plan = None
        _CURRENT.forked = False
        if box is not None:
            box.close()
    changed()


def current_box() -> BlackBox | None:
    """The box of this process; a forked child gets its own when it first asks."""
    if _CURRENT.forked:
        _adopt()
    return _CURRENT.box


def on_adopted(tell: Callable[[], object]) -> None:
    """Have *tell* called in each forked child that gets a box, once it has it."""
    _CURRENT.on_adopted = tell


def has_box() -> bool:
    """Whether there is a box to write to, or will be with the next record."""
    return _CURRENT.box is not None or _CURRENT.forked


def short_write() -> Callable[[bytes], object] | None:
    """What an input that begins now writes its records with; None: see `put`."""
    box = _CURRENT.box
    return None if box is None else box.shared_write


def put(scope: InputScope | None, body: bytes) -> bool:
    """Write a record as the input of *scope*; never raises.

    Returns:
        False when this process has no box.
    """
    scope = scope or NOBODY
    if scope.write is None and _CURRENT.box is not None:
        scope.write = _CURRENT.box.shared_write
    try:
        scope.write(framed(body))  # type: ignore[misc]  # None raises TypeError
    except (TypeError, ValueError):
        box = current_box()
        if box is None:
            return False
        box.append(scope, body)
    return True


def new_box(plan: BoxPlan) -> BlackBox:
    """A box by that plan, which is not the one of this process.

    Whoever makes it writes to it, closes it, and abandons it in a forked child.

    Raises:
        OSError: The file cannot be made.
    """
    identity = {
        "box": plan.name,
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "started_unix_ns": time.time_ns(),
        "monotonic_ns": time.monotonic_ns(),
        "host": platform.node(),
        "python": platform.python_version(),
        "command": " ".join(sys.argv[:1]),
        **plan.identity,
    }
    return BlackBox(
        plan.directory / f"{plan.name}{SUFFIX}",
        identity,
        budget_bytes=plan.budget_bytes,
        slots=plan.slots,
        guard=plan.guard,
    )


def _after_fork_in_child() -> None:
    # The box is the parent's. A scope that was copied still holds a `write` of it,
    # which raises from now on, and so ends up in `current_box`. No file is made
    # before there is something to write: most children execute another program.
    _CURRENT.lock = threading.RLock()
    _CURRENT.adopting = False
    box, _CURRENT.box = _CURRENT.box, None
    NOBODY.write = None
    if box is not None:
        _CURRENT.forked = True
        box.abandon()


def _adopt() -> None:
    with _CURRENT.lock:
        plan = _CURRENT.plan
        if not _CURRENT.forked or plan is None or _CURRENT.adopting:
            return  # a signal handler that logs while we are at it has no box yet
        _CURRENT.adopting = True
        try:
            _CURRENT.box, _CURRENT.plan = _child_box(plan)
        except OSError as error:
            _CURRENT.plan = None
            sink.failed(error, "box")
        finally:
            # Race: 1. a thread makes the box; 2. another one asks for it, is told
            # that there is none, and drops its record. So it waits for the lock
            # until this is set, which comes last.
            _CURRENT.forked = False
            _CURRENT.adopting = False
    if _CURRENT.box is not None:
        _CURRENT.on_adopted()


def _child_box(plan: BoxPlan) -> tuple[BlackBox, BoxPlan]:
    name = f"{plan.name}.{os.getpid()}"
    while True:
        child = replace(
            plan,
            name=name,
            identity={**plan.identity, "parent_box": plan.name},
            guard=None,
        )
        try:
            return new_box(child), child
        except FileExistsError:
            # Numbers of processes are used again, and dead boxes are kept.
            name = f"{plan.name}.{os.getpid()}-{time.time_ns():x}"


# Early, and so before the hooks of those who import us: what they log in a forked
# child is written to the child's own box.
os.register_at_fork(after_in_child=_after_fork_in_child)
