"""What a turn of the worker accepts: of each box some, of each in its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from telemetry.capture.blackbox.reader import Found, NotABoxError
from telemetry.pipeline.agent.boxes import BOX_BYTES, Watched
from telemetry.pipeline.agent.watching import BoxWatch
from telemetry.pipeline.receiver.received import Inbox, Received

BOX_RECORDS: Final = 4_096
"""Most records of one box in a turn: a chatty process must not keep others waiting."""

TURN_RECORDS: Final = 32_768
"""Most records in a turn: so long is a transaction, and so much is done anew after
one that failed."""

TURN_BYTES: Final = 4 * BOX_BYTES
"""Of the records in a turn, about: they are held until they are stored."""

REQUEST_BYTES: Final = 16 * 1024 * 1024
"""Of the bodies of requests in a turn, about."""


@dataclass(slots=True)
class Batch:
    """What a turn accepts. Kept until it is in the store.

    Attributes:
        changed: Boxes that are new, or whose process has ended.
        is_full: There was more than fits in.
    """

    changed: list[Watched] = field(default_factory=list)
    found: list[tuple[Watched, list[Found]]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    is_full: bool = False

    @property
    def records(self) -> int:
        """How many records of boxes there are."""
        return sum(len(found) for _, found in self.found)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to accept."""
        return not (self.changed or self.found or self.requests)

    def leave_out(self, culprit: Watched | Received) -> None:
        """Go on without a box or a request."""
        self.changed = [each for each in self.changed if each is not culprit]
        self.found = [each for each in self.found if each[0] is not culprit]
        self.requests = [each for each in self.requests if each is not culprit]


class Gathering:
    """Reads the boxes and the inbox. Belongs to the worker's thread.

    Args:
        on_problem: Told what a person should know.
    """

    def __init__(
        self, watch: BoxWatch, inbox: Inbox, on_problem: Callable[[str], object]
    ) -> None:
        self._watch = watch
        self._inbox = inbox
        self._on_problem = on_problem
        self._first = 0

    def batch(self, now_s: float, *, find: bool) -> Batch:
        """What there is now, within bounds.

        Args:
            find: Look for new boxes, whenever the last look was.
        """
        self._watch.find(now_s, at_once=find)
        batch = Batch(self._watch.changed())
        left, left_bytes = TURN_RECORDS, TURN_BYTES
        for watched in self._in_turn():
            if left <= 0 or left_bytes <= 0:
                batch.is_full = True
                break
            was_read = watched.is_read or watched.was_through
            most = min(BOX_RECORDS, left)
            found = self._polled(watched, most)
            left -= len(found)
            left_bytes -= watched.polled_bytes
            batch.is_full |= len(found) >= most or watched.polled_bytes >= BOX_BYTES
            if found or (watched.is_read and not was_read):
                batch.found.append((watched, found))
        batch.requests = self._inbox.take(REQUEST_BYTES)
        batch.is_full |= self._inbox.waiting_bytes() > 0
        return batch

    def _in_turn(self) -> list[Watched]:
        """The boxes to read, each time another one first.

        Drivers before all others: what they say of their containers is known before
        the lines of those.
        """
        boxes = [each for each in self._watch.boxes if not each.is_broken]
        self._first += 1
        at = self._first % len(boxes) if boxes else 0
        boxes = boxes[at:] + boxes[:at]
        boxes.sort(key=lambda box: not box.is_driver)
        return boxes

    def _polled(self, watched: Watched, limit: int) -> list[Found]:
        try:
            return watched.poll(limit)
        except NotABoxError as error:
            self._on_problem(f"a black box cannot be read: {error}")
            self._watch.forget(watched)
        except (OSError, MemoryError) as error:
            self._on_problem(f"a black box cannot be read for now: {error}")
        except Exception as error:  # noqa: BLE001  # a file may hold anything
            self._watch.set_aside(watched, error)
        return []
