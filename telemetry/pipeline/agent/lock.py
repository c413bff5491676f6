"""One agent for each folder: a lock that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_MODE: Final = 0o600
_LEAVING: Final = b"leaving"
_STAYING: Final = b"staying"
_MOST_BYTES: Final = 64


class AgentLock:
    """A lock on the file *path*, which is made. Not safe for several threads.

    A forked child has no part in it: it lets go of what it has inherited. Else it
    would hold the lock, and nobody could become the agent, long after its parent.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._held = False
        _OPEN.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def acquire(self) -> bool:
        """Become the agent of the folder; False while another one is."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._held = True
        self.leaving(going=False)
        return True

    def leaving(self, *, going: bool) -> None:
        """Let others know that this agent is about to end, or stays after all.

        On a full disk they may not learn it: it is the lock that counts.
        """
        if self._held:
            said = b"%d %s\n" % (os.getpid(), _LEAVING if going else _STAYING)
            with contextlib.suppress(OSError):
                os.pwrite(self._fd, said, 0)
                os.ftruncate(self._fd, len(said))

    @property
    def is_holder_leaving(self) -> bool:
        """Whether the agent that holds the lock is about to end."""
        return _LEAVING in os.pread(self._fd, _MOST_BYTES, 0)

    @property
    def is_in_place(self) -> bool:
        """Whether the file is where others look for it: somebody may clear a folder."""
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            return False

    def close(self) -> None:
        """Let go; whoever waits may become the agent."""
        if self._fd >= 0:
            if self._held:
                # A child that has just been forked may have it open, too.
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            self.abandon()

    def abandon(self) -> None:
        """In a forked child: leave the lock to the parent."""
        fd, self._fd, self._held = self._fd, -1, False
        if fd >= 0:
            os.close(fd)


_OPEN: Final[weakref.WeakSet[AgentLock]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for lock in list(_OPEN):
        lock.abandon()


os.register_at_fork(after_in_child=_after_fork_in_child)


def holder(path: Path) -> int | None:
    """The number of the process that holds the lock *path*; None when none does.

    To find out, the lock is held for a moment: whoever wants it tries more than once.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(fd, _MOST_BYTES, 0).split()
        return int(said[0]) if said and said[0].isdigit() else 0
    finally:
        os.close(fd)
    return None
