"""Where black boxes lie: in a folder that only their user can enter.

A folder in memory where there is one (``XDG_RUNTIME_DIR``, then ``/dev/shm``): no line
then ever waits for a disk. It lasts until the machine, or the container around us,
goes; a folder of the user's own choice (``TELEMETRY_DIR``) may last longer.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.reader import BoxReader, NotABoxError
from telemetry.core.errors import InvalidError
from telemetry.policy.box_retention import (
    MAX_AGE_S,
    MAX_FILES,
    DeadBox,
    superfluous,
)

SUFFIX: Final = ".box"
BESIDE: Final = (".out", ".err", ".stack")
"""What else a container leaves: output that nobody has read, stacks of its loop."""

_FOLDER: Final = "input-telemetry"
_BOXES: Final = "boxes"
_BYTES_PER_BLOCK: Final = 512
"""Source: ``st_blocks`` of stat(2) counts these, whatever the disk's own are."""


def base_directory(given: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for everything that is ours; not made yet.

    Args:
        given: What the user asked for; None for the default.
    """
    if given is not None:
        return Path(given)
    runtime = environ.get("XDG_RUNTIME_DIR")
    # Source: XDG Base Directory Specification: a relative path is to be ignored.
    if (
        runtime
        and Path(runtime).is_absolute()
        and os.access(runtime, os.W_OK | os.X_OK)
    ):
        return Path(runtime) / _FOLDER
    shared = Path("/dev/shm")  # noqa: S108  # checked by `private_directory`
    parent = shared if os.access(shared, os.W_OK | os.X_OK) else _temporary()
    return parent / f"{_FOLDER}-{os.getuid()}"


def boxes_directory(base: Path) -> Path:
    """The folder of the boxes below *base*, made if it has to be.

    Raises:
        InvalidError: Others can enter or own one of the two folders.
        OSError: They cannot be made.
    """
    return private_directory(private_directory(base) / _BOXES)


def private_directory(path: Path) -> Path:
    """Make *path* a folder for its owner alone, or see that it is one.

    Raises:
        InvalidError: It belongs to somebody else, or others can enter it.
        OSError: It cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise InvalidError(f"directory is '{path}', which is not a folder of this user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise InvalidError(
            f"directory is '{path}', which others can enter (mode "
            f"{stat.S_IMODE(found.st_mode):o}); it must have the mode 700"
        )
    return path


def is_written(path: Path) -> bool:
    """Whether the process that writes this box still lives.

    Raises:
        OSError: The file cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def sweep(directory: Path) -> list[str]:
    """Remove the boxes of dead processes that are not worth keeping.

    Returns:
        Their names.
    """
    dead = {path: box for path in directory.glob(f"*{SUFFIX}") if (box := _dead(path))}
    if len(dead) > MAX_FILES:  # else it makes no difference
        dead = {p: box._replace(is_unread=_is_unread(p)) for p, box in dead.items()}
    removed = superfluous(list(dead.values()))
    for name in removed:
        for suffix in (SUFFIX, *BESIDE):
            (directory / name).with_suffix(suffix).unlink(missing_ok=True)
    return removed


def _dead(path: Path) -> DeadBox | None:
    try:
        found = path.stat()
        if is_written(path):
            return None
    except OSError:
        return None  # somebody else has removed it
    size_bytes = found.st_blocks * _BYTES_PER_BLOCK
    age_s = time.time() - found.st_mtime
    if age_s > MAX_AGE_S:
        age_s = min(age_s, time.time() - _last_written_s(path))
    return DeadBox(path.name, size_bytes, age_s)


def _is_unread(path: Path) -> bool:
    """Whether there is a record that its reader has not taken."""
    try:
        with BoxReader(path, taking=True) as reader:
            return bool(reader.poll(1))
    except Exception:  # noqa: BLE001  # a file may hold anything
        return False


def _last_written_s(path: Path) -> float:
    """Unix seconds of the last record; 0 where there is none.

    A file system in memory does not note when a mapping is written to: what a quiet
    process left a minute ago may lie in a file that has not "changed" for weeks.
    """
    try:
        with BoxReader(path) as reader:
            return reader.last_written_ns() / 1e9
    except (NotABoxError, OSError):
        return 0


def _temporary() -> Path:
    return Path(tempfile.gettempdir())
