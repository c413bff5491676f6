"""One agent for each folder: a lock that ends with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_MODE: Final = 0o600
_LEAVING: Final = b"leaving"
_STAYING: Final = b"staying"
_MOST_BYTES: Final = 64


class AgentLock:
    """A lock on the file *path*, which is made. Not safe for several threads.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._held = False

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
        """Let others know that this agent is about to end, or stays after all."""
        if self._held:
            said = b"%d %s\n" % (os.getpid(), _LEAVING if going else _STAYING)
            os.pwrite(self._fd, said, 0)
            os.ftruncate(self._fd, len(said))

    @property
    def is_holder_leaving(self) -> bool:
        """Whether the agent that holds the lock is about to end."""
        return _LEAVING in os.pread(self._fd, _MOST_BYTES, 0)

    def close(self) -> None:
        """Let go; whoever waits may become the agent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


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
