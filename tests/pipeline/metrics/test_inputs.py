"""What is counted of inputs: records go in, exactly these points come out."""

from __future__ import annotations

from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    InputRejected,
)
from telemetry.capture.span_records import Settled
from telemetry.core.outcome import Outcome
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.policy.bursts import Zone
from tests.pipeline.made_records import (
    INPUT,
    POOL,
    cancelled,
    declared,
    interrupted,
    settled,
    started,
    unstarted,
)
from tests.pipeline.metrics.derived import (
    FAAS,
    NOW_NS,
    RESIZE,
    START_NS,
    Said,
    derived,
    own,
    said,
)


def test_an_execution_that_began() -> None:
    """It is counted in its zone, with its wait, and how full the container was."""
    found = derived(started(zone=Zone.BURST, concurrency=3, wait_reason="capacity"))

    assert found == {
        "input.started": [(own(zone="burst"), 1)],
        "input.queue.duration": [
            (own(zone="burst", wait_reason="capacity"), (1, 0.25)),
        ],
        "input.concurrency": [(RESIZE, (1, 3))],
    }


def test_a_cold_one_is_counted_as_such() -> None:
    """It had to wait for its container's start."""
    assert derived(started(cold=True))["faas.coldstarts"] == [(FAAS, 1)]
    assert "faas.coldstarts" not in derived(started())


@pytest.mark.parametrize(
    ("outcome", "also"),
    [
        (Outcome.SUCCESS, {}),
        (Outcome.CANCELLED, {}),
        (Outcome.ERROR, {"faas.errors": [(FAAS, 1)]}),
        (Outcome.LOST, {"faas.errors": [(FAAS, 1)]}),
        (Outcome.TIMEOUT, {"faas.timeouts": [(FAAS, 1)]}),
    ],
)
def test_an_input_that_settled(outcome: Outcome, also: Said) -> None:
    """Once, by its outcome: how long it ran, and how long it took in all."""
    values = own(zone="normal", outcome=outcome.value)

    assert derived(settled(outcome=outcome)) == {
        "input.completed": [(values, 1)],
        "input.duration": [(values, (1, 1.5))],
        "input.total.duration": [(values, (1, 2.25))],
        "faas.invoke_duration": [(FAAS, (1, 1.5))],
        **also,
    }


def test_one_that_never_ran_has_no_duration() -> None:
    """It has an outcome, and took time; it has no zone, as it was never admitted."""
    values = own(zone="none", outcome="cancelled")
    asked = own(
        cancellation_cause="user",
        cancellation_phase="queued",
        cancellation_mechanism="none",
    )

    assert derived(unstarted()) == {
        "input.completed": [(values, 1)],
        "input.total.duration": [(values, (1, 2.25))],
        "input.cancelled": [(asked, 1)],
    }


@pytest.mark.parametrize(
    ("given", "instrument", "reason"),
    [
        ({}, "input.rescheduled", "crash"),
        (
            {"reason": "neighbour", "why": "cancellation"},
            "input.rescheduled",
            "cancellation",
        ),
        (
            {"reason": "retry", "why": "error", "outcome": Outcome.ERROR},
            "input.retried",
            "error",
        ),
        (
            {"reason": "retry", "why": "timeout", "outcome": Outcome.TIMEOUT},
            "input.retried",
            "timeout",
        ),
    ],
)
def test_an_execution_that_runs_again(
    given: dict[str, Any], instrument: str, reason: str
) -> None:
    """It lasted as long as it lasted; its input has not settled."""
    found = derived(interrupted(**given))
    outcome = given.get("outcome", Outcome.LOST).value

    assert found.pop(instrument) == [(own(reason=reason), 1)]
    assert found.pop("input.duration") == [
        (own(zone="normal", outcome=outcome), (1, 0.75))
    ]
    assert found.pop("faas.invoke_duration") == [(FAAS, (1, 0.75))]
    kind = "faas.timeouts" if outcome == "timeout" else "faas.errors"
    assert found == {kind: [(FAAS, 1)]}


@pytest.mark.parametrize(
    ("asked", "stages"),
    [
        # Delivered, and then the body unwinds.
        (
            {"delivered_s": 11.25, "ended_s": 11.75},
            {"deliver": 0.25, "unwind": 0.5},
        ),
        # Two processes have read one clock.
        ({"delivered_s": 10.9, "ended_s": 11.5}, {"deliver": 0.0, "unwind": 0.6}),
        # Nobody is left who could say when: the end of the process was the message.
        (
            {"observed": "died", "mechanism": "container", "ended_s": 13.0},
            {"deliver": 2.0},
        ),
        ({"observed": "stuck"}, {}),
        ({"observed": "never_started"}, {}),
    ],
)
def test_a_cancellation_takes_its_time(
    asked: dict[str, Any], stages: dict[str, float]
) -> None:
    """To reach the body, and for the body to end."""
    found = derived(settled(outcome=Outcome.CANCELLED, cancelled=cancelled(**asked)))
    mechanism = asked.get("mechanism", "task")

    assert found["input.cancelled"] == [
        (
            own(
                cancellation_cause="user",
                cancellation_phase="running",
                cancellation_mechanism=mechanism,
            ),
            1,
        )
    ]
    assert found.get("input.cancellation.duration", []) == [
        (
            own(cancellation_stage=stage, cancellation_mechanism=mechanism),
            (1, pytest.approx(seconds)),
        )
        for stage, seconds in stages.items()
    ]


def test_a_neighbour_was_not_cancelled() -> None:
    """Nobody asked for it: it is rescheduled, and nothing else."""
    asked = cancelled(cause="neighbour", mechanism="container", delivered_s=11.1)
    found = derived(interrupted(cancelled=asked, reason="neighbour", why="timeout"))

    assert "input.cancelled" not in found
    assert "input.cancellation.duration" not in found
    assert found["input.rescheduled"] == [(own(reason="timeout"), 1)]


def test_one_that_was_rejected() -> None:
    """It is counted, and neither started nor completed."""
    found = derived(InputRejected(1.0, "resize", INPUT, "fc-0", "arguments", "x", POOL))

    assert found == {"input.rejected": [(own(reason="arguments"), 1)]}


def test_one_of_a_program_on_its_own() -> None:
    """It began, and ended so; there is neither a queue nor a slot to speak of."""
    made = Deriver(START_NS)
    made.outside(Settled(INPUT, 10, 10 + 1_500_000_000, "error", function="job"))
    found = said(made.collect(NOW_NS))
    key = {"input.function": "job", "input.mode": "unknown"}
    ended = {**key, "input.zone": "none", "input.outcome": "error"}
    faas = {**key, "faas.trigger": "other"}

    assert found == {
        "input.started": [({**key, "input.zone": "none"}, 1)],
        "input.completed": [(ended, 1)],
        "input.duration": [(ended, (1, 1.5))],
        "input.total.duration": [(ended, (1, 1.5))],
        "faas.invoke_duration": [(faas, (1, 1.5))],
        "faas.errors": [(faas, 1)],
    }
    with pytest.raises(ValueError, match="nonsense"):
        made.outside(Settled(INPUT, 10, 11, "nonsense"))


def test_a_batch_counts_once_and_its_members_each() -> None:
    """Its size and its wait are the batch's; started are all."""
    batch = declared(methods={"embed": "batch"}, mode="batch", function="embed")
    members = [
        started(
            f"in-{index}",
            function="embed",
            batch_size=3,
            batch_index=index,
            wait_s=0.5 - index / 10,
        )
        for index in range(3)
    ]
    found = derived(batch, *members)
    key = {"input.function": "embed", "input.mode": "batch"}

    assert found["input.batch.size"] == [(key, (1, 3))]
    assert found["input.batch.linger"] == [(key, (1, 0.5))]
    assert found["input.started"] == [({**key, "input.zone": "normal"}, 3)]
