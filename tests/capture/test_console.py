"""The console: what people and machines see, from many threads at once."""

from __future__ import annotations

import asyncio
import contextvars
import io
import os
import threading
from collections.abc import Mapping
from datetime import UTC

import orjson
import pytest

import telemetry
from telemetry.capture import sink
from telemetry.capture.console import WAITING_WRITES, Console, wants_colour
from telemetry.capture.line import Line

# 2026-11-23 14:03:07.123456 UTC.
AT_NS = 1_795_442_587_123_456_789


class Terminal(io.StringIO):
    def __init__(self, *, terminal: bool = True) -> None:
        super().__init__()
        self.terminal = terminal
        self.writes: list[str] = []

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


class Blocked(Terminal):
    """Stops its first writer until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(10)
        return super().write(text)


class Latin(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="latin-1", newline="\n")

    def text(self) -> str:
        self.seek(0)
        return self.read()


def line(event: str = "hi", level: str = "info", **kw: object) -> Line:
    """A line of a fixed moment."""
    given: dict[str, object] = {"unix_ns": AT_NS, "thread": "MainThread", **kw}
    fields = given.pop("fields", {})
    return Line(event=event, level=level, fields=fields, **given)  # type: ignore[arg-type]


def pretty(*lines: Line, colour: bool = False) -> str:
    """What people see of *lines*."""
    stream = Terminal()
    Console("pretty", stream=stream, colour=colour, timezone=UTC).show(lines)
    return stream.getvalue()


def as_json(one: Line) -> Mapping[str, object]:
    """What machines read of a line."""
    stream = io.StringIO()
    Console("json", stream=stream).write(one)
    record: dict[str, object] = orjson.loads(stream.getvalue())
    return record


def test_pretty_line_of_an_input() -> None:
    """Time, level, short id, function, event and keys stand in columns."""
    one = line(
        input_id="in-01ABCDEFGH",
        function="translate",
        fields={"size": 3, "to": "a b", "opts": {"x": [1]}, "none": None},
    )

    assert pretty(one) == (
        "14:03:07.123 INFO  CDEFGH translate    hi                       "
        'size=3 to="a b" opts={"x":[1]} none=None\n'
    )


def test_pretty_line_without_an_input() -> None:
    """There is no empty column for ids where there are none."""
    assert pretty(line()) == "14:03:07.123 INFO  hi\n"
    assert pretty(line(logger="app")) == "14:03:07.123 INFO  app          hi\n"


def test_pretty_columns_align() -> None:
    """A line outside of inputs leaves their column free."""
    first, second = pretty(
        line("a", input_id="in-01ABCDEFGH", function="f"), line("b", logger="app")
    ).splitlines()

    assert first.index(" a") == second.index(" b")


def test_pretty_marks_what_is_unusual() -> None:
    """Late lines, further attempts and batches are told apart."""
    text = pretty(line(input_id="in-1", late=True, attempt=2, batch_input_ids=("a",)))

    assert "input_late=true attempt=2 batch=1" in text


def test_pretty_exception_is_indented() -> None:
    """A traceback stands below its line, each row behind a bar."""
    _, *rows = pretty(line(exception="Traceback\n  File\nKeyError: 1")).splitlines()

    assert rows == ["  │ Traceback", "  │   File", "  │ KeyError: 1"]


@pytest.mark.parametrize(
    "hostile",
    [
        "a\n14:03:07.123 INFO  forged",
        "a\r14:03:07.123 INFO  forged",
        "a\u2028forged",
        "a\x85forged",
        "a\x1b[2J\x1b[Hforged",
        "a\x9b2Jforged",
        "a\u202eforged",
        "a\x00\x08\x7f",
    ],
)
def test_line_cannot_forge_another(hostile: str) -> None:
    """Wherever it stands, a hostile text neither ends its record nor steers."""
    text = pretty(
        line(
            hostile,
            logger=hostile,
            function=hostile,
            input_id=hostile,
            exception=hostile,
            fields={hostile: hostile, "nested": {hostile: [hostile]}},
        )
    )

    first, *rows = text.removesuffix("\n").split("\n")
    assert first.startswith("14:03:07.123 INFO")
    assert all(row.startswith("  │") for row in rows)
    assert all(c == " " or not c.isspace() for row in rows for c in first + row)
    assert "\u202e" not in text
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in first)


def test_multi_line_value_is_a_block() -> None:
    """A value of several rows is shown below its line, under its key."""
    _, *rows = pretty(line(fields={"sql": "SELECT 1\n  FROM t"})).splitlines()

    assert rows == ["  │ sql:", "  │   SELECT 1", "  │     FROM t"]


def test_cut_colour_is_closed() -> None:
    """A status that is cut inside a colour does not colour what follows."""
    stream = Terminal()

    Console("pretty", stream=stream, colour=True, columns=4).set_status("\x1b[31mabcd")

    assert stream.writes == ["\x1b[31mabc\x1b[0m"]


def test_colour_of_an_id_is_stable_and_its_own() -> None:
    """An id has one colour, and neighbours of a burst have others."""
    one, again, other = (
        pretty(line(input_id=f"in-01ABCDEF{tail}"), colour=True).split("\x1b[")
        for tail in ("GH", "GH", "GJ")
    )

    assert one == again
    assert one[5][:8] != other[5][:8]


def test_no_colour_codes_without_colour() -> None:
    """Without colour nothing but text is written."""
    assert "\x1b" not in pretty(line(level="critical", fields={"a": 1}))
    assert "\x1b" in pretty(line(), colour=True)


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_wants_colour(
    environ: Mapping[str, str], terminal: bool, expected: bool
) -> None:
    """The environment decides first, then the stream."""
    assert wants_colour(environ, terminal=terminal) == expected
    stream = Terminal(terminal=terminal)
    Console("pretty", stream=stream, environ=environ).write(line())
    assert ("\x1b" in stream.getvalue()) == expected


def test_json_has_the_order_of_the_contract() -> None:
    """Identity first, in its order; then the caller's own keys."""
    one = line(
        logger="app",
        input_id="in-1",
        function_call_id="fc-1",
        function="f",
        attempt=1,
        container_id="ct-1",
        slot=0,
        batch_input_ids=("in-1",),
        late=True,
        exception="boom",
        fields={"zeta": 1, "alpha": 2},
    )

    assert list(as_json(one).items()) == [
        ("timestamp", "2026-11-23T14:03:07.123456Z"),
        ("level", "info"),
        ("event", "hi"),
        ("logger", "app"),
        ("input_id", "in-1"),
        ("function_call_id", "fc-1"),
        ("function", "f"),
        ("attempt", 1),
        ("container_id", "ct-1"),
        ("slot", 0),
        ("batch_input_ids", ["in-1"]),
        ("input_late", True),
        ("thread", "MainThread"),
        ("exception", "boom"),
        ("zeta", 1),
        ("alpha", 2),
    ]


def test_json_leaves_absent_identity_out() -> None:
    """Outside of an input there are no empty fields."""
    assert list(as_json(line())) == ["timestamp", "level", "event", "thread"]


def test_json_writes_what_json_cannot() -> None:
    """NaN and the infinities are texts, at any depth."""
    fields = {"a": float("nan"), "b": [float("inf"), {"c": float("-inf")}]}

    record = as_json(line(fields=fields))

    assert (record["a"], record["b"]) == ("NaN", ["Infinity", {"c": "-Infinity"}])


def test_json_survives_a_line_made_by_hand() -> None:
    """Values that were never made plain, and reserved names, do no harm."""
    record = as_json(line("\udc80", fields={"x": {1, 2}, "input_id": "forged"}))

    assert record["event"] == "\\udc80"
    assert record["x"] == "{1, 2}"
    assert (record.get("input_id"), record["input_id_"]) == (None, "forged")


def test_auto_is_pretty_on_a_terminal_only() -> None:
    """Elsewhere than on a terminal, machines read."""
    terminal, pipe = Terminal(), Terminal(terminal=False)
    for stream in (terminal, pipe):
        Console(stream=stream, colour=False, timezone=UTC).write(line())

    assert terminal.getvalue() == "14:03:07.123 INFO  hi\n"
    assert orjson.loads(pipe.getvalue())["event"] == "hi"


def test_batch_is_one_write() -> None:
    """The lines of a batch arrive together; no lines make no write."""
    stream = Terminal()
    console = Console("json", stream=stream)

    console.show([line("a"), line("b")])
    console.show([])

    assert [text.count("\n") for text in stream.writes] == [2]


def test_default_stream_is_stderr_of_the_moment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stream that replaces stderr gets what comes after."""
    Console("json").write(line())

    assert orjson.loads(capsys.readouterr().err)["event"] == "hi"


def test_no_stderr_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without stderr loses its lines, and nothing else."""
    monkeypatch.setattr("sys.stderr", None)
    console = Console()

    console.write(line())

    assert console.flush(0)


def test_small_encoding_gets_escapes() -> None:
    """What the stream cannot write is escaped, and the bar is one it can."""
    stream = Latin()
    Console("pretty", stream=stream, timezone=UTC).write(line("é 漢", exception="x"))

    assert stream.text() == "14:03:07.123 INFO  é \\u6f22\n  | x\n"


def test_status_stays_below_the_lines() -> None:
    """Each write takes the status away, and puts it back below."""
    stream = Terminal()
    console = Console("pretty", stream=stream, colour=False, columns=9, timezone=UTC)

    console.set_status("one\nlonger than that")
    console.write(line())
    console.set_status("")
    console.write(line())

    erase = "\r\x1b[2K\x1b[1A\r\x1b[2K"
    assert stream.writes == [
        "one\nlonger t",
        erase + "14:03:07.123 INFO  hi\none\nlonger t",
        erase,
        "14:03:07.123 INFO  hi\n",
    ]


def test_width_is_asked_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status follows the size of its terminal."""
    stream = Terminal()
    stream.fileno = lambda: 7  # type: ignore[method-assign]
    monkeypatch.setattr(
        os, "get_terminal_size", lambda fd: os.terminal_size((fd - 3, 1))
    )

    Console("pretty", stream=stream, colour=False).set_status("abcdef")

    assert stream.writes == ["abc"]


def test_closed_stream_is_no_terminal() -> None:
    """A stream that cannot say is treated as a file."""

    class Bare:
        def __init__(self) -> None:
            self.text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    stream = Bare()
    Console(stream=stream).write(line())

    assert orjson.loads(stream.text)["event"] == "hi"


def test_wide_characters_are_padded_by_cells() -> None:
    """Columns align below characters that take two, or none."""
    text = pretty(line("漢字e\u0301", fields={"a": 1}))

    assert text == "14:03:07.123 INFO  漢字e\u0301" + " " * 20 + "a=1\n"


def test_any_id_has_a_colour() -> None:
    """Ids of other runtimes need not look like ours."""
    assert "\x1b[38;5;" in pretty(line(input_id="a/é"), colour=True)


def test_status_is_cleared() -> None:
    """After clear_status nothing is left of it, and clearing twice is nothing."""
    stream = Terminal()
    console = Console("pretty", stream=stream, colour=False)
    console.set_status("busy")

    console.clear_status()
    console.clear_status()

    assert stream.writes == ["busy", "\r\x1b[2K"]


def test_status_is_cut_by_cells_and_keeps_colour() -> None:
    """Wide characters take two columns, colour codes none, and end at the cut."""
    stream = Terminal()
    console = Console("pretty", stream=stream, colour=True, columns=6)

    console.set_status("\x1b[32m漢字漢\x1b[0m\x07")

    assert stream.writes == ["\x1b[32m漢字\x1b[0m"]


def test_status_without_colour_has_none() -> None:
    """Where lines have no colour, the status has none."""
    stream = Terminal()
    Console("pretty", stream=stream, colour=False).set_status("\x1b[32mok\x1b[0m")

    assert stream.writes == ["ok"]


@pytest.mark.parametrize("style", ["auto", "json"])
def test_no_status_off_terminals(style: str) -> None:
    """A status never gets into a file or among JSON."""
    stream = Terminal(terminal=style == "json")
    Console(style, stream=stream).set_status("busy")  # type: ignore[arg-type]

    assert stream.writes == []


def test_only_one_thread_waits_for_a_blocked_stream() -> None:
    """Others leave their lines, which are written in order by the one held."""
    stream = Blocked()
    console = Console("json", stream=stream)
    held = threading.Thread(target=console.write, args=(line("first"),))
    held.start()
    assert stream.reached.wait(10)

    for number in range(WAITING_WRITES + 5):  # returns, though nothing moves
        console.write(line(str(number)))
    assert not console.flush(0)
    stream.go.set()
    held.join()

    events = [orjson.loads(row)["event"] for row in stream.getvalue().splitlines()]
    assert events[:3] == ["first", "0", "1"]
    assert len(events) == 1 + WAITING_WRITES + 1
    assert orjson.loads(stream.getvalue().splitlines()[-1])["lines"] == 5
    assert console.flush(0)


def test_flush_waits_for_the_writer() -> None:
    """When flush says True, everything has been written."""
    stream = Blocked()
    console = Console("json", stream=stream)
    held = threading.Thread(target=console.write, args=(line("first"),))
    held.start()
    assert stream.reached.wait(10)
    console.write(line("second"))

    stream.go.set()

    assert console.flush(10)
    held.join()
    assert stream.getvalue().count("\n") == 2


def test_line_between_two_looks_is_not_left_behind() -> None:
    """What is appended while the writer lets go is written by the writer."""
    stream = Terminal()
    console = Console("json", stream=stream)

    class Late:
        """A lock that lets a line in just before it is released."""

        def __init__(self) -> None:
            self.inner = threading.Lock()
            self.done = False

        def acquire(self, *, blocking: bool) -> bool:
            return self.inner.acquire(blocking=blocking)

        def release(self) -> None:
            if not self.done:
                self.done = True
                other = threading.Thread(target=console.write, args=(line("late"),))
                other.start()
                other.join()
            self.inner.release()

    console._writing = Late()  # type: ignore[assignment]
    console.write(line("first"))

    assert "late" in stream.getvalue()


def test_fork_leaves_lock_and_queue_behind() -> None:
    """A child writes, though another thread held the lock when it was forked."""
    stream = Terminal()
    console = Console("json", stream=stream)
    console._writing.acquire()
    console._waiting.append("the parent's\n")

    child = os.fork()
    if child == 0:  # pragma: no cover
        console.write(line("child"))
        os._exit(0 if [w.count("child") for w in stream.writes] == [1] else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_one_bad_line_does_not_lose_the_others() -> None:
    """A line that cannot be rendered is reported after the rest is shown."""
    stream = Terminal()
    bad = line(fields={"x": [{1}]})

    with pytest.raises(TypeError, match="set"):
        Console("pretty", stream=stream).show([line("a"), bad, line("b")])

    assert (stream.getvalue().count("\n"), "a" in stream.getvalue()) == (2, True)


def test_everyone_at_once() -> None:
    """50 tasks and 20 threads: each line whole, and with the id of its writer."""
    stream = Terminal(terminal=False)
    sink.set_console(Console("json", stream=stream))
    log = telemetry.get_logger("all")
    text = "x\n" * 500

    def write(name: str) -> None:
        with telemetry.input_scope(function="sync", input_id=name):
            context = contextvars.copy_context()
            for number in range(10):
                context.run(log.info, "line", owner=name, number=number, text=text)

    async def body(name: str) -> None:
        async with telemetry.input_scope(function="async", input_id=name):
            for number in range(5):
                log.info("line", owner=name, number=2 * number, text=text)
                await asyncio.sleep(0)
                await asyncio.to_thread(
                    log.info, "line", owner=name, number=2 * number + 1, text=text
                )

    async def main() -> None:
        await asyncio.gather(*(body(f"in-task-{n}") for n in range(50)))

    threads = [
        threading.Thread(target=write, args=(f"in-thread-{n}",)) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    asyncio.run(main())
    for thread in threads:
        thread.join()

    records = [orjson.loads(row) for row in stream.getvalue().splitlines()]
    assert len(records) == 70 * 10
    assert all(record["input_id"] == record["owner"] for record in records)
    for owner in {record["owner"] for record in records}:
        numbers = [r["number"] for r in records if r["owner"] == owner]
        assert numbers == list(range(10))  # in the order of their writer
