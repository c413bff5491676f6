"""The counters of all services whose boxes an agent reads.

One `Deriver` for each service, as a resource is told apart; the agent's own figures
are those of a service of its own. A service that has gone is forgotten after a while:
where each start of a program has a resource of its own, there is no end of them.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

REMEMBER_S: Final = 3_600.0
"""Seconds for which the counters of a service outlive its last box. Should it come
again later, they begin anew, as those of a process that starts do."""

MOST_SERVICES: Final = 256
"""Services that have gone and are remembered: each costs some at every collection."""

_VERSION: Final = 2
_WHO: Final = ("service_name", "resource_attributes", "host")
_OWN: Final = {"service_name": AGENT}


class Measured(NamedTuple):
    """The points of one service.

    Attributes:
        key: See `Metering.spoilt`.
        name: Tells the service from others.
        resource: Its attributes.
    """

    key: str
    name: str
    resource: dict[str, object]
    points: list[Point]


class _Service:
    """One service.

    Attributes:
        seen_ns: When there was a box of it last, in Unix nanoseconds.
        dumped: What `Deriver.dump` gave, while nothing has changed since.
    """

    __slots__ = ("deriver", "dumped", "identity", "seen_ns")

    def __init__(self, identity: dict[str, Any], deriver: Deriver) -> None:
        self.identity = identity
        self.deriver = deriver
        self.seen_ns = 0
        self.dumped: bytes | None = None


class _Kept(msgspec.Struct):
    """What `Metering.dump` keeps: of each service who it is, its counters, `seen_ns`.

    In order of the service that was seen last.
    """

    version: int
    services: dict[str, tuple[dict[str, Any], bytes, int]]
    delivered: dict[str, dict[str, int]]


class Metering:
    """Counts, until it is collected. Belongs to one thread.

    Args:
        base: The agent's folder: with the host, it tells this agent from others, who
            count other inputs of the same service.
        started_ns: Now, in Unix nanoseconds.
        on_problem: Told what a person should know.
    """

    def __init__(
        self,
        base: Path,
        started_ns: int,
        temporality: Temporality,
        on_problem: Callable[[str], object],
    ) -> None:
        self._base = base
        self._started_ns = started_ns
        self._temporality: Temporality = temporality
        self._on_problem = on_problem
        self._services: dict[str, _Service] = {}
        self._delivered: dict[str, dict[str, int]] = {}
        self.has_changed = False

    def take(
        self,
        box: Watched,
        found: Sequence[Found],
        records: Iterable[tuple[int, Record]],
    ) -> None:
        """Count what was found in a box, and what its dispatcher saw."""
        deriver = self._to_change(box.identity)
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
            self._to_change(box.identity).box_dropped(box.name, dropped)

    def delivery(
        self,
        shipped: Mapping[str, int],
        dropped: Mapping[tuple[str, str], int],
        backlog_bytes: int,
    ) -> None:
        """Count what has left, by the totals since the store began."""
        deriver = self._to_change(_OWN)
        deriver.backlog(backlog_bytes)
        for signal, items in shipped.items():
            deriver.shipped(signal, self._more("", signal, items))
        for (signal, reason), items in dropped.items():
            deriver.dropped(signal, reason, self._more(reason, signal, items))

    def collect(
        self, now_ns: int, identities: Iterable[Mapping[str, Any]] = ()
    ) -> Iterator[Measured]:
        """The points of all services.

        Args:
            identities: Of the boxes that are there: their services have not gone.
        """
        self._forget_gone(now_ns, identities)
        for key, service in list(self._services.items()):
            deriver = service.deriver
            points = [*deriver.beginnings(now_ns), *deriver.collect(now_ns)]
            if points:
                service.dumped = None
                self.has_changed = True
                resource = resource_of(service.identity)
                yield Measured(key, f"{AGENT}-{key}", resource, points)

    def spoilt(self, key: str, error: Exception) -> None:
        """Count anew for a service, as what was counted is of no use.

        Args:
            key: That of what was collected.
        """
        service = self._services.pop(key, None)
        self.has_changed = True
        if service is not None:
            who = service.identity.get("service_name")
            self._on_problem(f"the counters of {who} begin anew: {error}")

    def dump(self) -> bytes:
        """All that was counted; `load` goes on from it."""
        services: dict[str, tuple[dict[str, Any], bytes, int]] = {}
        for key, service in list(self._services.items()):
            if service.dumped is None:
                try:
                    service.dumped = service.deriver.dump()
                except Exception as error:  # noqa: BLE001  # it would fail for ever
                    self.spoilt(key, error)
                    continue
            services[key] = service.identity, service.dumped, service.seen_ns
        self.has_changed = False
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
        for key, (identity, data, seen_ns) in found.services.items():
            service = _Service(identity, Deriver(self._started_ns, self._temporality))
            try:
                service.deriver.load(data)
            except InvalidError:
                continue  # other sums are wanted now: they begin anew
            service.dumped, service.seen_ns = data, seen_ns
            self._services[key] = service

    def _to_change(self, identity: Mapping[str, Any]) -> Deriver:
        """The counters of that process's service, which are about to change."""
        service = self._of(identity)
        service.dumped = None
        self.has_changed = True
        return service.deriver

    def _of(self, identity: Mapping[str, Any]) -> _Service:
        key = self._key(identity)
        known = self._services.get(key)
        if known is None:
            host = identity.get("host") or os.uname().nodename
            mine = {**_who(identity), "host": host, "box": f"{host}-{key}"}
            known = _Service(mine, Deriver(self._started_ns, self._temporality))
            self._services[key] = known
        return known

    def _key(self, identity: Mapping[str, Any]) -> str:
        told = msgspec.msgpack.encode((_who(identity), str(self._base)), order="sorted")
        return hashlib.blake2b(told, digest_size=6).hexdigest()

    def _forget_gone(
        self, now_ns: int, identities: Iterable[Mapping[str, Any]]
    ) -> None:
        here = {self._key(each) for each in (_OWN, *identities)}
        gone: list[tuple[int, str]] = []
        for key, service in self._services.items():
            if key in here or not service.seen_ns:
                service.seen_ns = now_ns
            else:
                gone.append((service.seen_ns, key))
        gone.sort(reverse=True)
        for rank, (seen_ns, key) in enumerate(gone):
            if rank >= MOST_SERVICES or now_ns - seen_ns > REMEMBER_S * 1e9:
                del self._services[key]
                self.has_changed = True

    def _more(self, reason: str, signal: str, items: int) -> int:
        """How many of a total are new."""
        of_reason = self._delivered.setdefault(reason, {})
        more = max(items - of_reason.get(signal, 0), 0)
        of_reason[signal] = items
        return more


def _who(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: identity.get(key) for key in _WHO}


def _count_executions(deriver: Deriver, found: Iterable[Found]) -> None:
    """The inputs of a program that only imports the toolkit."""
    for each in found:
        if each.head is None and each.what[0] == EXECUTION:
            try:
                deriver.outside(msgspec.convert(each.what[3], Settled))
            except (LookupError, ValueError, TypeError):
                continue  # counted as the store meets it


def _count_lines(deriver: Deriver, found: Iterable[Found], function: str) -> None:
    counts: Counter[tuple[bool, str]] = Counter()
    late: Counter[str] = Counter()
    heads = Counter([each.head for each in found])
    begun = [(head.parts, count) for head, count in heads.items() if head is not None]
    begun += [(each.what, 1) for each in found if each.head is None]
    for parts, count in begun:
        try:
            if parts[0] not in LINE_KINDS:
                continue
            who = parts[2]
            whose = (who[2] or function) if who else function
            if type(whose) is not str:
                continue
            counts[bool(who), whose] += count
            if who and who[7]:
                late[whose] += count
        except (LookupError, TypeError):
            continue  # damaged
    for (bound, whose), count in counts.items():
        deriver.lines(bound, whose, count)
    for whose, count in late.items():
        deriver.late(count, whose)
