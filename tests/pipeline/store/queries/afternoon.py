"""What happened in the store of the tests of questions.

Two containers of ``translate``, A and B, and a program that does ``resize``. Times are
seconds since the beginning:

    A  slot 0: input 1 from 0 to 10, then 4 from 20 to 21, an error
       slot 1: input 2 from 2 to 6, cancelled; A has to go because of it
       slot 2: input 3 from 5 to 8, interrupted as its neighbour was cancelled
    B  slot 0: input 3 again from 9 to 15
               input 6 from 30 on, and still running
       (input 5 was cancelled in the queue)
    program: inputs 7 (40 to 41) and 8 (41 to 44) of resize
"""

from __future__ import annotations

from telemetry.capture.runtime_records import (
    BurstEnded,
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    LoopBlocked,
    PoolMeasured,
    ScalingDecided,
)
from telemetry.capture.span_records import FinishedSpan
from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import BurstReason, Episode
from telemetry.policy.scaling import Decision, Reason
from tests.pipeline.store.records import (
    APP,
    FUNCTION,
    PROG,
    SECOND,
    T0,
    Kept,
    again,
    cancelled,
    container,
    ended,
    identity,
    input_id,
    line,
    runtime,
    settled,
    span,
    started,
)

A = "ct-01J0000000000000000000000A"
B = "ct-01J0000000000000000000000B"
TRACE = "ab" * 16
TRACEBACK = """Traceback (most recent call last):
  File "/app/translate.py", line 7, in translate
    raise KeyError(word)
KeyError: 'word'"""
_CANCEL = cancelled(5.0)
_QUEUED = _CANCEL._replace(phase="queued", mechanism=None, observed=None)
_NOWHERE = {"container_id": None, "slot": None, "function_call_id": None}


def fill(kept: Kept) -> None:
    """Have all of it happen."""
    _dispatcher(kept)
    _containers(kept)
    _program(kept)


def _dispatcher(kept: Kept) -> None:
    decision = Decision(want=2, have=1, demand=3.0, reason=Reason.DEMAND)
    burst = Episode(2.0, 8.0, 3, 1, BurstReason.COLD_START)
    stall = LoopBlocked(
        *(7.0, FUNCTION, A, 10, 1.5, True, input_id(1), ()),
        *("translate.py:3 in translate", "File x", (input_id(2), input_id(3))),
    )
    kept.take(
        APP,
        runtime(ContainerStarting(-2.0, FUNCTION, A)),
        runtime(ContainerReady(-0.5, FUNCTION, A, 10, 0.5, 0.75, 0.25)),
        started(1, 0.0, container_id=A, wait_s=2.0, wait_reason="cold_start"),
        started(2, 2.0, container_id=A, slot=1, concurrency=2, zone="burst"),
        runtime(ScalingDecided(3.0, FUNCTION, decision)),
        started(3, 5.0, container_id=A, slot=2, concurrency=3, zone="burst"),
        ended(
            2,
            Outcome.CANCELLED,
            6.0,
            container_id=A,
            slot=1,
            run_s=4.0,
            total_s=4.0,
            cancelled=_CANCEL,
            zone="burst",
        ),
        runtime(stall),
        again(3, 8.0, "neighbour", container_id=A, slot=2, elapsed_s=3.0),
        runtime(BurstEnded(9.0, FUNCTION, burst)),
        started(3, 9.0, attempt=1, container_id=B, wait_s=1.0, wait_reason="retry"),
        ended(
            1,
            Outcome.SUCCESS,
            10.0,
            container_id=A,
            run_s=10.0,
            total_s=12.0,
            wait_s=2.0,
        ),
        ended(
            3,
            Outcome.SUCCESS,
            15.0,
            attempt=1,
            container_id=B,
            run_s=6.0,
            total_s=10.0,
            wait_s=1.0,
        ),
        started(4, 20.0, container_id=A),
        ended(4, Outcome.ERROR, 21.0, container_id=A, run_s=1.0, total_s=1.0),
        ended(
            5,
            Outcome.CANCELLED,
            22.0,
            container_id=None,
            slot=None,
            zone=None,
            run_s=None,
            total_s=4.0,
            cancelled=_QUEUED,
        ),
        runtime(ContainerExited(25.0, FUNCTION, A, "cancellation", 0)),
        started(6, 30.0, container_id=B, parent_id=input_id(1)),
        runtime(PoolMeasured(31.0, FUNCTION, 1.0, 2.0, {"burst": 6.0})),
    )


def _containers(kept: Kept) -> None:
    kept.take(
        container(A),
        line("begin one", identity(1, box=A), 0.1, fields={"n": 1}),
        line("begin two", identity(2, box=A, slot=1), 2.1, logger="app.db"),
        line(
            "whose is this",
            None,
            3.0,
            stream="stdout",
            candidates=[input_id(1), input_id(2)],
        ),
        settled(2, "cancelled", 2.0, 6.0, container_id=A, slot=1),
        line("begin three", identity(3, box=A, slot=2), 5.1),
        line("end one", identity(1, box=A), 9.9, level="warning"),
        settled(1, "success", 0.0, 10.0, container_id=A),
        line(
            "translate failed",
            identity(4, box=A),
            20.9,
            level="error",
            exception=TRACEBACK,
        ),
        settled(
            4,
            "error",
            20.0,
            21.0,
            container_id=A,
            error_type="KeyError",
            error_text="KeyError: 'word'",
        ),
        line("too late", identity(4, box=A, late=True), 23.0),
    )
    kept.take(
        container(B),
        line("begin three once more", identity(3, box=B, attempt=1), 9.1),
        settled(3, "success", 9.0, 15.0, attempt=1, container_id=B),
        line("Connection refused: retrying", identity(6, box=B), 30.5),
    )
    with kept.store.transaction():
        kept.intake.processes.ended(A, "ended", T0 + 25 * SECOND, {"evicted": 2})


def _program(kept: Kept) -> None:
    who = identity(7, box=None, slot=None, function="resize")
    mine: dict[str, object] = {names.INPUT_ID: input_id(7)}
    root = FinishedSpan(
        bytes.fromhex(TRACE),
        b"r" * 8,
        b"",
        "",
        "resize",
        2,
        T0 + 40 * SECOND,
        T0 + 41 * SECOND,
        mine,
    )
    child = FinishedSpan(
        bytes.fromhex(TRACE),
        b"c" * 8,
        b"r" * 8,
        "",
        "read",
        3,
        T0 + 40 * SECOND + 1,
        T0 + 41 * SECOND,
        mine,
        {"file": "x"},
    )
    kept.take(
        PROG,
        line("resizing", who, 40.5),
        span(child),
        span(root),
        settled(7, "success", 40.0, 41.0, function="resize", **_NOWHERE),
        settled(8, "success", 41.0, 44.0, function="resize", **_NOWHERE),
    )
