"""Lines at a bad moment, by every road: there once, whole, and of the right input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from telemetry.capture.blackbox.places import boxes_directory
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.line import Line
from tests.capture.hostile_moments import MOMENTS

MARK = re.compile(r"[a-z][a-z-]*(?:\d+)?\|\w+\|\d+")
PRINTED = re.compile(r"\|(print|stderr)\|")


def left_behind(folder: Path) -> list[Line]:
    """All lines with a mark, of the process and of those that it has forked."""
    found: list[Line] = []
    for path in boxes_directory(folder).glob("*.box"):
        with BoxReader(path) as reader:
            found += [line_of(each) for each in reader.poll() if each[0] in LINE_KINDS]
            assert reader.damaged == 0
            assert not any(reader.dropped().values())
    return [line for line in found if "|" in line.event]


@pytest.mark.parametrize("moment", MOMENTS)
def test_moment(tmp_path: Path, moment: str) -> None:
    """No line is missing or doubled, nothing raises or hangs, and no id is wrong."""
    command = [sys.executable, "-m", "tests.capture.hostile_moments"]
    done = subprocess.run(
        [*command, moment, str(tmp_path)], capture_output=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    marks, errors = json.loads((tmp_path / "said.json").read_text("utf-8"))
    assert errors == []
    said = set(marks)
    lines = left_behind(tmp_path)
    counts = Counter(mark for line in lines for mark in MARK.findall(line.event))
    # A print is two writes: what a signal handler prints in between stands there on
    # the terminal, too.
    joined = [x.event for x in lines if not MARK.fullmatch(x.event)]
    assert all(moment == "signalled" and PRINTED.search(event) for event in joined)

    assert said - counts.keys() == set()
    assert {mark for mark in counts if not mark.startswith("after|")} - said == set()
    assert set(counts.values()) == {1}
    assert {x.input_id or x.candidates[0] for x in lines} <= {"in-main", "in-thread"}
