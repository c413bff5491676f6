"""Fifty tasks and fifty threads on every road at once: whose line is whose."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from telemetry.capture.blackbox.places import boxes_directory
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.line import Line
from tests.capture.mixed_roads import CHILDREN, HERE, TASKS

COUNT = 50
LINES = 5


def expected() -> set[str]:
    """Every mark that was written."""
    found: set[str] = set()
    for kind in ("task", "thread"):
        for number in range(COUNT):
            roads = HERE + (TASKS if kind == "task" else ())
            roads += CHILDREN if number == 0 else ()
            name = f"in-{kind}-{number}"
            found |= {f"{name}|{r}|{n}" for r in roads for n in range(LINES)}
    return found


@pytest.fixture(scope="module", params=["library", "container"])
def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a program that has run to its end, with its output or without."""
    folder = tmp_path_factory.mktemp("mixed")
    folder.chmod(0o700)
    command = [sys.executable, "-m", "tests.capture.mixed_roads", str(folder)]
    command += [str(COUNT), str(LINES), request.param]
    done = subprocess.run(command, capture_output=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return folder


@pytest.fixture(scope="module")
def lines(ran: Path) -> list[Line]:
    """All lines of all its processes that have a mark."""
    found: list[Line] = []
    for path in boxes_directory(ran).glob("*.box"):
        with BoxReader(path) as reader:
            found += [line_of(each) for each in reader.poll() if each[0] in LINE_KINDS]
            assert reader.damaged == 0
            assert not any(reader.dropped().values())
    return [line for line in found if "|" in line.event]


def test_none_is_missing_torn_or_doubled(lines: list[Line]) -> None:
    """Each mark is there once, and nothing else is."""
    counts = Counter(line.event for line in lines)

    assert set(counts) == expected()
    assert set(counts.values()) == {1}


def test_every_line_has_the_id_of_its_input(lines: list[Line]) -> None:
    """Whatever the road, and however many inputs share the thread."""
    wrong = {x.event: x.input_id for x in lines if x.input_id != x.event.split("|")[0]}

    assert wrong == {}
    assert not any(line.candidates or line.late for line in lines)


def test_lines_say_which_road_they_came(lines: list[Line]) -> None:
    """The level, the stream and the logger are those of the road."""
    told = {x.event.split("|")[1]: (x.level, x.logger, x.stream) for x in lines}

    assert told["get_logger"] == ("info", "ours", None)
    assert told["logging"] == ("info", "app", None)
    assert told["extra"] == ("warning", "app", None)
    assert told["print"] == ("info", None, "stdout")
    assert told["stderr"] == ("warning", None, "stderr")
    assert told["warnings"][0] == "warning"


def test_spans_belong_to_their_inputs(ran: Path, lines: list[Line]) -> None:
    """A span of the program has its input's id, and the line within it the span's."""
    spans = json.loads((ran / "spans.json").read_text("utf-8"))
    own = {name: span for name, span in spans.items() if "|span|" in name}
    within = {x.event: x for x in lines if x.event in own}

    assert len(own) == 2 * COUNT * LINES == len(within)
    for name, (input_id, trace_id, span_id) in own.items():
        assert input_id == name.split("|")[0]
        assert (within[name].trace_id, within[name].span_id) == (trace_id, span_id)


def test_lines_of_an_input_share_its_trace(lines: list[Line]) -> None:
    """Those of its workers and of its children included."""
    traces: dict[str | None, set[str | None]] = {}
    for line in lines:
        traces.setdefault(line.input_id, set()).add(line.trace_id)

    assert {len(found) for found in traces.values()} == {1}
