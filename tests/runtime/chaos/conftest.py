"""After every chaos test: no process, no descriptor, no file is left."""

from __future__ import annotations

import gc
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.chaos.books import MARK, Books, marked, until

DESCRIPTORS = Path("/proc/self/fd")


def _descriptors() -> dict[str, str]:
    found = {}
    for each in DESCRIPTORS.iterdir():
        try:
            found[each.name] = str(each.readlink())
        except OSError:
            continue  # the descriptor of the listing itself
    return found


@pytest.fixture
def books() -> Books:
    """The records of the test's run."""
    return Books()


@pytest.fixture
def mark() -> str:
    """What the environment of every process of the test's run says."""
    return uuid.uuid4().hex


@pytest.fixture(autouse=True)
def nothing_left(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Look for what a run has left behind."""
    if not DESCRIPTORS.is_dir():
        pytest.skip("looks for leaks in /proc")
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gc.collect()
    before, threads = _descriptors(), threading.active_count()
    yield
    gc.collect()
    until(lambda: not marked(mark), f"the end of all processes: {marked(mark)}", 10.0)
    until(
        lambda: threading.active_count() <= threads,
        f"the end of all threads: {threading.enumerate()}",
        10.0,
    )
    after = _descriptors()
    assert len(after) <= len(before), f"descriptors left: {set(after) - set(before)}"
    assert list(tmp_path.iterdir()) == []
