"""What goes into the next request: parcels joined, or cut when they are not taken.

No I/O: the shipper asks for a request, sends it, and tells what came of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from telemetry.pipeline.otlp.splitting import halves, item_count
from telemetry.pipeline.otlp.wire import MalformedError
from telemetry.pipeline.outbox import Parcel, Signal
from telemetry.policy.delivery import smaller


class Settled(NamedTuple):
    """Parcels of which everything has arrived or was refused for good.

    Attributes:
        refused: So many of their items were refused.
    """

    parcels: list[Parcel]
    refused: int


class Load:
    """The request that is under way, of one signal.

    A request that is too large, or in which something is bad, is cut in two: between
    parcels first, and then within the one that is left. What was cut is sent in its
    order. So one bad record costs itself and nothing else.

    Args:
        most_bytes: Of a request; a single parcel may have more.

    Attributes:
        most_bytes: Less than it was, once the receiver has found that too large.
        splits: How often was cut since something was refused, until all of that is
            settled.
    """

    def __init__(self, signal: Signal, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.splits = 0
        self._signal = signal
        self._parcels: list[Parcel] = []
        self._body = b""
        # Of a single parcel that was cut: what of it is to be sent, and what of it
        # was refused. The first piece is the request that is under way.
        self._pieces: deque[bytes] = deque()
        self._refused = 0
        self._most_parcels: int | None = None
        self._cut_until = 0

    @property
    def items(self) -> int:
        """How many are in the request."""
        if self._pieces:
            return item_count(self._signal, self._body)
        return sum(parcel.items for parcel in self._parcels)

    def next_request(self, waiting: Sequence[Parcel]) -> bytes:
        """The body of a request, of the first ones of *waiting*, which has some.

        A parcel that is not among them any more is not sent again, nor the rest of it.
        """
        if self._pieces and waiting[0].number == self._parcels[0].number:
            self._body = self._pieces[0]
            return self._body
        self._pieces.clear()
        self._refused = 0
        self._parcels = list(waiting[: self._most_parcels])
        self._body = b"".join([parcel.body for parcel in self._parcels])
        return self._body

    def cut(self, *, too_large: bool) -> bool:
        """Let the next request be a half of this one; False when it cannot be cut.

        Args:
            too_large: That is why; else something in it was refused.
        """
        if len(self._parcels) > 1:
            self._most_parcels = len(self._parcels) // 2
        else:
            parts = self._halves()
            if parts is None:
                return False
            if self._pieces:
                self._pieces.popleft()
            self._pieces.extendleft(reversed(parts))
        if too_large:
            self.most_bytes = smaller(self.most_bytes, len(self._body))
        else:
            self.splits += 1
            self._cut_until = max(self._cut_until, self._parcels[-1].number)
        return True

    def settle(self, refused: int) -> Settled | None:
        """The request is done with; the parcels of which nothing is left.

        Args:
            refused: Items of the request that were refused for good.
        """
        self._refused += min(refused, self.items)
        if self._pieces:
            self._pieces.popleft()
            if self._pieces:
                return None
        settled = Settled(self._parcels, self._refused)
        self._refused = 0
        if self._most_parcels is not None:
            self._most_parcels *= 2
        if settled.parcels[-1].number >= self._cut_until:
            self._most_parcels, self.splits = None, 0
        return settled

    def _halves(self) -> tuple[bytes, bytes] | None:
        try:
            return halves(self._signal, self._body)
        except MalformedError:  # somebody else's request, taken as it was
            return None
