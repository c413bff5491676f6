"""A real run of the app that does everything, and what it left in black boxes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from telemetry.capture.blackbox.places import (
    SUFFIX,
    base_directory,
    boxes_directory,
)
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import (
    EXECUTION,
    LINE_KINDS,
    RUNTIME,
    line_of,
)
from telemetry.capture.line import Line
from telemetry.capture.runtime_records import PoolMeasured, Record, record_of
from telemetry.capture.settings import in_force
from telemetry.capture.span_records import Settled
from telemetry.runtime import run
from telemetry.runtime.driver.session import DriverSession
from telemetry.runtime.exception import FunctionTimeoutError, InputCancelledError
from tests.pipeline.metrics import everything
from tests.runtime.semantics import gates


class Journalled(DriverSession):
    """The session of an app whose boxes an agent would read."""

    @classmethod
    def start(cls, app_name: str, **given: Any) -> DriverSession:
        return DriverSession.start(app_name, **{**given, "journal": True})


class Left:
    """What the run has left.

    Attributes:
        records: With their Unix times, from the driver's box.
        lines: Of all boxes; those of the driver alone.
        executions: From the containers' boxes.
        observed: What an observer was given.
    """

    def __init__(self) -> None:
        self.observed: list[Record] = []
        self.records: list[tuple[int, Record]] = []
        self.lines: list[Line] = []
        self.driver_lines: list[Line] = []
        self.executions: list[Settled] = []
        self.box: Path | None = None

    def of(self, *kinds: type[Any]) -> list[Any]:
        """The records of some kinds."""
        return [each for _, each in self.records if isinstance(each, kinds)]

    def line_counts(self) -> Counter[tuple[bool, str]]:
        """Lines of containers, by whether they know their input, and function."""
        return Counter(
            (line.input_id is not None, line.function or "") for line in self.lines
        )

    def until_measured(self, true: Callable[[PoolMeasured], object]) -> None:
        """Wait until a pool was measured in that state."""

        def found() -> bool:
            measured = [e for e in list(self.observed) if isinstance(e, PoolMeasured)]
            return any(true(each) for each in measured)

        gates.until(found, "a measure of a pool")

    def read(self, folder: Path, before: set[Path]) -> None:
        """Take in the boxes that were not there before."""
        for path in sorted(set(folder.glob(f"*{SUFFIX}")) - before):
            with BoxReader(path) as reader:
                identity, found = reader.identity(), reader.poll_found()
            if identity.get("app") != everything.app.name:
                continue
            is_driver = identity.get("kind") == "driver"
            self.box = path if is_driver else self.box
            for each in found:
                self._take(each.record, is_driver=is_driver)

    def _take(self, record: Sequence[Any], *, is_driver: bool) -> None:
        if record[0] in LINE_KINDS:
            lines = self.driver_lines if is_driver else self.lines
            lines.append(line_of(record))
        elif record[0] == EXECUTION:
            self.executions.append(msgspec.convert(record[3], Settled))
        elif record[0] == RUNTIME:
            known = record_of(record[3], record[4])
            assert known is not None
            self.records.append((record[2], known))


@contextmanager
def journalled(left: Left, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The app runs, keeps a journal, and leaves all its boxes."""
    patch.setattr(run, "DriverSession", Journalled)
    folder = boxes_directory(base_directory(in_force().directory))
    before = set(folder.glob(f"*{SUFFIX}"))
    with everything.app.run(on_record=left.observed.append):
        yield
    left.read(folder, before)
    for path in set(folder.glob("*")) - before:
        path.unlink()


def run_everything(left: Left, folder: Path) -> None:
    """Call everything there is, each to its end."""
    _burst(left, folder)
    _cancel(left, folder)
    with pytest.raises(ValueError, match="on purpose"):
        everything.fails.remote()
    with pytest.raises(FunctionTimeoutError):
        everything.late.remote()
    assert everything.dies_once.remote() == 1
    everything.holds_the_loop.remote()
    assert sorted(everything.embed.map(range(3))) == [0, 1, 2]
    unsendable: Any = threading.Lock()
    with pytest.raises(Exception, match="pickle"):
        everything.alone.remote(folder, unsendable)
    everything.logs_late.remote(folder)
    gates.open_gate(folder, "settled")
    gates.wait(folder, "late")


def _burst(left: Left, folder: Path) -> None:
    """Four in a container that should have two, and one that waits."""
    names = [f"burst {number}" for number in range(5)]
    calls = [everything.task.spawn(folder, name) for name in names]
    gates.began(folder, *names[:4])
    left.until_measured(lambda pool: (pool.running, pool.queued) == (4, 1))
    gates.release(folder, *names)
    assert [call.get(20) for call in calls] == names


def _cancel(left: Left, folder: Path) -> None:
    """A task, one that waits, one that clings, one that takes its container along."""
    running = everything.task.spawn(folder, "running")
    gates.began(folder, "running")
    running.cancel()
    clinging = everything.clings.spawn(folder, "clinging")
    gates.began(folder, "clinging")
    clinging.cancel()
    left.until_measured(lambda pool: any(each.stuck for each in pool.containers))
    gates.open_gate(folder, "clinging.unwind")
    first = everything.alone.spawn(folder, "first")
    gates.began(folder, "first")
    waiting = everything.alone.spawn(folder, "waiting")
    waiting.cancel()
    gates.release(folder, "first")
    assert first.get(20) == "first"
    calls = [everything.together.spawn(folder, name) for name in ("a", "b")]
    gates.began(folder, "a", "b")
    calls[0].cancel()
    gates.began(folder, "b", attempt=1)
    gates.release(folder, "b")
    assert calls[1].get(20) == "b"
    for call in (running, clinging, waiting, calls[0]):
        with pytest.raises(InputCancelledError):
            call.get(20)
