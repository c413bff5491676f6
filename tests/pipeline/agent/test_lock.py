"""One agent for each folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from telemetry.pipeline.agent.lock import AgentLock, holder

_HOLD = """
import sys, time
from pathlib import Path
from telemetry.pipeline.agent.lock import AgentLock
lock = AgentLock(Path(sys.argv[1]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    """The second gets it only when the first has let go."""
    path = tmp_path / "agent.lock"
    with AgentLock(path) as first, AgentLock(path) as second:
        assert first.acquire()
        assert not second.acquire()

        first.close()

        assert second.acquire()


def test_it_ends_with_its_process(tmp_path: Path) -> None:
    """Whatever kills the holder, the lock is free afterwards."""
    path = tmp_path / "agent.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert holder(path) == process.pid

        process.kill()
        process.wait()

    assert holder(path) is None


def test_who_leaves_says_so(tmp_path: Path) -> None:
    """The one that comes after knows that waiting is worth while."""
    path = tmp_path / "agent.lock"
    with AgentLock(path) as first, AgentLock(path) as second:
        first.acquire()
        assert not second.is_holder_leaving

        first.leaving(going=True)
        assert second.is_holder_leaving

        first.leaving(going=False)
        assert not second.is_holder_leaving


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    """Asking makes no file."""
    assert holder(tmp_path / "agent.lock") is None
    assert not (tmp_path / "agent.lock").exists()
