"""The driver's own black box: records, and the lines that it writes for its inputs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture import scrubbing, sink
from telemetry.capture.blackbox.places import is_written
from telemetry.capture.blackbox.reader import BoxReader
from telemetry.capture.blackbox.records import LINE_KINDS, RUNTIME, line_of
from telemetry.capture.line import Line
from telemetry.capture.runtime_records import (
    ContainerStarting,
    InputInterrupted,
    InputRejected,
    InputSettled,
    InputStarted,
    PoolDeclared,
    Record,
    record_of,
)
from telemetry.capture.scrubbing import Scrubber
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.core.trace_context import TraceParent, execution_span, packed
from telemetry.policy.bursts import Zone
from telemetry.policy.heartbeats import EVERY_S
from telemetry.runtime.driver.journal import Journal
from tests.runtime.semantics import gates

INPUT = "in-01J00000000000000000RUNNN0"
TRACE = packed(TraceParent(7, 8))

STARTED = InputStarted(
    *(100.0, "Model.go", INPUT, "fc-0", 1, "ct-0", 3, 2, Zone.NORMAL, 0.25, "none", 1),
    None,
    "app/Model",
    TRACE,
)
SETTLED = InputSettled(
    *(103.5, "Model.go", INPUT, "fc-0", Outcome.LOST, 1, "ct-0", 3, Zone.NORMAL),
    *(0.25, 3.4, 9.0, None, "app/Model", TRACE),
    died=True,
)
DECLARED = PoolDeclared(
    *(99.0, "Model", "app/Model", "app", {"Model.go": "sync"}, "sync", 2, 4, 0, 1, 0),
    *(60.0, 300.0, "container"),
)


class Box:
    """A journal, and what was found in its box."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "dv-0.box"
        self.journal = Journal(folder, "dv-0", {"service_name": "s"}, 1 << 20)

    def found(self) -> list[list[Any]]:
        """Everything in it."""
        with BoxReader(self.path) as reader:
            return [list(each) for each in reader.poll()]

    def records(self) -> list[Record | None]:
        """The records in it."""
        rows = [each for each in self.found() if each[0] == RUNTIME]
        return [record_of(name, fields) for _, _, _, name, fields in rows]

    def lines(self) -> list[Line]:
        """The lines in it."""
        return [line_of(each) for each in self.found() if each[0] in LINE_KINDS]

    def identity(self) -> dict[str, Any]:
        """Who writes there."""
        with BoxReader(self.path) as reader:
            return reader.identity()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A journal that is open."""
    made = Box(tmp_path)
    yield made
    made.journal.close()


def test_records_are_there_as_they_were(box: Box) -> None:
    """In order, whole, and of their own types."""
    written: list[Record] = [DECLARED, STARTED, SETTLED._replace(died=False)]
    for record in written:
        box.journal.write(record)

    assert box.records() == written


def test_times_are_mapped_by_the_clock_of_the_box(box: Box) -> None:
    """Whoever has the identity can map every other time of a record alike."""
    box.journal.write(STARTED)
    who = box.identity()
    (row,) = box.found()

    assert row[2] == who["started_unix_ns"] + 100_000_000_000 - who["monotonic_ns"]
    assert (who["kind"], who["service_name"]) == ("driver", "s")


def test_a_process_that_died_is_in_the_log_of_its_inputs(box: Box) -> None:
    """Where it ran, in which attempt and for how long: a line of the input's own."""
    box.journal.write(STARTED)
    box.journal.write(SETTLED)
    (line,) = box.lines()
    span = execution_span(INPUT, 1, TraceParent(7, 8))

    assert (line.event, line.level) == (names.EVENT_INPUT_INTERRUPTED, "warning")
    assert (line.input_id, line.container_id, line.slot) == (INPUT, "ct-0", 3)
    assert (line.function, line.attempt) == ("Model.go", 1)
    assert (line.trace_id, line.span_id) == (f"{7:032x}", f"{span.span_id:016x}")
    assert line.fields[names.INPUT_ELAPSED_S] == 3.5
    assert line.fields[names.INPUT_SLOT] == 3
    assert line.unix_ns == box.found()[1][2]


def test_one_that_runs_again_elsewhere_is_in_its_log_too(box: Box) -> None:
    """With what this execution came to."""
    box.journal.write(STARTED)
    box.journal.write(
        InputInterrupted(
            *(101.0, "Model.go", INPUT, "fc-0", 1, "ct-0", 3, 1.0, "lost"), died=True
        )
    )
    (line,) = box.lines()

    assert line.fields[names.INPUT_OUTCOME] == "lost"


@pytest.mark.parametrize("record", [SETTLED._replace(died=False), STARTED, DECLARED])
def test_all_else_says_nothing_in_the_log(box: Box, record: Record) -> None:
    """No line for each input: its record and its span have it."""
    box.journal.write(STARTED)
    box.journal.write(record)

    assert box.lines() == []


def test_a_long_execution_gives_signs_of_life(box: Box) -> None:
    """Every half a minute, with the elapsed time, until it ends."""
    box.journal.write(STARTED)
    for second in range(1, 70):
        box.journal.look(100.0 + second)
    box.journal.write(SETTLED._replace(at_s=170.0, died=False))
    box.journal.look(300.0)
    lines = box.lines()

    assert [line.event for line in lines] == [names.EVENT_INPUT_HEARTBEAT] * 2
    assert [line.fields[names.INPUT_ELAPSED_S] for line in lines] == [
        EVERY_S,
        2 * EVERY_S,
    ]
    assert {(line.input_id, line.slot) for line in lines} == {(INPUT, 3)}


def test_what_ran_before_records_were_missed_gives_no_sign(box: Box) -> None:
    """Its end may have been among them: no sign is better than a wrong one."""
    box.journal.write(STARTED)
    box.journal.missed(7)
    box.journal.look(200.0)
    with BoxReader(box.path) as reader:
        dropped = reader.dropped()

    assert (box.lines(), dropped["internal"]) == ([], 7)


def test_pools_are_declared_again(box: Box) -> None:
    """The newest word of each, so that later records can be understood alone."""
    other = DECLARED._replace(pool="app/other")
    newer = DECLARED._replace(max_containers=9)
    for record in (DECLARED, other, newer):
        box.journal.write(record)
    box.journal.look(float("-inf"))
    assert len(box.records()) == 3
    box.journal.look(float("inf"))

    assert box.records()[3:] == [newer, other]


@pytest.mark.parametrize(
    "record",
    [
        SETTLED._replace(error="ValueError: password=hunter2secret", died=False),
        InputRejected(1.0, "f", INPUT, "fc-0", "arguments", "password=hunter2secret"),
    ],
)
def test_secrets_of_a_users_exception_do_not_get_there(
    box: Box, record: Record
) -> None:
    """What was raised outside of a container is scrubbed as any line is."""
    before = scrubbing.set_scrubber(Scrubber())
    try:
        box.journal.write(record)
    finally:
        scrubbing.set_scrubber(before)
    (found,) = box.records()

    assert isinstance(found, InputSettled | InputRejected)
    assert "hunter2" not in found.error and found.error


def test_a_record_that_cannot_be_written_costs_no_other(box: Box) -> None:
    """It is counted in the box; who reports it is not harmed."""
    what: Any = object()
    broken = ContainerStarting(1.0, "f", what)
    raising = sink.raise_failures(enabled=False)
    try:
        box.journal.write(broken)
    finally:
        sink.raise_failures(enabled=raising)
    box.journal.write(STARTED)
    with BoxReader(box.path) as reader:
        dropped = reader.dropped()

    assert (dropped["internal"], box.records()) == (1, [STARTED])


_FORKING = """
import os, sys
from pathlib import Path
from telemetry.runtime.driver.journal import Journal
from tests.runtime.semantics import gates
folder = Path(sys.argv[1])
journal = Journal(folder, "dv-0", {}, 1 << 20)
if os.fork() == 0:
    gates.open_gate(folder, "forked")
    gates.wait(folder, "end")
    os._exit(0)
gates.wait(folder, "forked")
os._exit(0)
"""


def test_a_forked_child_does_not_hold_the_box(tmp_path: Path) -> None:
    """Once the driver is gone its box is nobody's, whatever it forked lives on."""
    command = [sys.executable, "-c", _FORKING, str(tmp_path)]
    try:
        subprocess.run(
            command, check=True, timeout=30, cwd=Path(gates.__file__).parents[3]
        )
        assert not is_written(tmp_path / "dv-0.box")
    finally:
        gates.open_gate(tmp_path, "end")
