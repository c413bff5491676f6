"""What processes use: CPU time of a whole tree, resident memory of one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def tree_cpu_s() -> float | None:
    """CPU seconds of this process and its living descendants; None off Linux.

    Threads that have ended are not counted, so nothing that is measured may end
    one. Source: /proc/PID/task/TID/schedstat, nanoseconds on a CPU first.
    """
    if not (_PROC / "self" / "schedstat").exists():
        return None
    total_ns = 0
    for pid in _tree():
        try:
            for task in os.scandir(f"/proc/{pid}/task"):
                text = Path(task.path, "schedstat").read_text("ascii")
                total_ns += int(text.split(maxsplit=1)[0])
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return total_ns / 1e9


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


def _tree() -> set[int]:
    parents: dict[int, int] = {}
    for name in os.listdir(_PROC):
        if not name.isdigit():
            continue
        try:
            stat = (_PROC / name / "stat").read_text("ascii", "replace")
        except OSError:
            continue
        # The name of the program is in brackets and may hold anything.
        parents[int(name)] = int(stat.rsplit(")", 1)[1].split()[1])
    tree = {os.getpid()}
    while more := {pid for pid, up in parents.items() if up in tree} - tree:
        tree |= more
    return tree
