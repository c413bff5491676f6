"""The one queue of a pool: first in, first out, and cheap to cancel in."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from telemetry.runtime.driver.inputs import Input

_FEW: Final = 64  # dead inputs that are not worth copying the deque for


class InputQueue:
    """Inputs that wait for a slot. Only the dispatcher's thread touches it.

    A cancelled input stays in the deque, marked settled, until it comes to the
    front or half of the deque is like it; so cancelling costs nothing per waiter.

    Attributes:
        suspects: Inputs that several containers have died under. They wait apart,
            because they must not run in any company; few, and seldom.
    """

    def __init__(self) -> None:
        self._inputs: deque[Input] = deque()
        self._dead = 0
        self.suspects: list[Input] = []

    def __len__(self) -> int:
        return len(self._inputs) - self._dead + len(self.suspects)

    def __iter__(self) -> Iterator[Input]:
        waiting = (each for each in self._inputs if not each.settled)
        return chain(self.suspects, waiting)

    @property
    def regular(self) -> int:
        """How many may run in any company."""
        return len(self._inputs) - self._dead

    def add(self, inputs: Iterable[Input]) -> None:
        """Accept inputs at the end."""
        self._inputs.extend(inputs)

    def put_back(self, inputs: Sequence[Input]) -> None:
        """Return interrupted inputs to the front: they came before all others."""
        self.suspects += [each for each in inputs if each.losses > 1]
        self.suspects.sort(key=_arrival)
        others = [each for each in inputs if each.losses <= 1]
        self._inputs.extendleft(sorted(others, key=_arrival, reverse=True))

    def oldest(self) -> Input | None:
        """Who has waited longest among those for any company."""
        self._drop_dead()
        return self._inputs[0] if self._inputs else None

    def take(self) -> Input:
        """Remove and return the first of those for any company.

        Raises:
            IndexError: It is empty.
        """
        if self._dead:
            self._drop_dead()
        return self._inputs.popleft()

    def settled_one(self, input_: Input) -> None:
        """An input in the queue has just been marked settled."""
        if input_ in self.suspects:
            self.suspects.remove(input_)
            return
        self._dead += 1
        if self._dead > _FEW and self._dead * 2 > len(self._inputs):
            self._inputs = deque(each for each in self._inputs if not each.settled)
            self._dead = 0

    def _drop_dead(self) -> None:
        while self._dead and self._inputs and self._inputs[0].settled:
            self._inputs.popleft()
            self._dead -= 1


def _arrival(input_: Input) -> tuple[float, int]:
    return input_.first_enqueued_s, input_.index
