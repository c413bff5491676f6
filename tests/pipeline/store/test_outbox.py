"""What waits to be delivered is kept in order, within its budget, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from telemetry.core.errors import InvalidError
from telemetry.pipeline.outbox import Outbox
from telemetry.pipeline.store.outbox import StoreOutbox
from tests.pipeline.store.records import Kept


@pytest.fixture
def outbox(kept: Kept) -> Iterator[StoreOutbox]:
    """An outbox for a few parcels of 1,000 bytes."""
    made = StoreOutbox(kept.store, budget_bytes=10_000)
    yield made
    made.close()


def put(kept: Kept, outbox: StoreOutbox, count: int, size: int = 1_000) -> None:
    """Accept so many requests of ten records."""
    with kept.store.transaction():
        for number in range(count):
            outbox.put("logs", 10, bytes([number]) * size)


def test_it_is_an_outbox(outbox: StoreOutbox) -> None:
    """Whoever delivers needs to know no more than the protocol."""
    seam: Outbox = outbox

    assert seam.waiting("logs", 0, 1) == []


def test_the_oldest_come_first_up_to_so_many_bytes(
    kept: Kept, outbox: StoreOutbox
) -> None:
    """As many as fit, and one at least, however large; then those behind it."""
    put(kept, outbox, 5)
    with kept.store.transaction():
        outbox.put("spans", 1, b"other")

    assert [each.number for each in outbox.waiting("logs", 0, 2_500)] == [1, 2]
    assert [each.number for each in outbox.waiting("logs", 2, 1)] == [3]
    assert [each.body for each in outbox.waiting("spans", 0, 0)] == [b"other"]
    assert outbox.waiting("metrics", 0, 1 << 30) == []


def test_what_is_not_committed_does_not_wait(kept: Kept, outbox: StoreOutbox) -> None:
    """A request is sent only once its rows are in the file; rolled back, never."""
    with pytest.raises(RuntimeError, match="no"), kept.store.transaction():  # noqa: PT012  # what is seen within is the claim
        outbox.put("logs", 1, b"body")
        assert outbox.waiting("logs", 0, 100) == []
        raise RuntimeError("no")

    assert outbox.waiting("logs", 0, 100) == []
    assert outbox.backlog_bytes() == 0


def test_what_has_arrived_is_gone_at_once(kept: Kept, outbox: StoreOutbox) -> None:
    """Nobody sends it again, though it leaves the file only with a transaction."""
    put(kept, outbox, 3)
    first, second, third = outbox.waiting("logs", 0, 1 << 20)

    outbox.delivered([first, third])
    assert outbox.waiting("logs", 0, 1 << 20) == [second]
    assert outbox.has_work
    with kept.store.transaction():
        pass

    assert outbox.waiting("logs", 0, 1 << 20) == [second]
    assert kept.rows("select number from outbox") == [(2,)]
    assert outbox.shipped() == {"logs": 20}
    assert not outbox.has_work


def test_what_was_refused_is_counted_once(kept: Kept, outbox: StoreOutbox) -> None:
    """Of a request that was refused in part, the rest has arrived."""
    put(kept, outbox, 2)
    parcels = outbox.waiting("logs", 0, 1 << 20)

    outbox.given_up(parcels, "rejected", 3)
    for _ in range(2):
        with kept.store.transaction():
            pass

    assert outbox.dropped() == {("logs", "rejected"): 3}
    assert outbox.shipped() == {"logs": 17}
    assert outbox.backlog_bytes() == 0


def test_beyond_the_budget_the_oldest_go(kept: Kept, outbox: StoreOutbox) -> None:
    """The newest stay, as many as fit, and the others are counted."""
    put(kept, outbox, 12)

    numbers = [each.number for each in outbox.waiting("logs", 0, 1 << 20)]
    assert numbers == list(range(5, 13))
    assert outbox.dropped() == {("logs", "outbox_full"): 40}
    assert outbox.backlog_bytes() <= 10_000


def test_what_arrives_after_it_was_dropped_has_not_been_lost(
    kept: Kept, outbox: StoreOutbox
) -> None:
    """A parcel that is on its way while it is dropped counts as what it became."""
    put(kept, outbox, 1)
    (parcel,) = outbox.waiting("logs", 0, 1 << 20)
    put(kept, outbox, 12)
    assert outbox.dropped() == {("logs", "outbox_full"): 50}

    outbox.delivered([parcel])
    with kept.store.transaction():
        pass

    assert outbox.dropped() == {("logs", "outbox_full"): 40}
    assert outbox.shipped() == {"logs": 10}


def test_a_rolled_back_transaction_forgets_no_delivery(
    kept: Kept, outbox: StoreOutbox
) -> None:
    """What has arrived is taken out of the file by the next one that succeeds."""
    put(kept, outbox, 2)
    outbox.delivered(outbox.waiting("logs", 0, 1))
    with pytest.raises(RuntimeError, match="no"), kept.store.transaction():  # noqa: PT012  # it is what is rolled back
        outbox.apply()
        raise RuntimeError("no")

    assert [each.number for each in outbox.waiting("logs", 0, 1 << 20)] == [2]
    with kept.store.transaction():
        pass
    assert kept.rows("select number from outbox") == [(2,)]
    assert outbox.shipped() == {"logs": 10}


def test_another_process_finds_what_was_left(kept: Kept, outbox: StoreOutbox) -> None:
    """Parcels, counts and the bytes that wait survive; what was not applied too."""
    put(kept, outbox, 3)
    outbox.delivered(outbox.waiting("logs", 0, 1))  # and dies before it is applied
    backlog_bytes = outbox.backlog_bytes()

    again = StoreOutbox(kept.store)
    assert [each.number for each in again.waiting("logs", 0, 1 << 20)] == [1, 2, 3]
    assert again.backlog_bytes() == backlog_bytes
    again.close()


def test_shippers_are_threads_of_their_own(kept: Kept, outbox: StoreOutbox) -> None:
    """Several threads take, deliver and give up while the writer goes on."""
    seen: list[int] = []

    def ship() -> None:
        after = 0
        while len(seen) < 200:
            for parcel in outbox.waiting("logs", after, 3_000):
                outbox.delivered([parcel])
                seen.append(parcel.number)
                after = parcel.number

    shipper = threading.Thread(target=ship)
    shipper.start()
    for _ in range(200):
        # Not more than fits: the shipper may be slower.
        while outbox.backlog_bytes() > 5_000:
            with kept.store.transaction():
                pass
        put(kept, outbox, 1)
    shipper.join(30)
    with kept.store.transaction():
        pass

    assert seen == list(range(1, 201))
    assert kept.rows("select count(*) from outbox") == [(0,)]
    assert outbox.shipped() == {"logs": 2_000}


def test_a_budget_of_nothing_is_refused(kept: Kept) -> None:
    """The message says what the budget must be."""
    with pytest.raises(InvalidError, match="budget_bytes is 0; it must be at least 1"):
        StoreOutbox(kept.store, budget_bytes=0)
