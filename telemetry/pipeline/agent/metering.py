"""The counters of all services whose boxes an agent reads.

One `Deriver` for each service, as a resource is told apart; the agent's own figures
are those of a service of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.blackbox.records import EXECUTION, LINE_KINDS
from telemetry.capture.runtime_records import Record
from telemetry.capture.span_records import Settled
from telemetry.core.errors import InvalidError
from telemetry.pipeline.agent.boxes import Watched
from telemetry.pipeline.metrics.deriver import Deriver
from telemetry.pipeline.metrics.temporality import Temporality
from telemetry.pipeline.otlp.envelope import resource_of
from telemetry.pipeline.points import Point

AGENT: Final = "telemetry-agent"
"""The service under which an agent tells of itself."""

_VERSION: Final = 1
_WHO: Final = ("service_name", "resource_attributes", "host")


class Measured(NamedTuple):
    """The points of one service.

    Attributes:
        name: Tells the service from others.
        resource: Its attributes.
    """

    name: str
    resource: dict[str, object]
    points: list[Point]


class _Kept(msgspec.Struct):
    """What `Metering.dump` keeps."""

    version: int
    services: dict[str, tuple[dict[str, Any], bytes]]
    delivered: dict[str, dict[str, int]]


class Metering:
    """Counts, until it is collected. Belongs to one thread.

    Args:
        base: The agent's folder: with the host, it tells this agent from others, who
            count other inputs of the same service.
        started_ns: Now, in Unix nanoseconds.
    """

    def __init__(self, base: Path, started_ns: int, temporality: Temporality) -> None:
        self._base = base
        self._started_ns = started_ns
        self._temporality: Temporality = temporality
        self._services: dict[str, tuple[dict[str, Any], Deriver]] = {}
        self._delivered: dict[str, dict[str, int]] = {}
        self.has_changed = False

    def take(
        self,
        box: Watched,
        found: Sequence[Found],
        records: Iterable[tuple[int, Record]],
    ) -> None:
        """Count what was found in a box, and what its dispatcher saw."""
        self.has_changed = True
        deriver = self._of_box(box)
        for unix_ns, record in records:
            deriver.take(record, unix_ns, box.name)
        function = box.identity.get("function")
        _count_lines(deriver, found, function if isinstance(function, str) else "")
        if not box.is_driver and "container_id" not in box.identity:
            _count_executions(deriver, found)
        if box.is_read:
            deriver.gone(box.name)

    def note(self, box: Watched, dropped: Mapping[str, int]) -> None:
        """Count what the writer of a box had to drop."""
        if any(dropped.values()):
            self.has_changed = True
            self._of_box(box).box_dropped(box.name, dropped)

    def delivery(
        self,
        shipped: Mapping[str, int],
        dropped: Mapping[tuple[str, str], int],
        backlog_bytes: int,
    ) -> None:
        """Count what has left, by the totals since the store began."""
        deriver = self._of({"service_name": AGENT})
        deriver.backlog(backlog_bytes)
        for signal, items in shipped.items():
            deriver.shipped(signal, self._more("", signal, items))
        for (signal, reason), items in dropped.items():
            deriver.dropped(signal, reason, self._more(reason, signal, items))
        self.has_changed = True

    def collect(self, now_ns: int) -> Iterator[Measured]:
        """The points of all services."""
        for key, (identity, deriver) in self._services.items():
            points = [*deriver.beginnings(now_ns), *deriver.collect(now_ns)]
            if points:
                self.has_changed = True
                yield Measured(f"{AGENT}-{key}", resource_of(identity), points)

    def dump(self) -> bytes:
        """All that was counted; `load` goes on from it."""
        self.has_changed = False
        services = {
            key: (identity, deriver.dump())
            for key, (identity, deriver) in self._services.items()
        }
        return msgspec.msgpack.encode(_Kept(_VERSION, services, self._delivered))

    def load(self, kept: bytes) -> None:
        """Go on from what `dump` gave; from nothing, where that cannot be read."""
        self._services.clear()
        self._delivered = {}
        self.has_changed = False
        try:
            found = msgspec.msgpack.decode(kept, type=_Kept) if kept else None
        except msgspec.DecodeError:
            return
        if found is None or found.version != _VERSION:
            return
        self._delivered = found.delivered
        for key, (identity, data) in found.services.items():
            deriver = Deriver(self._started_ns, self._temporality)
            try:
                deriver.load(data)
            except InvalidError:
                continue  # other sums are wanted now: they begin anew
            self._services[key] = identity, deriver

    def _of_box(self, box: Watched) -> Deriver:
        return self._of({key: box.identity.get(key) for key in _WHO})

    def _of(self, who: Mapping[str, Any]) -> Deriver:
        key = hashlib.blake2b(
            msgspec.msgpack.encode((who, str(self._base)), order="sorted"),
            digest_size=6,
        ).hexdigest()
        known = self._services.get(key)
        if known is None:
            host = who.get("host") or os.uname().nodename
            identity = {**who, "host": host, "box": f"{host}-{key}"}
            known = identity, Deriver(self._started_ns, self._temporality)
            self._services[key] = known
        return known[1]

    def _more(self, reason: str, signal: str, items: int) -> int:
        """How many of a total are new."""
        of_reason = self._delivered.setdefault(reason, {})
        more = max(items - of_reason.get(signal, 0), 0)
        of_reason[signal] = items
        return more


def _count_executions(deriver: Deriver, found: Iterable[Found]) -> None:
    """The inputs of a program that only imports the toolkit."""
    for each in found:
        if each.record[0] == EXECUTION:
            try:
                deriver.outside(msgspec.convert(each.record[3], Settled))
            except (LookupError, ValueError, TypeError):
                continue  # counted as the store meets it


def _count_lines(deriver: Deriver, found: Iterable[Found], function: str) -> None:
    counts: Counter[tuple[bool, str]] = Counter()
    late: Counter[str] = Counter()
    for each in found:
        record = each.record
        try:
            if record[0] not in LINE_KINDS:
                continue
            who = record[2]
            whose = (who[2] or function) if who else function
            counts[bool(who), whose] += 1
            if who and who[7]:
                late[whose] += 1
        except (LookupError, TypeError):
            continue  # damaged
    for (bound, whose), count in counts.items():
        deriver.lines(bound, whose, count)
    for whose, count in late.items():
        deriver.late(count, whose)
