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
_FORK = """
import os, sys
from pathlib import Path
from telemetry.pipeline.agent.lock import AgentLock
lock = AgentLock(Path(sys.argv[1]))
assert lock.acquire()
is_forked, has_forked = os.pipe()
if not os.fork():
    os.write(has_forked, b"x")
    sys.stdin.read()
    os._exit(0)
os.read(is_forked, 1)
print("forked", flush=True)
if sys.argv[2] == "close":
    lock.close()
    print("closed", flush=True)
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


def test_a_forked_child_does_not_hold_it(tmp_path: Path) -> None:
    """However its parent ends: it lets go, or is killed; workers live on."""
    path = tmp_path / "agent.lock"
    for end in ("close", "kill"):
        with subprocess.Popen(
            [sys.executable, "-c", _FORK, str(path), end],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"forked\n"
            if end == "kill":
                process.kill()
                process.wait()
            else:
                assert process.stdout.readline() == b"closed\n"

            with AgentLock(path) as other:
                assert other.acquire()


def test_a_lock_that_was_removed(tmp_path: Path) -> None:
    """Who holds it can see that others do not."""
    with AgentLock(tmp_path / "agent.lock") as lock:
        lock.acquire()
        assert lock.is_in_place

        (tmp_path / "agent.lock").unlink()
        assert not lock.is_in_place

        (tmp_path / "agent.lock").write_text("of others")
        assert not lock.is_in_place


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
