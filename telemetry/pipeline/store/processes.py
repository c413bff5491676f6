"""The rows of processes: who they are, how they ended, how far their box was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import orjson

from telemetry.capture.blackbox.listing import ALIVE, whole_number
from telemetry.capture.blackbox.reader import Position
from telemetry.core import names
from telemetry.pipeline.store.writing import Participant, Store

CONTAINER: Final = "container"
DRIVER: Final = "driver"
PROGRAM: Final = "program"
FOREIGN: Final = "foreign"
"""Values of the column ``kind``; the last one speaks OpenTelemetry's own protocol."""

_END: Final = 1 << 31


class ProcessSeen(NamedTuple):
    """What is known of a process.

    Attributes:
        name: Of its box, or whatever tells a foreign one from others.
        kind: `CONTAINER`, `DRIVER`, `PROGRAM` or `FOREIGN`.
        container: Id of the container that it is.
        resource: Its resource attributes.
    """

    name: str
    kind: str
    service: str | None = None
    pid: int | None = None
    host: str | None = None
    app: str | None = None
    function: str | None = None
    container: str | None = None
    started_ns: int | None = None
    resource: Mapping[str, object] = {}


def box_process(name: str, identity: Mapping[str, Any]) -> ProcessSeen:
    """What a black box says of its process; never raises, whatever stands in it."""

    def text(key: str) -> str | None:
        found = identity.get(key)
        return found if isinstance(found, str) and found else None

    pid = whole_number(identity.get("pid"))
    resource = identity.get("resource_attributes")
    kind = CONTAINER if text("container_id") else PROGRAM
    return ProcessSeen(
        name,
        DRIVER if identity.get("kind") == DRIVER else kind,
        text("service_name"),
        pid if 0 < pid < _END else None,
        text("host"),
        text("app"),
        text("function"),
        text("container_id"),
        whole_number(identity.get("started_unix_ns")) or None,
        resource if isinstance(resource, dict) else {},
    )


def foreign_process(name: str, resource: Mapping[str, Any]) -> ProcessSeen:
    """A process that sends OpenTelemetry's own protocol, by its resource."""

    def text(key: str) -> str | None:
        found = resource.get(key)
        return found if isinstance(found, str) and found else None

    pid = whole_number(resource.get(names.PROCESS_PID))
    return ProcessSeen(
        name,
        FOREIGN,
        text(names.SERVICE_NAME),
        pid if 0 < pid < _END else None,
        text("host.name"),
        resource=resource,
    )


class Processes(Participant):
    """The table ``processes``. Belongs to the writer's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers: dict[str, int] = {}
        store.join(self)

    def number(self, seen: ProcessSeen) -> int:
        """The number of a process in other tables; its row is made if need be.

        Within a transaction.
        """
        number = self._numbers.get(seen.name)
        if number is None:
            found = self._store.connection.execute(
                "select id from processes where name = ?", (seen.name,)
            ).fetchone()
            number = int(found[0]) if found else self._insert(seen)
            self._numbers[seen.name] = number
        return number

    def container(self, number: int) -> str | None:
        """Id of the container that a process is, if it is one."""
        found = self._store.connection.execute(
            "select container from processes where id = ?", (number,)
        ).fetchone()
        return found[0] if found else None

    def ended(
        self,
        name: str,
        state: str,
        ended_ns: int | None,
        dropped: Mapping[str, int],
    ) -> None:
        """How it is with a process now. Within a transaction.

        Args:
            state: `ALIVE`, or how it ended: see `telemetry.capture.blackbox.listing`.
            ended_ns: Its last sign of life; None while it lives.
            dropped: How many records its writer had to drop, by reason.
        """
        self._store.connection.execute(
            "update processes set state = ?, ended_ns = ?, dropped = ? where name = ?",
            (
                state,
                None if state == ALIVE else ended_ns,
                orjson.dumps(dict(dropped)).decode(),
                name,
            ),
        )

    def position(self, name: str) -> Position | None:
        """How far the box of that name is in the store; None: not at all."""
        found = self._store.connection.execute(
            "select position from processes where name = ?", (name,)
        ).fetchone()
        if found is None or found[0] is None:
            return None
        return msgspec.msgpack.decode(found[0], type=Position)

    def set_position(self, name: str, position: Position | None) -> None:
        """Keep how far a box is in the store. In the transaction of what it gave.

        Args:
            name: Of a process that has a row.
            position: None once there is no box any more.
        """
        kept = None if position is None else msgspec.msgpack.encode(position)
        self._store.connection.execute(
            "update processes set position = ? where name = ?", (kept, name)
        )

    def forget(self) -> None:
        """A row that was made may be gone."""
        self._numbers.clear()

    def _insert(self, seen: ProcessSeen) -> int:
        row = self._store.connection.execute(
            "insert into processes (name, kind, service, pid, host, app, function, "
            "container, started_ns, state, resource, dropped) "
            "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}') returning id",
            (
                *seen[:9],
                ALIVE,
                orjson.dumps(
                    dict(seen.resource), default=str, option=orjson.OPT_NON_STR_KEYS
                ).decode(),
            ),
        ).fetchone()
        return int(row[0])
