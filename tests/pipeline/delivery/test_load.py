"""What is joined, and what is cut: nothing is lost, and nothing is sent twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.pipeline.delivery.load import Load
from telemetry.pipeline.outbox import Parcel
from telemetry.policy.delivery import LEAST_BYTES, MOST_SPLITS
from tests.pipeline.delivery.parcels import MemoryOutbox, parcel, parcels, texts_in


class Receiver:
    """Takes requests; refuses those with a bad record, and those that are too large."""

    def __init__(self, bad: set[str], most_items: int) -> None:
        self.bad = bad
        self.most_items = most_items
        self.taken: list[str] = []
        self.requests = 0

    def answer(self, request: bytes) -> str:
        """What it makes of it."""
        self.requests += 1
        found = texts_in(request)
        if len(found) > self.most_items:
            return "too large"
        if self.bad.intersection(found):
            return "refused"
        self.taken += found
        return "taken"


def delivered(load: Load, given: list[Parcel], receiver: Receiver) -> int:
    """Deliver all of *given*; how many items were given up."""
    outbox, after, lost = MemoryOutbox(given), 0, 0
    while waiting := outbox.waiting("logs", after, load.most_bytes):
        answer = receiver.answer(load.next_request(waiting))
        too_large = answer == "too large"
        worth_it = too_large or (answer == "refused" and load.splits < MOST_SPLITS)
        if worth_it and load.cut(too_large=too_large):
            continue
        settled = load.settle(0 if answer == "taken" else load.items)
        if settled is not None:
            after = settled.parcels[-1].number
            lost += settled.refused
    return lost


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=12),
    st.sets(st.integers(0, 200), max_size=2),
    st.integers(1, 300),
)
def test_all_but_the_bad_ones_arrive(
    counts: list[int], bad: set[int], most_items: int
) -> None:
    """Each once, in order, whatever is too large, and whatever is bad."""
    total = sum(counts)
    refused = {str(number) for number in bad if number < total}
    receiver = Receiver(refused, most_items)
    lost = delivered(Load("logs", 4_000_000), parcels(counts), receiver)

    expected = [str(n) for n in range(total) if str(n) not in refused]
    assert receiver.taken == expected
    assert lost == len(refused)


def test_one_bad_record_costs_few_requests() -> None:
    """One among ten thousand: found by halving, not by trying each."""
    receiver = Receiver({"7777"}, 10**6)
    delivered(Load("logs", 4_000_000), parcels([100] * 100), receiver)

    assert len(receiver.taken) == 9_999
    assert receiver.requests <= 2 * 14 + 8


def test_where_all_is_refused_it_ends() -> None:
    """Cutting what is refused as a whole is given up."""
    everything = {str(n) for n in range(10_000)}
    receiver = Receiver(everything, 10**6)
    lost = delivered(Load("logs", 4_000_000), parcels([100] * 100), receiver)

    assert lost == 10_000
    assert receiver.requests <= 4 * MOST_SPLITS


def test_what_was_too_large_is_remembered() -> None:
    """The next requests are small from the start."""
    load = Load("logs", 10 * LEAST_BYTES)
    given = [parcel(n, ["x" * 1_000] * 64) for n in range(1, 101)]
    receiver = Receiver(set(), 64 * 4)
    delivered(load, given, receiver)

    assert len(receiver.taken) == 6_400
    assert LEAST_BYTES <= load.most_bytes < 5 * LEAST_BYTES
    assert receiver.requests < 60


def test_rest_of_a_parcel_that_is_gone_is_not_sent() -> None:
    """It was cut, a half has arrived, and its place was needed for something else."""
    first, second = parcels([10, 4])
    load = Load("logs", 4_000_000)
    load.next_request([first])
    load.cut(too_large=True)
    half = texts_in(load.next_request([first, second]))
    assert load.settle(0) is None
    rest = texts_in(load.next_request([second]))
    settled = load.settle(0)

    assert half == [str(n) for n in range(5)]
    assert rest == ["10", "11", "12", "13"]
    assert settled is not None
    assert settled.parcels == [second]


def test_partial_success_is_counted_over_the_pieces() -> None:
    """Three of one half and two of the other, never more than there are."""
    (only,) = parcels([10])
    load = Load("logs", 4_000_000)
    load.next_request([only])
    load.cut(too_large=True)
    load.next_request([only])
    load.settle(3)
    load.next_request([only])
    settled = load.settle(99)

    assert settled is not None
    assert (settled.parcels, settled.refused) == ([only], 3 + 5)


def test_what_is_no_request_cannot_be_cut() -> None:
    """Somebody else's body, taken as it was: it is sent as it is, or given up."""
    load = Load("logs", 4_000_000)
    nonsense = Parcel(1, "logs", 5, b"\xff\xff\xff")

    assert load.next_request([nonsense]) == b"\xff\xff\xff"
    assert not load.cut(too_large=True)
