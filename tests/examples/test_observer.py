from __future__ import annotations

import pytest

from examples.demo.observer import Observer
from examples.demo.workload import EMBED, RESIZE, SHAPES, TRANSLATE
from telemetry.capture.runtime_records import (
    BurstEnded,
    ContainerExited,
    ContainerStarting,
)
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import BurstReason, Episode, Zone
from tests.examples.made import (
    cancelled,
    interrupted,
    observer,
    ready,
    settled,
    started,
    submit,
)

EPISODE = Episode(10.0, 12.0, 12, 1, BurstReason.MAX_CONTAINERS)


def test_queued_is_what_neither_runs_nor_settled() -> None:
    """Submitted inputs are queued until they run, and not after they settled."""
    seen = observer()
    submit(seen, TRANSLATE.name, 3)
    seen.add(started("in-1"))
    seen.add(started("in-2", slot=1))
    seen.add(settled("in-2", slot=1))

    translate = seen.functions[TRANSLATE.name]
    assert (translate.queued, len(translate.running)) == (1, 1)


def test_interrupted_input_is_queued_again() -> None:
    """An input that is to run again waits meanwhile."""
    seen = observer()
    submit(seen, TRANSLATE.name)
    seen.add(started("in-1"))
    seen.add(interrupted("in-1"))

    assert seen.functions[TRANSLATE.name].queued == 1


def test_peak_counts_slots() -> None:
    """The peak is the most slots that were taken at once."""
    seen = observer()
    for slot in range(3):
        seen.add(started(f"in-{slot}", slot=slot, concurrency=1))
    seen.add(settled("in-0"))
    seen.add(started("in-4", slot=0))

    assert seen.containers["ct-AAAAAA"].peak == 3


def test_batch_takes_one_slot() -> None:
    """The members of a batch share a slot until the last one has settled."""
    seen = Observer(SHAPES)
    ready(seen, "ct-E", "Embed")
    at = {"function": EMBED.name, "container_id": "ct-E"}
    for name in ("in-1", "in-2"):
        seen.add(started(name, batch_size=2, **at))
    seen.add(settled("in-1", **at))

    container = seen.containers["ct-E"]
    assert (container.peak, container.running) == (1, 1)
    assert list(seen.functions[EMBED.name].batches.values()) == [2]


def test_dispatchers_own_count_is_believed_too() -> None:
    """A concurrency above the slots that were seen raises the peak."""
    seen = observer()
    seen.add(started("in-1", concurrency=13))

    assert seen.containers["ct-AAAAAA"].peak == 13


def test_second_settlement_is_noticed() -> None:
    """An input that settles twice is remembered."""
    seen = observer()
    seen.add(settled("in-1"))
    seen.add(settled("in-1"))

    assert seen.settled_again == ["in-1"]


def test_zone_is_the_fullest_containers() -> None:
    """A function is as full as its fullest container."""
    seen = observer()
    ready(seen, "ct-2")
    for slot in range(11):
        seen.add(started(f"in-{slot}", slot=slot))

    assert seen.zone(seen.functions[TRANSLATE.name]) is Zone.BURST


def test_gone_container_has_no_zone() -> None:
    """What has exited is neither living nor counted."""
    seen = observer()
    seen.add(ContainerExited(12.0, TRANSLATE.name, "ct-AAAAAA", "scaledown", 0))

    assert seen.living(seen.functions[TRANSLATE.name]) == []


def test_burst_is_announced_once() -> None:
    """Only the first input above target says that a burst began."""
    seen = observer()
    texts = [
        [event.text for event in seen.add(started(f"in-{n}", concurrency=n))]
        for n in (10, 11, 12)
    ]

    assert texts == [[], ["burst began"], []]


@pytest.mark.parametrize(("above_s", "begins"), [(11.0, True), (12.5, False)])
def test_burst_that_goes_on_is_not_announced_again(
    above_s: float, begins: bool
) -> None:
    """After the end of an episode the next input above target begins another one.

    Unless that one had begun before the end was told.
    """
    seen = observer()
    seen.add(started("in-1", concurrency=11, at_s=above_s))
    ended = seen.add(BurstEnded(13.0, TRANSLATE.name, EPISODE))
    again = seen.add(started("in-2", concurrency=11, slot=1, at_s=13.1))

    assert [event.text for event in ended] == ["burst ended"]
    assert bool(again) is begins


@pytest.mark.parametrize(
    ("record", "mark", "text"),
    [
        (ContainerStarting(1.0, "resize", "ct-9"), "○", "container starting"),
        (
            ContainerExited(1.0, "translate", "ct-AAAAAA", "scaledown", 0),
            "◌",
            "container exited",
        ),
        (
            ContainerExited(1.0, "translate", "ct-AAAAAA", "crash", -9),
            "✖",
            "container exited",
        ),
        (interrupted("in-1"), "↻", "rescheduled"),
        (interrupted("in-1", reason="retry"), "↻", "to be retried"),
        (settled("in-1", cancelled=cancelled()), "✕", "cancelled"),
        (settled("in-1", cancelled=cancelled(cause="timeout")), "✕", "timed out"),
        (settled("in-1", outcome=Outcome.ERROR), "✖", "settled: error"),
    ],
)
def test_events(record: object, mark: str, text: str) -> None:
    """Each turn of a container's or an input's life is one event."""
    events = observer().add(record)  # type: ignore[arg-type]  # a table of records

    assert [(event.mark, event.text) for event in events] == [(mark, text)]


@pytest.mark.parametrize(
    "record",
    [
        settled("in-1"),
        settled("in-1", cancelled=cancelled(cause="neighbour", observed="swallowed")),
    ],
)
def test_common_ends_are_no_events(record: object) -> None:
    """An input that just succeeded is not worth a line of its own."""
    assert observer().add(record) == []  # type: ignore[arg-type]  # one of a table


def test_call_is_found_while_it_runs() -> None:
    """The director finds where a call runs, by the call's id."""
    seen = observer()
    seen.add(started("in-1", container_id="ct-AAAAAA"))

    found = seen.call("fc-in-1")
    seen.add(settled("in-1"))

    assert found is not None and found.input_id == "in-1"
    assert seen.call("fc-in-1") is None


def test_retry_says_nothing_of_the_container() -> None:
    """A retried input did not lose its container: it is nobody's neighbour."""
    seen = observer()
    seen.add(interrupted("in-1", reason="retry"))

    assert seen.containers["ct-AAAAAA"].interrupted == []
    assert seen.functions[TRANSLATE.name].interrupted == {"retry": 1}


def test_shapes_fit_the_declarations() -> None:
    """No function may run fewer inputs than it should."""
    assert all(each.target <= each.limit for each in SHAPES)
    assert RESIZE.limit > 1
