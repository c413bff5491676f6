"""What processes use: CPU time of a whole tree, resident memory of one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class TreeClock:
    """CPU time of this process and its living descendants, between two moments.

    Looking costs CPU too: this process is looked at last at the start and first at
    the end, so that the cost falls outside. Threads and processes that end in
    between are not counted. Source: /proc/PID/task/TID/schedstat, nanoseconds on a
    CPU first; Linux only.
    """

    def __init__(self) -> None:
        self._available = (_PROC / "self" / "schedstat").exists()
        self._own_ns = self._others_ns = 0

    def start(self) -> None:
        """Begin to measure."""
        if self._available:
            self._others_ns = _cpu_ns(_descendants())
            self._own_ns = _cpu_ns([os.getpid()])

    def used_s(self) -> float | None:
        """CPU seconds since `start`; None where the system does not tell."""
        if not self._available:
            return None
        own_ns = _cpu_ns([os.getpid()]) - self._own_ns
        return (own_ns + _cpu_ns(_descendants()) - self._others_ns) / 1e9


def cpu_s(pid: int) -> float | None:
    """CPU seconds of a process so far; None where the system does not tell."""
    return _cpu_ns([pid]) / 1e9 if (_PROC / str(pid) / "schedstat").exists() else None


def rss_bytes(pid: int | None = None) -> int:
    """Resident memory of a process; of this one when no pid is given."""
    number = os.getpid() if pid is None else pid
    statm = _PROC / str(number) / "statm"
    if statm.exists():
        return int(statm.read_text("ascii").split()[1]) * _PAGE_BYTES
    answer = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(number)],  # noqa: S607 - where macOS has it
        capture_output=True,
        text=True,
        check=True,
    )
    return int(answer.stdout) * 1024


def own_bytes(pid: int) -> int:
    """Resident memory of a process without that of files that it maps, on Linux."""
    statm = _PROC / str(pid) / "statm"
    if not statm.exists():
        return rss_bytes(pid)
    _, resident, of_files = statm.read_text("ascii").split()[:3]
    return (int(resident) - int(of_files)) * _PAGE_BYTES


def _cpu_ns(pids: Iterable[int]) -> int:
    total_ns = 0
    for pid in pids:
        try:
            for task in os.listdir(f"{_PROC}/{pid}/task"):  # noqa: PTH208 - there may be a thousand
                text = _read(f"{_PROC}/{pid}/task/{task}/schedstat")
                total_ns += int(text.split(maxsplit=1)[0])
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return total_ns


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for name in os.listdir(_PROC):  # noqa: PTH208 - as above
        if not name.isdigit():
            continue
        try:
            stat = _read(f"{_PROC}/{name}/stat")
        except OSError:
            continue
        # The name of the program is in brackets and may hold anything.
        parents[int(name)] = int(stat.rsplit(b")", 1)[1].split()[1])
    found: set[int] = set()
    wanted = {os.getpid()}
    while wanted := {pid for pid, up in parents.items() if up in wanted} - found:
        found |= wanted
    return found


def _read(path: str) -> bytes:
    # Not open(): a file object costs several times what the kernel's answer does.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 1024)
    finally:
        os.close(descriptor)
