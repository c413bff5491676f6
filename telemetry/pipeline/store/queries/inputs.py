"""Inputs: lists of them, and one with all its executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from telemetry.core.errors import InvalidError
from telemetry.core.outcome import Outcome
from telemetry.pipeline.store.queries.reading import (
    Reader,
    Row,
    Where,
    checked_limit,
    like,
    number_of,
)

RUNNING: Final = "running"
"""In a filter: inputs without an outcome, which wait or run."""

Order = Literal["newest", "oldest", "slowest", "waited"]

_ORDERS: Final[dict[Order, tuple[str, str]]] = {
    "newest": ("i.began_ns", "desc"),
    "oldest": ("i.began_ns", "asc"),
    "slowest": ("coalesce(i.total_s, i.run_s, 0)", "desc"),
    "waited": ("coalesce(i.wait_s, 0)", "desc"),
}
_COLUMNS: Final = """
i.id, i.input_id, i.call_id, t.text, i.parent, i.began_ns, i.enqueued_ns, i.started_ns,
i.ended_ns, i.outcome, i.attempts, i.wait_s, i.wait_reason, i.run_s, i.total_s,
c.container_id, i.slot, i.zone, i.concurrency, i.burst, i.cold, i.batch_size,
i.cancel_cause, i.cancel_phase, i.cancel_mechanism, i.cancel_observed,
i.cancel_requested_ns, i.cancel_delivered_ns,
i.error_type, i.error_text, i.blocked_s, hex(i.trace_id)
"""
_FROM: Final = """
from inputs i left join texts t on t.id = i.function
left join containers c on c.id = i.container
"""
_EXECUTION_COLUMNS: Final = """
e.id, i.input_id, e.attempt, t.text, c.container_id, p.name, e.slot, e.started_ns,
e.ended_ns, e.ending, e.zone, e.concurrency, e.burst, e.cold, e.wait_s, e.wait_reason,
e.batch_size, e.batch_index
"""
_EXECUTIONS_FROM: Final = """
from executions e join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container
left join processes p on p.id = e.process
"""
_OWN_EXECUTIONS: Final = f"""
select {_EXECUTION_COLUMNS} {_EXECUTIONS_FROM} where e.input = ? order by e.attempt
"""
# Of a batch without a dispatcher only the execution of the first is known.
_SHARED_EXECUTIONS: Final = f"""
select {_EXECUTION_COLUMNS} {_EXECUTIONS_FROM}
where e.id in (select execution from members where input = ?) order by e.attempt
"""


class StoredInput(NamedTuple):
    """An input, as far as it is known.

    Attributes:
        number: Rises in the order in which inputs became known.
        began_ns: When it was enqueued, or else the first that is known of it.
        outcome: None while it waits or runs.
        attempts: How many executions it has had, or 0.
        burst: Its container ran above its target as it was admitted.
        cold: Its container was not ready as it was enqueued.
        blocked_s: Seconds for which others held its event loop.
        trace_id: 32 hexadecimal digits.
    """

    number: int
    input_id: str
    call_id: str | None
    function: str | None
    parent: str | None
    began_ns: int
    enqueued_ns: int | None
    started_ns: int | None
    ended_ns: int | None
    outcome: str | None
    attempts: int
    wait_s: float | None
    wait_reason: str | None
    run_s: float | None
    total_s: float | None
    container_id: str | None
    slot: int | None
    zone: str | None
    concurrency: int | None
    burst: bool | None
    cold: bool | None
    batch_size: int | None
    cancel_cause: str | None
    cancel_phase: str | None
    cancel_mechanism: str | None
    cancel_observed: str | None
    cancel_requested_ns: int | None
    cancel_delivered_ns: int | None
    error_type: str | None
    error_text: str | None
    blocked_s: float | None
    trace_id: str | None


class StoredExecution(NamedTuple):
    """One attempt of an input.

    Attributes:
        process: Name of the process that ran it.
        ended_ns: None while it runs.
        ending: Its outcome, or why it ran again: retry, neighbour or lost.
        batch_index: Its place in its batch; the lines of a batch are the first's.
    """

    number: int
    input_id: str
    attempt: int
    function: str | None
    container_id: str | None
    process: str | None
    slot: int | None
    started_ns: int | None
    ended_ns: int | None
    ending: str | None
    zone: str | None
    concurrency: int | None
    burst: bool | None
    cold: bool | None
    wait_s: float | None
    wait_reason: str | None
    batch_size: int | None
    batch_index: int | None


class InputCursor(NamedTuple):
    """Where the next page begins."""

    value: float
    number: int


class InputsPage(NamedTuple):
    """A part of a list; *more* leads to the next one, where there is any."""

    inputs: list[StoredInput]
    more: InputCursor | None


class InputLife(NamedTuple):
    """An input with all that happened to it.

    Attributes:
        executions: In the order of the attempts.
        batch: The others that ran in one batch with it.
        children: The inputs of calls that its body made; the first thousand.
    """

    input: StoredInput
    executions: list[StoredExecution]
    batch: list[str]
    children: list[str]


@dataclass(frozen=True, slots=True)
class InputFilter:
    """Which inputs are asked for; what is None does not matter.

    Attributes:
        outcome: A value of `Outcome`, or `RUNNING`.
        since_ns: Those that began then, or later.
        until_ns: Those that began before.
        slower_than_s: Those that took so long in all, or have run for so long.
        text: The id is this, or begins or ends so.
    """

    function: str | None = None
    outcome: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    slower_than_s: float | None = None
    burst: bool | None = None
    container_id: str | None = None
    call_id: str | None = None
    parent: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        known = (*Outcome, RUNNING)
        if self.outcome is not None and self.outcome not in known:
            raise InvalidError(
                f"outcome is {self.outcome!r}; it must be one of {', '.join(known)}"
            )


def inputs(
    reader: Reader,
    wanted: InputFilter,
    *,
    order: Order = "newest",
    limit: int = 50,
    after: InputCursor | None = None,
) -> InputsPage:
    """A page of the inputs that are wanted.

    Raises:
        InvalidError: The order or the limit is none.
        QueryTimeoutError: It took too long.
    """
    if order not in _ORDERS:
        raise InvalidError(
            f"order is {order!r}; it must be one of {', '.join(_ORDERS)}"
        )
    checked_limit(limit)
    column, way = _ORDERS[order]
    with reader.asking():
        where = _where(reader, wanted)
        if after is not None:
            sign = "<" if way == "desc" else ">"
            where.add(f"({column}, i.id) {sign} (?, ?)", *after)
        rows = reader.rows(
            f"select {column}, {_COLUMNS} {_FROM} {where} "
            f"order by {column} {way}, i.id {way} limit ?",
            (*where.values, limit + 1),
        )
    found = [_input(row[1:]) for row in rows[:limit]]
    more = None
    if len(rows) > limit:
        more = InputCursor(rows[limit - 1][0], found[-1].number)
    return InputsPage(found, more)


def matching_inputs(reader: Reader, text: str, limit: int = 10) -> list[StoredInput]:
    """The inputs that *text* may mean: an id, or its beginning or end; newest first.

    An exact id excludes all others.
    """
    exact = inputs(reader, InputFilter(text=text), limit=checked_limit(limit)).inputs
    return [each for each in exact if each.input_id == text] or exact


def input_life(reader: Reader, input_id: str) -> InputLife | None:
    """All that is known of the input of that id; None when nothing is."""
    with reader.asking():
        rows = reader.rows(
            f"select {_COLUMNS} {_FROM} where i.input_id = ?", (input_id,)
        )
        if not rows:
            return None
        found = _input(rows[0])
        own, shared = (
            [StoredExecution(*row) for row in reader.rows(question, (found.number,))]
            for question in (_OWN_EXECUTIONS, _SHARED_EXECUTIONS)
        )
        return InputLife(
            found,
            own or shared,
            _batch(reader, found, [*own, *shared]),
            [
                row[0]
                for row in reader.rows(
                    "select input_id from inputs where parent = ? order by id "
                    "limit 1000",
                    (input_id,),
                )
            ],
        )


def neighbours(
    reader: Reader, input_id: str, limit: int = 200
) -> list[StoredExecution]:
    """What ran in the same container while this input ran, in order of their starts."""
    checked_limit(limit)
    life = input_life(reader, input_id)
    found: dict[int, StoredExecution] = {}
    with reader.asking():
        for own in life.executions if life else ():
            if own.started_ns is None:
                continue
            where = Where()
            if own.container_id is None:
                where.add("e.container is null and p.name = ?", own.process)
            else:
                where.add("c.container_id = ?", own.container_id)
            where.add("e.started_ns < ?", own.ended_ns or 1 << 62)
            where.add("e.ended_ns is null or e.ended_ns > ?", own.started_ns)
            where.add("i.input_id <> ?", input_id)
            rows = reader.rows(
                f"select {_EXECUTION_COLUMNS} {_EXECUTIONS_FROM} {where} "
                "order by e.started_ns limit ?",
                (*where.values, limit),
            )
            found |= {row[0]: StoredExecution(*row) for row in rows}
    found = {n: each for n, each in found.items() if n not in _numbers(life)}
    return sorted(found.values(), key=lambda each: each.started_ns or 0)[:limit]


def _numbers(life: InputLife | None) -> set[int]:
    return {each.number for each in life.executions} if life else set()


def _batch(
    reader: Reader, found: StoredInput, executions: list[StoredExecution]
) -> list[str]:
    others: set[str] = set()
    for each in executions:
        rows = reader.rows(
            "select i.input_id from members m join inputs i on i.id = m.input "
            "where m.execution = ?",
            (each.number,),
        )
        others.update(row[0] for row in rows)
        if rows:
            others.add(each.input_id)
    return sorted(others - {found.input_id})


def _where(reader: Reader, wanted: InputFilter) -> Where:
    where = Where()
    if wanted.function is not None:
        where.add("i.function = ?", number_of(reader, wanted.function))
    if wanted.outcome == RUNNING:
        where.add("i.outcome is null")
    elif wanted.outcome == Outcome.SUCCESS:
        where.add("i.outcome = 'success'")
    elif wanted.outcome is not None:
        # The second half says nothing new, but that the index of failures will do.
        where.add("i.outcome = ? and i.outcome <> 'success'", wanted.outcome)
    where.add_given("i.began_ns >= ?", wanted.since_ns)
    where.add_given("i.began_ns < ?", wanted.until_ns)
    where.add_given("coalesce(i.total_s, i.run_s, 0) >= ?", wanted.slower_than_s)
    if wanted.burst is not None:
        where.add("coalesce(i.burst, 0) = ?", int(wanted.burst))
    if wanted.container_id is not None:
        where.add(
            "i.id in (select input from executions where container = "
            "(select id from containers where container_id = ?))",
            wanted.container_id,
        )
    where.add_given("i.call_id = ?", wanted.call_id)
    where.add_given("i.parent = ?", wanted.parent)
    if wanted.text is not None:
        text = like(wanted.text)
        where.add(
            "i.input_id like ? escape '!' or i.input_id like ? escape '!'",
            f"{text}%",
            f"%{text}",
        )
    return where


def _input(row: Row) -> StoredInput:
    found = StoredInput(*row)
    return found._replace(
        burst=None if found.burst is None else bool(found.burst),
        cold=None if found.cold is None else bool(found.cold),
        trace_id=found.trace_id.lower() if found.trace_id else None,
    )
