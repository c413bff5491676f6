"""The black boxes in a folder: found, watched, let go.

An agent reads what every process of its user has left there, living and dead. No file
in it, whatever it holds, keeps the agent from the others.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.listing import DIED
from telemetry.capture.blackbox.places import SUFFIX, is_written, sweep
from telemetry.capture.blackbox.reader import NotABoxError, Position
from telemetry.capture.plain import type_name
from telemetry.pipeline.agent.boxes import Watched

FIND_EVERY_S: Final = 0.5
"""Seconds between two looks for boxes that are new."""

SWEEP_EVERY_S: Final = 60.0
"""Seconds between two looks for boxes of dead processes that are not worth keeping: an
app that runs for weeks leaves one for each container that dies."""

_FILES_A_BOX: Final = 6
"""A box takes three; the other half is for the store, senders and the program."""
_LEAST_OPEN: Final = 8
_TURNING: Final = 4
"""When not all can be open, so much of those that have nothing to say makes room for
others at each look: a quarter."""


class BoxWatch:
    """All boxes in a folder. Belongs to one thread.

    Args:
        directory: Of the boxes.
        position_of: How far the box of that name is in the store; None: not at all.
        on_problem: Told what a person should know, once for each box.
        most_open: At the same time; None for what the limit of open files allows.

    Attributes:
        unvisited: Boxes that have not been open yet, as others were.
    """

    def __init__(
        self,
        directory: Path,
        position_of: Callable[[str], Position | None],
        on_problem: Callable[[str], object],
        *,
        most_open: int | None = None,
    ) -> None:
        self._directory = directory
        self._position_of = position_of
        self._on_problem = on_problem
        self._most_open = most_open or _most_open()
        self._open: dict[str, Watched] = {}
        self._changed: list[Watched] = []
        # By name: those that need no look any more; those of which was said that they
        # cannot be read; and, of the rest, in which look it was last opened.
        self._through: set[str] = set()
        self._unreadable: set[str] = set()
        self._opened_in: dict[str, int] = {}
        self._looks = 0
        self._looked_s = float("-inf")
        self._swept_s: float | None = None
        self.unvisited = 0

    @property
    def boxes(self) -> Sequence[Watched]:
        """Those that are open."""
        return list(self._open.values())

    @property
    def apps(self) -> int:
        """How many processes live that want an agent beside them."""
        return sum(each.wants_agent for each in self._open.values())

    @property
    def has_teller(self) -> bool:
        """Whether a driver lives, or has ended in good order.

        It says what became of the inputs of its containers.
        """
        boxes = self._open.values()
        return any(each.is_driver and each.state != DIED for each in boxes)

    def changed(self) -> list[Watched]:
        """The boxes that are new, or whose process has ended, since the last call."""
        changed, self._changed = self._changed, []
        return [each for each in changed if self._open.get(each.name) is each]

    def find(self, now_s: float, *, at_once: bool = False) -> None:
        """Look for new boxes and ended processes, when it is time to."""
        if now_s - self._looked_s < FIND_EVERY_S and not at_once:
            return
        self._looked_s = now_s
        self._looks += 1
        self._sweep(now_s)
        names = self._names()
        self._forget_gone(names)
        for watched in self._open.values():
            if watched.is_alive and not _lives(watched.reader.path):
                watched.look(lives=False)
                self._changed.append(watched)
        self._open_new(names.difference(self._open, self._through))

    def release(self, now_s: float, *, last: bool = False) -> None:
        """Give space back to the writers, and let go of boxes that are through.

        Args:
            last: We are about to end: what need not be kept goes now, unless an app
                lives that may look at it.
        """
        at_once = last and not self.apps
        for watched in self.boxes:
            if watched.is_broken:
                if not watched.is_alive:
                    self._done_with(watched)
                continue
            watched.release(now_s)
            if watched.is_through(now_s, at_once=at_once):
                try:
                    watched.clear()
                except OSError as error:
                    self._on_problem(f"a black box cannot be removed: {error}")
                self._done_with(watched)

    def set_aside(self, watched: Watched, error: BaseException) -> None:
        """Read a box no more, as that fails; its file stays as it is.

        It is watched on: its process may be an app, for which an agent stays.
        """
        watched.is_broken = True
        self._on_problem(
            f"the black box {watched.name} cannot be dealt with, and is left as it is: "
            f"{type_name(error)}: {error}"
        )

    def forget(self, watched: Watched) -> None:
        """Close a box; one that is still there is found again."""
        self._open.pop(watched.name, None)
        watched.reader.close()

    def close(self) -> None:
        """Let go of all."""
        for watched in self.boxes:
            self.forget(watched)

    def _sweep(self, now_s: float) -> None:
        # Not before they were read, which they may have waited for.
        if self._swept_s is None or self.unvisited:
            self._swept_s = now_s
        elif now_s - self._swept_s >= SWEEP_EVERY_S:
            self._swept_s = now_s
            sweep(self._directory)

    def _names(self) -> set[str]:
        try:
            found = [path.name for path in self._directory.iterdir()]
        except FileNotFoundError:
            return set()
        return {name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)}

    def _forget_gone(self, names: set[str]) -> None:
        """Somebody else may clear the folder."""
        self._through &= names
        self._unreadable &= names
        for name in self._opened_in.keys() - names:
            del self._opened_in[name]
        for name in self._open.keys() - names:
            self.forget(self._open[name])

    def _open_new(self, names: set[str]) -> None:
        """Open boxes, those first that have waited for longest."""
        waiting = sorted(names, key=lambda name: (self._opened_in.get(name, 0), name))
        room = self._most_open - len(self._open)
        if len(waiting) > room:
            self._on_problem(
                f"there are more black boxes than can be open at once "
                f"({self._most_open}), so they take turns; a higher limit of open "
                "files helps (ulimit -n)"
            )
            room += self._make_room(len(waiting) - room)
        for name in waiting[: max(room, 0)]:
            self._opened_in[name] = self._looks
            watched = self._opened(name)
            if watched is not None:
                self._open[name] = watched
                self._changed.append(watched)
        self.unvisited = sum(name not in self._opened_in for name in waiting)

    def _make_room(self, wanted: int) -> int:
        """Close boxes that have nothing to say, for others; how many."""
        resting = [each for each in self._open.values() if each.may_rest]
        resting.sort(key=lambda each: self._opened_in.get(each.name, 0))
        most = -(-self._most_open // _TURNING)
        closed = resting[: min(wanted, most)]
        for watched in closed:
            self.forget(watched)
        return len(closed)

    def _opened(self, name: str) -> Watched | None:
        path = self._directory / f"{name}{SUFFIX}"
        try:
            name.encode()  # it becomes text in the store
            watched = Watched(path, self._position_of(name))
        except FileNotFoundError:
            return None
        except (NotABoxError, OSError, ValueError) as error:
            # Perhaps it is not made yet: said only once its writer is gone.
            if name not in self._unreadable and not _lives(path):
                self._unreadable.add(name)
                self._on_problem(f"a black box cannot be read: {error}")
            return None
        if watched.is_others:
            watched.reader.close()
            return None
        return watched

    def _done_with(self, watched: Watched) -> None:
        self._through.add(watched.name)
        self.forget(watched)


def _most_open() -> int:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        files = 1 << 16
    return max(files // _FILES_A_BOX, _LEAST_OPEN)


def _lives(path: Path) -> bool:
    try:
        return is_written(path)
    except OSError:
        return False
