"""The tables of the store, and how a file of an older version becomes one of this.

Times that end in ``_ns`` are Unix nanoseconds, lengths in ``_s`` are seconds. Ids of
ours stand once, in the table of what they name; all else refers to that row by number.
Rows are numbered in the order in which they were taken in, so the oldest of a table
are those with the lowest numbers, whatever their clocks say: see `marks`.

For people and their tools there are three views, ``v_lines``, ``v_inputs`` and
``v_executions``, in which everything has its name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from telemetry.pipeline.store.failures import StoreError

APPLICATION_ID: Final = 0x494E5055
"""``INPU``: tells a store from any other database. Source: pragma application_id."""

_SUBJECTS: Final = """
create table meta (key text primary key, value any) strict, without rowid;
create table texts (id integer primary key, text text not null unique) strict;

-- One per black box, and one per process that sends OpenTelemetry's own protocol.
-- kind: container, driver, program or foreign. state: alive, ended or died.
-- dropped: JSON, records that its writer had to drop, by reason. last_line: number of
-- its newest line here.
create table processes (
    id integer primary key, name text not null unique, kind text not null,
    service text, pid integer, host text, app text, function text, container text,
    started_ns integer, ended_ns integer, state text not null,
    resource text not null, dropped text not null, position blob, last_line integer
) strict;

create table containers (
    id integer primary key autoincrement, container_id text not null unique,
    function integer, pid integer,
    starting_ns integer, ready_ns integer, exited_ns integer,
    spawn_s real, import_s real, enter_s real,
    exit_reason text, exit_status integer, exit_phase text,
    target integer, max_inputs integer
) strict;

-- The whole life of an input. began_ns: when it was enqueued, or else the first that
-- is known of it; lists are in this order. burst: 1 when its container ran above its
-- target as it was admitted. cold: 1 when that was not ready as it was enqueued.
create table inputs (
    id integer primary key autoincrement, input_id text not null unique, call_id text,
    function integer, parent text, began_ns integer not null,
    enqueued_ns integer, started_ns integer, ended_ns integer,
    outcome text, attempts integer not null,
    wait_s real, wait_reason text, run_s real, total_s real,
    container integer, slot integer, zone text, concurrency integer,
    burst integer, cold integer, batch_size integer,
    cancel_cause text, cancel_phase text, cancel_mechanism text,
    cancel_observed text, cancel_requested_ns integer, cancel_delivered_ns integer,
    error_type text, error_text text, blocked_s real, trace_id blob
) strict;
create index inputs_began on inputs (began_ns);
create index inputs_function on inputs (function, began_ns);
create index inputs_failed on inputs (outcome, began_ns) where outcome <> 'success';
create index inputs_call on inputs (call_id) where call_id is not null;
create index inputs_parent on inputs (parent) where parent is not null;

-- One per attempt. ending: how it ended: an outcome, or why it ran again (retry,
-- neighbour, lost). batch_index: its place in its batch; the lines of a batch are those
-- of the first.
create table executions (
    id integer primary key autoincrement,
    input integer not null, attempt integer not null,
    function integer, process integer, container integer, slot integer,
    started_ns integer, ended_ns integer, ending text, zone text,
    concurrency integer, burst integer, cold integer,
    wait_s real, wait_reason text, batch_size integer, batch_index integer,
    unique (input, attempt)
) strict;
create index executions_time
    on executions (container, started_ns, ended_ns, slot, function);

-- Of a batch: the inputs beside the first, whose execution it is.
create table members (
    input integer not null, execution integer not null,
    primary key (input, execution)
) strict, without rowid;
create index members_execution on members (execution);
"""

_DISPATCHER: Final = """
create table decisions (
    id integer primary key, unix_ns integer not null, function integer,
    want integer, have integer, demand real, reason text
) strict;
create index decisions_time on decisions (unix_ns);
create table bursts (
    id integer primary key, function integer, started_ns integer not null,
    ended_ns integer not null, peak integer, containers integer, reason text
) strict;
create index bursts_time on bursts (started_ns);

-- An event loop stood still. input: who held it, where that is certain; candidates
-- and suffered: JSON, ids of inputs. over: 0 while it stands.
create table blocked (
    id integer primary key, began_ns integer not null, function integer,
    process integer, container integer, seconds real not null,
    over integer not null, input text, candidates text, line text, stack text,
    suffered text
) strict;
create index blocked_time on blocked (began_ns);

-- The last that was said of each pool. declared and measured: JSON, by the names of
-- the dispatcher's records.
create table pools (
    pool text primary key, function integer, unix_ns integer not null,
    process integer, declared text, measured text
) strict, without rowid;
"""

_LINES: Final = """
-- level: by number, 10 to 50. stream: stdout or stderr, for captured output.
create table sources (
    id integer primary key, process integer not null, level integer not null,
    logger text, thread text not null, stream text,
    unique (process, level, logger, thread, stream)
) strict;

-- execution: whose line it is; 0 where nobody knows. fields: JSON. trace_id and
-- span_id: only where they are not the execution's own. late: 1 when its input had
-- settled. candidates: JSON, who may have written it. uid: of received lines, the
-- attribute log.record.uid. occurrence: of an exception.
create table logs (
    id integer primary key autoincrement, unix_ns integer not null,
    execution integer not null, source integer not null,
    event text not null, fields text not null,
    exception text, late integer, candidates text, trace_id blob, span_id blob,
    uid text, occurrence integer
) strict;
create unique index logs_uid on logs (uid) where uid is not null;
create index logs_trace on logs (trace_id) where trace_id is not null;

-- Where the lines of an execution are: they lie side by side, so there is one row
-- for each time that some were taken in, and no index over all lines.
create table runs (
    execution integer not null, first integer not null, last integer not null,
    primary key (execution, first)
) strict, without rowid;

-- Some thousand lines each, with what has to be known to pass over all of them.
-- levels: a bit for each level, 1 << (level / 10).
create table stretches (
    first integer primary key, last integer not null,
    min_ns integer not null, max_ns integer not null, levels integer not null
) strict;
create index stretches_time on stretches (max_ns);

-- Filled behind the rows, up to meta.indexed: see search.py.
create virtual table logs_fts using fts5 (
    event, exception, content='logs', content_rowid='id',
    detail=none, columnsize=0, tokenize="unicode61 remove_diacritics 0"
);

-- By fingerprint: exceptions that are alike wherever their code has moved.
create table exceptions (
    id integer primary key, fingerprint text not null unique, type text not null,
    message text not null, sample text not null,
    first_ns integer not null, last_ns integer not null, seen integer not null
) strict;
create table occurrences (
    id integer primary key autoincrement, exception integer not null,
    unix_ns integer not null, execution integer, process integer
) strict;
create index occurrences_exception on occurrences (exception, unix_ns);
"""

_SIGNALS: Final = """
-- attributes, events, links and dropped: JSON. Ids are bytes, as in OTLP.
create table spans (
    id integer primary key autoincrement, trace_id blob not null, span_id blob not null,
    parent_span_id blob, name text not null, kind integer not null,
    started_ns integer not null, ended_ns integer not null,
    execution integer, process integer, status integer not null,
    status_text text, attributes text, events text, links text, state text,
    scope integer not null, scope_version text, dropped text,
    unique (trace_id, span_id)
) strict;

-- attributes: JSON, sorted by name. bounds: JSON, of a histogram.
create table series (
    id integer primary key, name text not null, unit text not null,
    shape text not null, attributes text not null, process integer not null,
    delta integer not null, bounds text not null, description text not null,
    unique (name, attributes, process, unit, shape, delta, bounds)
) strict;
-- The last value within each step of 10 s; of deltas, their sum. Of a histogram,
-- value is the sum of its values, and counts (JSON) are those of its buckets.
create table points (
    series integer not null, step_ns integer not null, unix_ns integer not null,
    start_ns integer not null, value real not null,
    counts text, min real, max real, exemplars text,
    primary key (series, step_ns)
) strict, without rowid;

create table outbox (
    number integer primary key autoincrement, signal text not null,
    items integer not null, bytes integer not null, body blob not null
) strict;
create index outbox_signal on outbox (signal, number);
create table dropped (
    signal text not null, reason text not null, items integer not null,
    primary key (signal, reason)
) strict, without rowid;
create table shipped (
    signal text primary key, items integer not null
) strict, without rowid;

-- Which numbers rows had at a time: what lies below them is as old as that, at
-- least. Retention goes by these.
create table marks (
    id integer primary key, taken_ns integer not null, logs integer not null,
    spans integer not null, inputs integer not null, executions integer not null,
    occurrences integer not null
) strict;
"""

_VIEWS: Final = """
create view v_lines as
select l.id, datetime(l.unix_ns / 1000000000, 'unixepoch') as time, l.unix_ns,
    case s.level when 10 then 'debug' when 20 then 'info' when 30 then 'warning'
        when 40 then 'error' else 'critical' end as level,
    l.event, s.logger, l.fields, l.exception, i.input_id, t.text as function,
    e.attempt, c.container_id, e.slot, s.thread, s.stream, l.late, p.name as process
from logs l join sources s on s.id = l.source join processes p on p.id = s.process
left join executions e on e.id = l.execution left join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container;

create view v_inputs as
select i.input_id, t.text as function, i.outcome,
    datetime(i.began_ns / 1000000000, 'unixepoch') as began, i.attempts, i.wait_s,
    i.wait_reason, i.run_s, i.total_s, c.container_id, i.slot, i.zone, i.concurrency,
    i.error_type, i.error_text, i.cancel_cause, i.blocked_s, i.call_id, i.parent,
    lower(hex(i.trace_id)) as trace_id, i.began_ns, i.started_ns, i.ended_ns
from inputs i left join texts t on t.id = i.function
left join containers c on c.id = i.container;

create view v_executions as
select i.input_id, e.attempt, t.text as function, c.container_id, e.slot,
    e.started_ns, e.ended_ns, (e.ended_ns - e.started_ns) / 1e9 as run_s, e.ending,
    e.zone, e.concurrency, e.wait_s, e.wait_reason
from executions e join inputs i on i.id = e.input
left join texts t on t.id = e.function left join containers c on c.id = e.container;
"""

STEPS: Final[Sequence[str]] = (
    _SUBJECTS + _DISPATCHER + _LINES + _SIGNALS + _VIEWS,  # an empty file to version 1
)
"""Step *n* makes a file of version *n* + 1 of one of version *n*. Those that are out
in the world are never changed: what is to be different is a further step."""

VERSION: Final = len(STEPS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the schema in a file; 0 for an empty one.

    Raises:
        sqlite3.Error: The file cannot be read, or is no database.
        StoreError: It is a database of somebody else's.
    """
    tables = connection.execute("select count(*) from sqlite_master").fetchone()[0]
    if not tables:
        return 0
    if connection.execute("pragma application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError("the file is a database of another program, and no store")
    row = connection.execute("select value from meta where key = 'version'").fetchone()
    return int(row[0]) if row else 0


def checked_version(
    connection: sqlite3.Connection, *, steps: Sequence[str] = STEPS
) -> int:
    """The version of a file that this program can bring up to date.

    Args:
        steps: Those of another program, in tests.

    Raises:
        StoreError: A newer program has written the file.
        sqlite3.Error: It cannot be read.
    """
    version = version_of(connection)
    if version > len(steps):
        raise StoreError(
            f"the store has version {version}, and this program knows those up to "
            f"{len(steps)}: a newer program has written it; use that one, or another "
            "folder (TELEMETRY_DIR)"
        )
    return version


def migrate(connection: sqlite3.Connection, *, steps: Sequence[str] = STEPS) -> None:
    """Bring a file to this version, in one transaction: all of it, or nothing.

    Args:
        steps: Those of another program, in tests.

    Raises:
        StoreError: A newer program has written the file.
        sqlite3.Error: It cannot be written.
    """
    version = checked_version(connection, steps=steps)
    if version == len(steps):
        return
    connection.execute("begin immediate")
    try:
        for step in steps[version:]:
            for statement in statements(step):
                connection.execute(statement)
        connection.execute(f"pragma application_id = {APPLICATION_ID}")
        connection.execute(
            "insert or replace into meta (key, value) values ('version', ?)",
            (len(steps),),
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def statements(script: str) -> list[str]:
    """The statements of *script*, one by one: ``executescript`` would commit."""
    found: list[str] = []
    begun = ""
    for part in script.split(";"):
        begun += part + ";"
        if sqlite3.complete_statement(begun):
            if begun.strip(" \n;"):
                found.append(begun.strip())
            begun = ""
    return found
