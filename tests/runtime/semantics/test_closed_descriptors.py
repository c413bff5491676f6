"""A program may have closed its stdout or stderr, as a daemon does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.semantics import gates
from tests.runtime.semantics.apps import lifecycle

SCRIPT = Path(lifecycle.__file__).with_name("closed.py")
ROOT = SCRIPT.parents[4]


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_bodies_run_and_their_output_is_taken(
    closed: tuple[int, ...], tmp_path: Path
) -> None:
    """No socket of ours has the number of what was closed, here or in a container."""
    done = subprocess.run(
        [
            "sh",
            "-c",
            'exec "$@" ' + " ".join(f"{number}>&-" for number in closed),
            "sh",
            sys.executable,
            str(SCRIPT),
            str(tmp_path),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    shown = [] if 2 in closed else ["raw 1", "raw 2"]

    assert (done.returncode, gates.notes(tmp_path)) == (0, ["[True, True]"])
    assert [each for each in shown if each not in done.stderr] == []
    assert "uncaught" not in done.stderr
