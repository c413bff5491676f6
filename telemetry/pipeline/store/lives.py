"""The lives of inputs and containers, put together from what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from telemetry.pipeline.store.rows import (
    CONTAINERS,
    EXECUTIONS,
    INPUTS,
    TABLES,
    ContainerRow,
    ExecutionRow,
    InputRow,
    Table,
)
from telemetry.pipeline.store.writing import Participant, Store

KNOWN_INPUTS: Final = 10_000
"""Rows that are remembered between transactions; of more, the older half is not. An
input is heard of no more soon after its end, and each row is one that the garbage
collector looks at again and again."""

_TRACE_ID_CHARS: Final = 32
_Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
_Id = Annotated[str, msgspec.Meta(min_length=1)]
_Row = TypeVar("_Row")


class Identity(NamedTuple):
    """Whose a line is, as a record of the black box names it."""

    input_id: _Id
    function_call_id: str | None = None
    function: str | None = None
    attempt: _Number = 0
    container_id: str | None = None
    slot: _Number | None = None
    batch_input_ids: tuple[_Id, ...] | None = None
    late: bool = False
    trace_id: str | None = None
    span_id: str | None = None


def identity_of(record: object) -> Identity:
    """The identity that stands in a record.

    Raises:
        ValueError: It is none: what is read may be damaged.
    """
    if isinstance(record, Identity):
        # An object of the wanted type would be taken as it is, unchecked.
        record = tuple(record)
    return msgspec.convert(record, Identity)


class Lives(Participant):
    """The tables ``inputs``, ``executions`` and ``containers``. The writer's thread.

    Whoever asks for a row may change it: it is written at the end of the transaction.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._inputs: dict[str, InputRow] = {}
        self._executions: dict[tuple[int, int], ExecutionRow] = {}
        self._containers: dict[str, ContainerRow] = {}
        # What has to be written, by number: rows that are there, and new ones, whose
        # numbers are above the last one that was written.
        self._changed: dict[Table, dict[int, Any]] = {}
        self._written: dict[Table, int] = {}
        self._last: dict[Table, int] = {}
        self._members: list[tuple[int, int]] = []
        # No input that was written has a higher id: most that are new have, as the
        # ids of the runtime rise with time, and need not be looked for.
        self._highest = ""
        self.forget()
        store.join(self)

    def input(self, input_id: str, unix_ns: int) -> InputRow:
        """The row of an input that is known to have been there at *unix_ns*."""
        row = self._inputs.get(input_id)
        if row is None:
            if input_id <= self._highest:
                row = self._found(
                    InputRow,
                    "select * from inputs where input_id = ?",
                    (input_id,),
                )
            if row is None:
                row = InputRow(self._next(INPUTS), input_id, began_ns=unix_ns)
            self._inputs[input_id] = row
        self._changed[INPUTS][row.id] = row
        row.began_ns = min(row.began_ns, unix_ns)
        return row

    def execution(self, input_: InputRow, attempt: int) -> ExecutionRow:
        """The row of one attempt of an input."""
        key = (input_.id, attempt)
        row = self._executions.get(key)
        if row is None:
            if input_.id <= self._written[INPUTS]:  # of a new one there is none
                row = self._found(
                    ExecutionRow,
                    "select * from executions where input = ? and attempt = ?",
                    key,
                )
            if row is None:
                row = ExecutionRow(self._next(EXECUTIONS), *key)
                _begin_attempt(input_, attempt)
            self._executions[key] = row
        self._changed[EXECUTIONS][row.id] = row
        return row

    def container(self, container_id: str) -> ContainerRow:
        """The row of a container."""
        row = self._containers.get(container_id)
        if row is None:
            row = self._found(
                ContainerRow,
                "select * from containers where container_id = ?",
                (container_id,),
            )
            if row is None:
                row = ContainerRow(self._next(CONTAINERS), container_id)
            self._containers[container_id] = row
        self._changed[CONTAINERS][row.id] = row
        return row

    def seen(self, who: Identity, process: int | None, unix_ns: int) -> ExecutionRow:
        """The execution of *who*, of whom there is a sign of life at *unix_ns*."""
        input_ = self.input(who.input_id, unix_ns)
        row = self.execution(input_, who.attempt)
        if who.function_call_id is not None:
            input_.call_id = who.function_call_id
        if who.function is not None:
            input_.function = row.function = self._store.text_number(who.function)
        if who.container_id is not None:
            container = self.container(who.container_id)
            row.container = container.id
            if container.function is None:
                container.function = row.function
        if who.slot is not None:
            row.slot = who.slot
        if row.process is None:
            row.process = process
        if input_.trace_id is None and who.trace_id is not None:
            input_.trace_id = _trace_id(who.trace_id)
        if who.batch_input_ids:
            self._note_batch(row, who.input_id, who.batch_input_ids, unix_ns)
        return row

    def known(self, input_id: str, attempt: int) -> int | None:
        """The number of an execution, if it is known that there was one."""
        input_ = self._inputs.get(input_id)
        if input_ is not None:
            row = self._executions.get((input_.id, attempt))
            if row is not None:
                return row.id
        found = self._store.connection.execute(
            "select id from executions where attempt = ? and input = "
            "(select id from inputs where input_id = ?)",
            (attempt, input_id),
        ).fetchone()
        return None if found is None else int(found[0])

    def flush(self) -> None:
        """Write what is new, then what has changed."""
        connection = self._store.connection
        for table, changed in self._changed.items():
            if not changed:
                continue
            written = self._written[table]
            new = [row for number, row in changed.items() if number > written]
            table.statements.insert(connection, map(table.values, new))
            if len(new) < len(changed):
                old = [row for number, row in changed.items() if number <= written]
                table.statements.update(connection, map(table.values, old))
            if table is INPUTS:
                ids = (row.input_id for row in new)
                self._highest = max(self._highest, max(ids, default=""))
            changed.clear()
            self._written[table] = self._last[table]
        if self._members:
            connection.executemany(
                "insert or ignore into members values (?, ?)", self._members
            )
            self._members.clear()
        _shrink(self._inputs)
        _shrink(self._executions)
        _shrink(self._containers)

    def forget(self) -> None:
        """Nothing that is remembered is in the file for certain."""
        self._inputs.clear()
        self._executions.clear()
        self._containers.clear()
        self._changed = {table: {} for table in TABLES}
        self._members = []
        self._last = {table: self._store.last_number(table.name) for table in TABLES}
        self._written = dict(self._last)
        highest = self._store.connection.execute("select max(input_id) from inputs")
        self._highest = highest.fetchone()[0] or ""

    def _note_batch(
        self, row: ExecutionRow, first: str, ids: Sequence[str], unix_ns: int
    ) -> None:
        """An execution is one of all these inputs."""
        row.batch_size = len(ids)
        for each in ids:
            if each != first:
                self._members.append((self.input(each, unix_ns).id, row.id))

    def _next(self, table: Table) -> int:
        self._last[table] += 1
        return self._last[table]

    def _found(
        self,
        make: Callable[..., _Row],
        question: str,
        key: tuple[object, ...],
    ) -> _Row | None:
        values = self._store.connection.execute(question, key).fetchone()
        return None if values is None else make(*values)


def _begin_attempt(input_: InputRow, attempt: int) -> None:
    """There is an attempt of which nothing was known."""
    if attempt < input_.attempts:
        return
    input_.attempts = attempt + 1
    if not input_.is_settled:
        # What the attempt before has ended with was not the last word.
        input_.outcome = input_.ended_ns = input_.run_s = None
        input_.error_type = input_.error_text = None


def _trace_id(text: str) -> bytearray | None:
    try:
        return bytearray.fromhex(text) if len(text) == _TRACE_ID_CHARS else None
    except ValueError:
        return None


def _shrink(rows: dict[Any, Any]) -> None:
    """Forget the older half of too many; all of them have just been written."""
    if len(rows) > KNOWN_INPUTS:
        for key in list(rows)[: len(rows) // 2]:
            del rows[key]
