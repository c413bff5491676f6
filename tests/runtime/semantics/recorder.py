"""An observer that keeps every record and can be waited on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

from telemetry.capture.runtime_records import InputSettled, Record
from telemetry.runtime import App, FunctionCall
from tests.runtime.semantics.gates import LIMIT_S

R = TypeVar("R")


class Recorder:
    """Collects what ``app.run(on_record=...)`` reports."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._changed = threading.Condition(threading.RLock())

    def __call__(self, record: Record) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def all(self, kind: type[R], **fields: object) -> list[R]:
        """The records of that kind with these fields, so far."""
        with self._changed:
            records = list(self._records)
        return [
            each
            for each in records
            if isinstance(each, kind)
            and all(getattr(each, name) == value for name, value in fields.items())
        ]

    def wait(
        self,
        kind: type[R],
        *,
        count: int = 1,
        limit_s: float = LIMIT_S,
        **fields: object,
    ) -> list[R]:
        """The first *count* records of that kind with these fields.

        Raises:
            TimeoutError: They have not all come.
        """
        with self._changed:
            if not self._changed.wait_for(
                lambda: len(self.all(kind, **fields)) >= count, limit_s
            ):
                raise TimeoutError(
                    f"waited {limit_s:g} s for {count} {kind.__name__} with {fields}; "
                    f"came: {self._records[-12:]}"
                )
        return self.all(kind, **fields)[:count]

    def settled(self, *calls: FunctionCall[Any]) -> None:
        """Wait for all that is on record of these calls, of one input each."""
        for call in calls:
            self.one(InputSettled, function_call_id=call.object_id)

    def one(self, kind: type[R], **fields: object) -> R:
        """The first record of that kind with these fields; waits for it."""
        return self.wait(kind, count=1, limit_s=LIMIT_S, **fields)[0]


@contextlib.contextmanager
def recording(app: App) -> Iterator[Recorder]:
    """The app runs, and is observed."""
    recorder = Recorder()
    with app.run(on_record=recorder):
        yield recorder
