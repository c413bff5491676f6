"""What the page gets to draw: containers, executions, moments.

Field by field as in ``web/src/api/types.ts``; a test compares the two. Times are Unix
milliseconds (``_ms``): JavaScript counts no nanoseconds. Lengths are seconds (``_s``).
"""

from __future__ import annotations

import msgspec


class Container(msgspec.Struct):
    """A container, or a program without any, from its start to its end.

    Attributes:
        limit: Rows that its executions need.
        state: starting, ready, exited, or "program".
    """

    container_id: str
    function: str
    pid: int | None
    starting_ms: float | None
    ready_ms: float | None
    exited_ms: float | None
    spawn_s: float | None
    import_s: float | None
    enter_s: float | None
    exit_reason: str | None
    exit_status: int | None
    target: int | None
    limit: int | None
    state: str


class Moved(msgspec.Struct):
    """An input whose container had to go, and what became of it in the end.

    Attributes:
        attempt: The one that was interrupted; *slot* is where.
    """

    input_id: str
    attempt: int
    slot: int | None
    outcome: str | None


class Moment(msgspec.Struct):
    """Something out of the ordinary.

    Attributes:
        kind: burst, cold_start, cancellation, timeout, crash, start_failed, blocked,
            error or lost.
        input_id: Whose moment it is, or who caused it; *attempt* and *slot* are its.
        moved: Who had to go along.
    """

    kind: str
    at_ms: float
    function: str
    until_ms: float | None = None
    container_id: str | None = None
    input_id: str | None = None
    attempt: int | None = None
    slot: int | None = None
    reason: str | None = None
    moved: list[Moved] = []  # msgspec copies an empty default
    peak: int | None = None
    seconds: float | None = None
    detail: str | None = None


class Layout(msgspec.Struct):
    """Everything on the timeline that is not an execution.

    Attributes:
        store: Tells one store from another.
        cut: There were more moments, or more containers, than are listed.
    """

    store: str
    now_ms: float
    first_ms: float | None
    last_ms: float | None
    containers: list[Container]
    moments: list[Moment]
    cut: bool


class Bars(msgspec.Struct):
    """Executions as columns: equal places of all lists belong together.

    Attributes:
        start: Milliseconds from the tile's begin; as *end*, which is -1 while it runs.
        ending: A letter for each: see `ENDING_LETTERS`.
        zone: A letter for each: see `ZONE_LETTERS`.
        wait: Milliseconds in the queue.
    """

    container: list[int] = []
    slot: list[int] = []
    start: list[float] = []
    end: list[float] = []
    ending: str = ""
    zone: str = ""
    attempt: list[int] = []
    wait: list[float] = []
    input: list[str] = []


class Dots(msgspec.Struct):
    """Executions that are shorter than a column, counted per slot and column.

    Attributes:
        share: Of the column's time that they took.
        ending: The worst of them.
        zone: The fullest of them.
    """

    container: list[int] = []
    slot: list[int] = []
    column: list[int] = []
    count: list[int] = []
    share: list[float] = []
    ending: str = ""
    zone: str = ""


class Load(msgspec.Struct):
    """Inputs of a function per column: most that ran, and how many waited."""

    function: int
    running: list[int]
    queued: list[int]


class Link(msgspec.Struct):
    """An execution that was interrupted, and the next one of the same input."""

    input: str
    attempt: int
    ending: str
    from_container: str
    from_slot: int
    from_ms: float
    to_container: str
    to_slot: int
    to_ms: float


class Tile(msgspec.Struct):
    """A stretch of time, ready to be drawn.

    Attributes:
        containers: What the numbers in *bars* and *dots* stand for.
        functions: The same for *load*.
        complete: Nothing in it is still running.
    """

    from_ms: float
    to_ms: float
    columns: int
    containers: list[str]
    functions: list[str]
    bars: Bars
    dots: Dots
    load: list[Load]
    links: list[Link]
    complete: bool


class LoadHistory(msgspec.Struct):
    """`Load` with the capacity that there was: of all containers together."""

    function: str
    from_ms: float
    step_ms: float
    running: list[int]
    queued: list[int]
    target: list[int]
    limit: list[int]


ENDING_LETTERS = {
    "success": "s",
    "error": "e",
    "cancelled": "c",
    "timeout": "t",
    "lost": "l",
    "retry": "r",
    "neighbour": "n",
    "died": "d",
    None: "-",
}
"""What stands for an ending in `Bars.ending`. died: interrupted, as its container
died, while ``lost`` is an outcome."""

ZONE_LETTERS = {"idle": "i", "normal": "n", "burst": "b", "saturated": "s", None: "-"}
