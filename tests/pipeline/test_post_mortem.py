"""A report about a box says what its process was at, whatever the box holds."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.capture.wording import Ink, duration, size
from telemetry.pipeline.post_mortem import Autopsy, PostMortem, sound_line
from telemetry.pipeline.post_mortem_json import report_data
from telemetry.pipeline.post_mortem_text import json_text, report_text
from tests.pipeline import boxes

PLAIN = Ink(colour=False)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The box of a process that was killed while five inputs ran."""
    return boxes.left_by(tmp_path_factory.mktemp("boxes"))


def report_of(path: Path, count: int | None = 20, input_id: str = "") -> PostMortem:
    """The report about one box."""
    autopsy = Autopsy(path, count=count, input_id=input_id)
    try:
        return autopsy.report()
    finally:
        autopsy.close()


def test_killed_is_told_from_ended(killed: Path, tmp_path: Path) -> None:
    """Who was killed has said no goodbye."""
    ended = boxes.left_by(tmp_path / "ended", how="end")

    assert report_of(killed).box.state == "died"
    assert report_of(ended).box.state == "ended"


def test_what_ran_is_named_with_its_time(killed: Path) -> None:
    """Five inputs ran for two seconds until the end; one was cancelled."""
    found = report_of(killed)

    assert [slot.slot for slot in found.box.slots] == [0, 1, 2, 3, 4]
    assert [slot.cancelled for slot in found.box.slots].index(True) == 3
    assert all(2 <= found.elapsed_s(slot) < 60 for slot in found.box.slots)
    text = report_text(found, PLAIN)
    assert "5 inputs running when it died" in text
    assert "NNN0  resize" in text
    assert found.voices["in-01J00000000000000000RUNNN4"].lines == 1


def test_times_of_the_dead_stand_still(killed: Path) -> None:
    """How long a dead input ran does not grow while nobody looks."""
    first, second = report_of(killed), report_of(killed)

    assert first.elapsed_s(first.box.slots[0]) == second.elapsed_s(second.box.slots[0])


def test_loop_drops_and_executions_are_told(killed: Path) -> None:
    """A blocked loop, dropped records and the last outcomes each have their part."""
    text = report_text(report_of(killed), PLAIN)

    assert "Event loop was blocked for 4.0 s" in text
    assert "no input's code had held it for 1.5 s" in text
    assert "7 records dropped" in text
    assert "larger than an eighth of the budget (oversize)" in text
    assert "KeyError: 'k'" in text


@pytest.mark.parametrize(("busy_ms", "is_blocked"), [(99, False), (101, True)])
def test_loop_is_blocked_from_when_the_watchdog_says_so(
    killed: Path, busy_ms: int, is_blocked: bool
) -> None:
    """A tenth of a second at one thing; what is shorter is the loop at work."""
    found = report_of(killed)
    found.busy_since_ns = found.until_ns - busy_ms * 1_000_000

    assert ("was blocked for" in report_text(found, PLAIN)) == is_blocked


def test_lines_are_limited_and_chosen(killed: Path) -> None:
    """The last lines come, and of one input only its own."""
    found = report_of(killed, count=2)
    assert [line.event for line in found.lines] == ["line 3", "line 4"]
    assert found.line_count == 5
    assert "Last 2 lines of 5" in report_text(found, PLAIN)

    assert [line.event for line in report_of(killed, None, "RUNNN1").lines] == [
        "line 1"
    ]
    assert report_of(killed, 0).lines == []


def test_nothing_a_line_holds_reaches_the_terminal(killed: Path) -> None:
    """An escape sequence in a line is shown as text, and colour is ours alone."""
    assert "\x1b" not in report_text(report_of(killed), PLAIN)
    assert "\x1b[2J" not in report_text(report_of(killed), Ink(colour=True))


def test_files_beside_the_box_are_shown(killed: Path, tmp_path: Path) -> None:
    """The stack of a blocked loop, and what was left in the descriptors' files."""
    path = Path(shutil.copy(killed, tmp_path / "x.box"))
    stack = 'Stack (most recent call first):\n  File "a.py", line 1 in stuck\n'
    path.with_suffix(".stack").write_text(f'{{"pid": 1}}\nold {stack}{stack}')
    path.with_suffix(".err").write_text("Fatal\x1b[2J error: segfault\n")

    text = report_text(report_of(path), PLAIN)

    assert text.count("in stuck") == 1
    assert "Left in stderr" in text
    assert "Fatal\\x1b[2J error" in text


def test_full_ids_are_for_machines(killed: Path) -> None:
    """The JSON has whole ids, and is encodable."""
    data = report_data(report_of(killed))

    assert data["slots"][0]["input_id"] == "in-01J00000000000000000RUNNN0"
    assert data["dropped"]["oversize"] == 7
    assert data["executions"][0]["outcome"] == "error"
    assert json_text(data).startswith("{")


def test_garbage_never_crashes(killed: Path, tmp_path: Path) -> None:
    """A box with bytes overwritten or cut off is reported, or refused with a word."""
    whole = killed.read_bytes()
    path = tmp_path / "x.box"
    generator = random.Random(7)
    for round_ in range(150):
        data = bytearray(whole)
        places = (8, 32, 64, 256, 4096, 4200, len(data) - 4000)
        start = generator.choice(places)
        for _ in range(generator.randrange(1, 40)):
            data[generator.randrange(start, min(start + 300, len(data)))] = (
                generator.randrange(256)
            )
        if round_ % 5 == 0:
            del data[generator.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            found = report_of(path)
        except NotABoxError:
            continue
        report_text(found, PLAIN)
        json_text(report_data(found))


@pytest.mark.parametrize(
    "record",
    [
        [20, ["x", {}], [7, None, "f", 0], "t", [1, "a number as the id", [], {}]],
        [20, ["x", {}], None, {"a": 1}, [1, "no name as the thread", [], {}]],
        [20, ["x", {}], None, "t", [1.5, "no whole number as the time", [], {}]],
        [
            20,
            ["x", {}],
            None,
            "t",
            [1, "a list as the traceback", [], {}],
            {"exception": []},
        ],
        [20, "x"],
    ],
)
def test_record_of_wrong_types_is_no_line(record: list[object]) -> None:
    """What can be decoded and is no line is left out, before anybody draws it."""
    assert sound_line(record) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0002, "200 us"),
        (0.9996, "1.0 s"),
        (59.96, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    """A duration is rounded to what a person wants of it."""
    assert duration(seconds) == text


def test_sizes_read_well() -> None:
    """A size is in the unit that fits."""
    assert [size(n) for n in (3, 1536, 64 << 20)] == ["3 B", "1.5 KiB", "64 MiB"]
