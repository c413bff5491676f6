"""The one queue of a pool: first in, first out, and cheap to cancel in."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from telemetry.runtime.driver.inputs import Input

_FEW: Final = 64  # dead inputs that are not worth copying the deque for


class InputQueue:
    """Inputs that wait for a slot. Only the dispatcher's thread touches it.

    A cancelled input stays in the deque, marked settled, until it comes to the
    front or half of the deque is like it; so cancelling costs nothing per waiter.
    """

    def __init__(self) -> None:
        self._inputs: deque[Input] = deque()
        self._dead = 0

    def __len__(self) -> int:
        return len(self._inputs) - self._dead

    def __iter__(self) -> Iterator[Input]:
        return (each for each in self._inputs if not each.settled)

    def add(self, inputs: Iterable[Input]) -> None:
        """Accept inputs at the end."""
        self._inputs.extend(inputs)

    def put_back(self, inputs: Sequence[Input]) -> None:
        """Return interrupted inputs to the front: they came before all others."""
        in_order = sorted(inputs, key=lambda each: (each.first_enqueued_s, each.index))
        self._inputs.extendleft(reversed(in_order))

    def oldest(self) -> Input | None:
        """Who has waited longest."""
        self._drop_dead()
        return self._inputs[0] if self._inputs else None

    def take(self) -> Input:
        """Remove and return the first.

        Raises:
            IndexError: It is empty.
        """
        if self._dead:
            self._drop_dead()
        return self._inputs.popleft()

    def settled_one(self) -> None:
        """An input in the queue has just been marked settled."""
        self._dead += 1
        if self._dead > _FEW and self._dead * 2 > len(self._inputs):
            self._inputs = deque(self)
            self._dead = 0

    def _drop_dead(self) -> None:
        while self._dead and self._inputs and self._inputs[0].settled:
            self._inputs.popleft()
            self._dead -= 1
