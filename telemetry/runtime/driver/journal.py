"""The driver's own black box: what its dispatcher saw, for whoever reads the boxes.

Written by the thread of the reports. It outlives the driver like any other box, so
what a killed dispatcher had done is known up to its last round.
"""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING, Final

from telemetry.capture import scrubbing
from telemetry.capture.blackbox.current import BoxPlan, new_box
from telemetry.capture.blackbox.records import (
    NO_INPUT,
    RUNTIME,
    encode,
    framed,
    identity_head,
    logger_head,
)
from telemetry.capture.line import LEVELS
from telemetry.capture.runtime_records import (
    InputRejected,
    InputSettled,
    PoolDeclared,
)
from telemetry.capture.sink import failed
from telemetry.core.scope import InputScope
from telemetry.runtime.driver.lifecycle import LOGGER, Lifecycle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from telemetry.capture.runtime_records import Record
    from telemetry.runtime.driver.lifecycle import Said

PREFIX: Final = "dv-"
"""What the name of a driver's box begins with; then a ULID."""

KIND: Final = "driver"

REPEAT_S: Final = 60.0
"""Pools are declared again so often: a box that nobody has read for long has given up
its oldest records, and what is left must be understood without them."""

_LOGGER: Final = logger_head(LOGGER, {})
_THREAD: Final = "telemetry-reports"
_ERROR: Final = ("error",)


class Journal:
    """Writes records to a box. One thread only.

    Args:
        directory: The folder of the boxes.
        name: Of the file, without its suffix.
        identity: Who the driver is: service, resource attributes, app.

    Raises:
        OSError: The box cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        identity: Mapping[str, object],
        budget_bytes: int,
    ) -> None:
        # Beside each other, and noted in the box: what a record says in monotonic
        # seconds is mapped by this one pair, so a clock that is set moves nothing.
        self._mono_ns, self._unix_ns = time.monotonic_ns(), time.time_ns()
        clock = {"monotonic_ns": self._mono_ns, "started_unix_ns": self._unix_ns}
        plan = BoxPlan(
            directory,
            name,
            budget_bytes,
            slots=0,
            identity={"kind": KIND, **identity, **clock},
        )
        self._box = new_box(plan)
        self._writer = InputScope("", head=NO_INPUT)
        self._lifecycle = Lifecycle()
        self._declared: dict[str, PoolDeclared] = {}
        self._repeat_at_s = time.monotonic() + REPEAT_S
        _OPEN.add(self)

    def write(self, record: Record) -> None:
        """Write a record, and what there is to say about it; never raises."""
        try:
            self._write(record)
            said = self._lifecycle.take(record)
            if said is not None:
                self._say(said)
        except Exception as error:  # noqa: BLE001 - the next one may go
            self._box.count_dropped("internal")
            failed(error, "journal")

    def look(self, now_s: float) -> None:
        """Write what time alone makes due."""
        for said in self._lifecycle.due(now_s):
            self._say(said)
        if now_s >= self._repeat_at_s:
            self._repeat_at_s = now_s + REPEAT_S
            for declared in self._declared.values():
                self._write(declared)

    def missed(self, count: int) -> None:
        """So many records never came here."""
        self._box.count_dropped("internal", count)
        # The ends of executions may be among them: nothing is known of what runs.
        self._lifecycle = Lifecycle()

    def close(self) -> None:
        """Say goodbye in the box."""
        _OPEN.discard(self)
        self._box.close()

    def abandon(self) -> None:
        """In a forked child: the box is the parent's."""
        self._box.abandon()

    def _write(self, record: Record) -> None:
        name = type(record).__name__
        if isinstance(record, PoolDeclared):
            self._declared[record.pool] = record
        elif isinstance(record, InputSettled | InputRejected):
            record = _scrubbed(record)
        self._put(encode((RUNTIME, None, self._unix_of(record.at_s), name, record)))

    def _say(self, said: Said) -> None:
        what = self._unix_of(said.at_s), said.event, (), said.fields
        who = identity_head(said.scope)
        self._put(encode((LEVELS[said.level], _LOGGER, who, _THREAD, what)))

    def _put(self, body: bytes) -> None:
        writer = self._writer
        try:
            writer.write(framed(body))  # type: ignore[misc] # None raises TypeError
        except (TypeError, ValueError):
            self._box.append(writer, body)

    def _unix_of(self, at_s: float) -> int:
        return self._unix_ns + round(at_s * 1e9) - self._mono_ns


def _scrubbed(record: InputSettled | InputRejected) -> Record:
    """The record without the secrets of the user's own exceptions."""
    if not record.error:
        return record
    return record._replace(error=scrubbing.in_force.text(record.error, _ERROR))


_OPEN: Final[weakref.WeakSet[Journal]] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for journal in list(_OPEN):
        journal.abandon()
    _OPEN.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
