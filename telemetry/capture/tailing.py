"""A file that takes what is written to a descriptor, and is read while it grows.

A file and no pipe: a pipe has to be drained, and C code that fills one while it holds
the interpreter lock waits for ever for a reader in its own process.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import struct
import sys
from pathlib import Path
from typing import Final

from telemetry.capture.unpatched import MARK_OFF, MARK_ON

READ_BYTES: Final = 1 << 20
"""Bytes that are read at once."""

_MODE: Final = 0o600
_BLOCK_BYTES: Final = 4_096
_FIRST_FREE: Final = 3
# Source: linux/falloc.h, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE.
_PUNCH_LINUX: Final = 0x01 | 0x02
# Source: sys/fcntl.h of macOS, F_PUNCHHOLE and struct fpunchhole.
_PUNCH_MACOS: Final = 99
_NOTE: Final = b"\n[%d bytes of output were not captured: too much at once]\n"
_NOTED: Final = re.compile(rb"\n\[(\d+) bytes of output were not captured[^\n]*\n")
_ON: Final = MARK_ON.encode()
_OFF: Final = MARK_OFF.encode()


class Tail:
    """What is written to descriptor *fd* from now on goes into the file *path*.

    What has been read is zeroed, and its blocks are given back: so a reader of the
    file finds exactly what nobody has read, also when this process was killed.
    Cutting the file would lose what is written between the last read and the cut.

    Args:
        fd: 1 or 2.
        path: Must not exist.

    Attributes:
        saved: What the descriptor was before, or None if it was closed.
    """

    def __init__(self, fd: int, path: Path) -> None:
        self.fd: Final = fd
        self.path: Final = path
        self._at = 0
        self._punched = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self.saved: int | None = None
        self._file = _above_standard(os.open(path, flags, _MODE))
        # O_APPEND: all who write, children too, write to the end of the same file.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        writer = _above_standard(os.open(path, flags))
        try:
            self.saved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
        except OSError:  # it was closed
            pass
        os.dup2(writer, fd)
        os.close(writer)

    def size(self) -> int:
        """Bytes that nobody has read."""
        return os.fstat(self._file).st_size - self._at

    def read(self) -> bytes:
        """The next bytes, 1 MiB at most; b"" when there are none.

        What another process has given up (see `trim`) is passed over; there stands
        how much it was.
        """
        while True:
            start = _data_from(self._file, self._at)
            data = os.pread(self._file, READ_BYTES, start)
            # Race: 1. we find where the data begins; 2. another process trims it;
            # 3. we read zeros. So we look once more, and begin where it begins now.
            if _data_from(self._file, self._at) == start:
                break
        skipped = start > self._at
        self._at = start + len(data)
        return data.lstrip(b"\0") if skipped else data

    def release(self) -> None:
        """Zero what was read, and give its blocks back."""
        whole = self._at - self._at % _BLOCK_BYTES
        start = self._punched
        if whole > start and _punch(self._file, start, whole - start):
            self._punched = start = whole
        # The rest of a block, and all of it where there are no holes.
        while start < self._at:
            count = min(self._at - start, READ_BYTES)
            os.pwrite(self._file, bytes(count), start)
            start += count

    def restore(self) -> None:
        """Make the descriptor what it was, unless somebody has changed it since."""
        try:
            mine = os.path.sameopenfile(self.fd, self._file)
        except OSError:
            mine = False
        if mine and self.saved is not None:
            os.dup2(self.saved, self.fd)
        elif mine:
            os.close(self.fd)

    def close(self) -> None:
        """Remove the file."""
        os.close(self._file)
        if self.saved is not None:
            os.close(self.saved)
            self.saved = None
        self.path.unlink(missing_ok=True)


def _above_standard(fd: int) -> int:
    """The same file by another number, where it got that of a closed stdout."""
    if fd >= _FIRST_FREE:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    finally:
        os.close(fd)


class Marked:
    """Takes out of a stream of bytes what stands between marks, across reads."""

    def __init__(self) -> None:
        self._rest = b""
        self._inside = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What was not marked, and everything without the marks themselves."""
        data = self._rest + data
        self._rest = b""
        plain: list[bytes] = []
        everything: list[bytes] = []
        while data:
            mark = _OFF if self._inside else _ON
            at = data.find(mark)
            end = at if at >= 0 else len(data) - _overlap(data, mark)
            everything.append(data[:end])
            if not self._inside:
                plain.append(data[:end])
            if at < 0:
                self._rest = data[end:]
                break
            self._inside = not self._inside
            data = data[at + len(mark) :]
        return b"".join(plain), b"".join(everything)


def trim(path: Path, limit_bytes: int) -> int:
    """Give up the oldest of what nobody has read of a file that has grown too long.

    For another process than the one that writes it, when that does not get to read:
    it may hold its interpreter lock in code that writes. A note of how much is
    missing is left where it stood.

    Args:
        limit_bytes: Unread bytes that may stay.

    Returns:
        Bytes that are given up now; 0 also where files have no holes.

    Raises:
        OSError: There is no such file, or it cannot be changed.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        start = _data_from(fd, 0)
        end = os.fstat(fd).st_size - limit_bytes
        end -= end % _BLOCK_BYTES
        if end - start < _BLOCK_BYTES:
            return 0
        first = os.pread(fd, _BLOCK_BYTES, start).lstrip(b"\0")
        if not _punch(fd, start, end - start):
            return 0
        count = end - start - _BLOCK_BYTES + len(first)
        total, before = count, _NOTED.match(first)
        if before is not None:
            count -= len(before.group())
            total = count + int(before[1])
        note = _NOTE % total
        os.pwrite(fd, note, end - len(note))
        return count
    finally:
        os.close(fd)


def _data_from(fd: int, start: int) -> int:
    """Where the next data of a file begin, holes left out; *start* without any."""
    try:
        return os.lseek(fd, start, os.SEEK_DATA)
    except OSError:  # ENXIO: a hole to the end; EINVAL: no holes here
        return start


def leftover(path: Path) -> list[str]:
    """The lines in the file of a dead process that nobody has read.

    Raises:
        OSError: There is no such file, or it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        start = _data_from(fd, 0)
        kept = b""
        while data := os.pread(fd, READ_BYTES, start):
            start += len(data)
            kept = kept + data if kept else data.lstrip(b"\0")
    finally:
        os.close(fd)
    plain, _everything = Marked().feed(kept)
    return plain.decode("utf-8", "backslashreplace").splitlines()


def _overlap(data: bytes, mark: bytes) -> int:
    """Bytes at the end of *data* that may be the beginning of *mark*."""
    for count in range(min(len(mark) - 1, len(data)), 0, -1):
        if data.endswith(mark[:count]):
            return count
    return 0


def _punch(fd: int, start: int, count: int) -> bool:
    try:
        if sys.platform == "darwin":
            hole = struct.pack("=IIqq", 0, 0, start, count)
            fcntl.fcntl(fd, _PUNCH_MACOS, hole)
            return True
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
        size = ctypes.c_int64
        return bool(fallocate(fd, _PUNCH_LINUX, size(start), size(count)) == 0)
    except (AttributeError, OSError):
        return False
