"""What is written to a box is there afterwards, whatever happens to its process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import telemetry
from telemetry.capture import sink
from telemetry.capture.blackbox import blocks, current, places
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.reader import BoxReader, NotABoxError
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.line import Line
from telemetry.core.errors import InvalidError
from tests.capture.blackbox.writers import COUNT

MIB = 1 << 20


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the box lies; no console, so that loggers write to it alone."""
    console = sink.set_console(None)
    yield tmp_path
    current.close_box()
    sink.set_console(console)


def lines_in(records: Sequence[Sequence[Any]]) -> list[Line]:
    """The lines among *records*."""
    return [line_of(each) for each in records if each[0] in LINE_KINDS]


def test_a_chatty_input_costs_its_neighbours_nothing(folder: Path) -> None:
    """200,000 lines in a small box that nobody reads: all quiet lines are there."""
    box = current.open_box(BoxPlan(folder, "box", MIB))
    log = telemetry.get_logger()
    with telemetry.input_scope(input_id="in-chatty"):
        for number in range(200_000):
            log.info("chatter", n=number)
            if number % 1_000 == 0:
                with telemetry.input_scope(input_id=f"in-{number // 1_000 % 10}"):
                    log.info("quiet", n=number)

    with BoxReader(box.path) as reader:
        lines = lines_in(reader.poll())
        evicted = reader.dropped()["evicted"]
    quiet = [line.fields["n"] for line in lines if line.event == "quiet"]
    chatty = [line.fields["n"] for line in lines if line.event == "chatter"]
    assert quiet == [*range(0, 200_000, 1_000)]
    assert chatty[-1] == 199_999
    assert evicted == 200_000 - len(chatty)


def test_a_reader_keeps_up_with_eight_threads(folder: Path) -> None:
    """Each line comes once, whole, while blocks are changed and used anew."""
    box = current.open_box(BoxPlan(folder, "box", 64 * MIB))
    log, over = telemetry.get_logger(), threading.Event()
    seen: list[Line] = []

    def read() -> None:
        with BoxReader(box.path, taking=True) as reader:
            while True:
                last = over.is_set()
                records = reader.poll()
                seen.extend(lines_in(records))
                reader.taken()
                if last and not records:
                    return

    def write(me: int) -> None:
        with telemetry.input_scope(input_id=f"in-{me}"):
            for number in range(5_000):
                log.info("x" * 100, n=number)

    reading = threading.Thread(target=read)
    writing = [threading.Thread(target=write, args=(me,)) for me in range(8)]
    for each in (reading, *writing):
        each.start()
    for each in writing:
        each.join()
    over.set()
    reading.join()

    assert box.dropped()["evicted"] == 0
    for me in range(8):
        own = [line.fields["n"] for line in seen if line.input_id == f"in-{me}"]
        assert sorted(own, key=lambda n: int(str(n))) == [*range(5_000)]


@pytest.mark.parametrize("seed", range(12))
def test_a_killed_process_loses_no_line(tmp_path: Path, seed: int) -> None:
    """Every line whose call had returned is there, once and whole."""
    threads = 4
    counts = tmp_path / "counts"
    counts.write_bytes(bytes(threads * COUNT.size))
    command = [sys.executable, "-m", "tests.capture.blackbox.writers"]
    with subprocess.Popen(
        [*command, str(tmp_path), str(threads)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        # When it is hit is left to chance: that is the claim.
        time.sleep(random.Random(seed).uniform(0, 0.05))
        process.send_signal(
            random.Random(seed).choice((signal.SIGKILL, signal.SIGTERM))
        )
    returned = [count for (count,) in COUNT.iter_unpack(counts.read_bytes())]

    with BoxReader(tmp_path / "victim.box") as reader:
        lines = lines_in(reader.poll())
        assert reader.damaged == 0
        assert sum(reader.dropped().values()) == 0
    for me, count in enumerate(returned):
        own = [line.fields["n"] for line in lines if line.input_id == f"in-{me}"]
        # The call that was interrupted may have written its line already.
        assert own in ([*range(count)], [*range(count + 1)])
    assert not places.is_written(tmp_path / "victim.box")


def test_a_forked_child_has_a_box_of_its_own(folder: Path) -> None:
    """What it writes, in a scope that it has inherited too, is not its parent's."""
    box = current.open_box(BoxPlan(folder, "box", MIB))
    log = telemetry.get_logger()
    with telemetry.input_scope(input_id="in-0"):
        log.info("parent")
        pid = os.fork()
        if pid == 0:
            log.info("child")
            os._exit(0)
        os.waitpid(pid, 0)
        log.info("parent again")

    with BoxReader(box.path) as reader:
        assert [x.event for x in lines_in(reader.poll())] == ["parent", "parent again"]
    with BoxReader(folder / f"box.{pid}.box") as reader:
        assert reader.identity()["parent_box"] == "box"
        assert [x.input_id for x in lines_in(reader.poll())] == ["in-0"]


def test_a_full_disk_is_counted_and_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box keeps its size, gives up its own oldest, and says so."""
    box = current.open_box(BoxPlan(folder, "box", MIB))
    log = telemetry.get_logger()
    log.info("first")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blocks, "reserve", full)
    for number in range(500):
        log.info("more", n=number)

    assert box.disk_full
    with BoxReader(box.path) as reader:
        kept = lines_in(reader.poll())
        assert len(kept) + sum(reader.dropped().values()) == 501


def test_a_large_record_comes_back_whole(folder: Path) -> None:
    """Larger than a block: in pieces; larger than an eighth of the box: counted."""
    box = current.open_box(BoxPlan(folder, "box", MIB))
    text = "a b" * 20_000
    telemetry.get_logger().info(text)
    current.put(None, bytes(MIB // 4))

    with BoxReader(box.path) as reader:
        assert [line.event for line in lines_in(reader.poll())] == [text]
        assert reader.dropped()["oversize"] == 1


@pytest.mark.parametrize("data", [b"", b"INPUTBOX", b"x" * 5_000])
def test_what_is_no_box_is_refused(tmp_path: Path, data: bytes) -> None:
    """With one clear error."""
    path = tmp_path / "some.box"
    path.write_bytes(data)
    with pytest.raises(NotABoxError, match=r"some\.box"):
        BoxReader(path)


def test_the_folder_is_its_users_alone(tmp_path: Path) -> None:
    """One that others can enter is refused, and so is a link."""
    tmp_path.chmod(0o755)
    with pytest.raises(InvalidError, match="others can enter"):
        places.private_directory(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(InvalidError, match="not a folder"):
        places.private_directory(link)
    made = places.private_directory(tmp_path / "made")
    assert made.stat().st_mode & 0o777 == 0o700
