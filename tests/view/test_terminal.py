"""The terminal view: as rows for any terminal, and on a screen of Textual's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.widgets import RichLog

from telemetry.capture.terminal import cells
from telemetry.pipeline.agent.places import Places
from telemetry.view.answers.lines import Line
from telemetry.view.answers.pages import (
    AgentState,
    BlockedNow,
    ContainerNow,
    FunctionNow,
    Now,
    SlotNow,
)
from telemetry.view.terminal.picture import line_row, picture
from telemetry.view.terminal.plain import plain
from telemetry.view.terminal.screen import Top
from telemetry.view.terminal.watching import Watching
from tests.view.filling import Filling
from tests.view.writing import Line as Said
from tests.view.writing import Writing


def slot(number: int, *, cancelled: bool = False, name: str = "") -> SlotNow:
    """An input in a slot for two seconds."""
    input_id = name or f"in-01J00000000000000000000A{number:02}"
    return SlotNow(number, input_id, "translate", 0, 8_000.0, cancelled)


def now(slots: list[SlotNow], **more: Any) -> Now:
    """A function with one container, whose target is 3 and whose limit is 5."""
    given: dict[str, Any] = {"zone": "burst", "target": 3, "limit": 5, **more}
    container = ContainerNow(
        "ct-01J0000000000000000000K7Q2",
        "translate",
        7,
        "ready",
        1.0,
        running=len(slots),
        slots=slots,
        **given,
    )
    function = FunctionNow(
        *("translate", "async", len(slots), 4, 1.5, 3, 5, 2),
        states={"ready": 1, "starting": 1},
        zones={"burst": 1},
        want=2,
        settled={"success": 12, "error": 1},
    )
    return Now(10_000.0, "s", 1, AgentState(alive=True), [function], [container], [])


def text(what: Now, columns: int = 100) -> str:
    """As plain text."""
    return plain(picture(what, columns), colour=False)


def test_slots_above_target_stand_behind_a_bar() -> None:
    """Taken, free, cancelled and above target are told apart without colours."""
    shown = text(now([slot(0), slot(1, cancelled=True), slot(3)]))

    assert "█x·│█·" in shown
    assert "▲" in shown and "burst" in shown
    assert "000A00 2.0s" in shown


def test_the_figures_are_in_words() -> None:
    """Running of how many, target, queue, what starts, how inputs ended."""
    shown = text(now([slot(0)]))

    for said in (
        "1 input running, 4 waiting",
        "running 1 of 5, target 3",
        "queued 4 for 1.5 s",
        "1 starting",
        "success 12",
        "error 1",
    ):
        assert said in shown


def test_a_blocked_loop_is_flagged() -> None:
    """With who holds it, and where."""
    blocked = BlockedNow(2.25, "in-01J00000000000000000000A07", "app.py:3 in work")
    shown = text(now([slot(7)], blocked=blocked))

    assert "! event loop blocked for 2.2 s by 000A07 at app.py:3 in work" in shown


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_row_is_wider_than_the_terminal(columns: int) -> None:
    """Whatever stands in it."""
    slots = [slot(n, name="in-" + "漢\x1b[2J" * 20) for n in range(5)]
    rows = picture(now(slots), columns)

    for row in rows:
        assert sum(cells(span.text) for span in row) <= columns
    assert "\x1b" not in text(now(slots), columns)


def test_a_line_moves_no_cursor() -> None:
    """Escape sequences are shown by their codes."""
    line = Line(1, 0.0, "0.1", "error", "a\x1b[2J\rb\u202e", fields=[("k\x07", "v\n")])
    shown = "".join(span.text for span in line_row(line, 200))

    assert shown.isprintable()
    assert "\\x1b[2J\\rb\\u202e" in shown


def test_colours_are_closed() -> None:
    """Each style ends where its text ends."""
    shown = plain(picture(now([slot(0)]), 100), colour=True)

    assert shown.count("\x1b[0m") * 2 == shown.count("\x1b[")


def test_lines_come_once_and_in_order(place: Places, run: Filling) -> None:
    """At first the newest, then what has come since."""
    watching = Watching(place)
    try:
        first = watching.lines()
        assert len(first) == 50
        assert watching.lines() == []
        with Writing(place.store) as writing:
            writing.say(Said("one"), Said("two"))
        assert [each.event for each in watching.lines()] == ["one", "two"]
    finally:
        watching.close()


def test_the_screen_shows_and_takes_keys(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The present above, lines below; space pauses them, q ends it."""
    from telemetry.pipeline.agent.places import places

    place = places(tmp_path_factory.mktemp("top") / "base")
    watching = Watching(place)

    async def look() -> None:
        app = Top(watching)
        async with app.run_test(size=(100, 30)) as pilot:
            await _until(lambda: "Nothing runs now" in _shown(app), pilot)
            with Writing(place.store) as writing:
                writing.say(Said("hello from a line"))
            await _until(lambda: app.query_one("#lines", RichLog).lines, pilot)
            await pilot.press("space")
            assert app.query_one("#lines").border_title
            await pilot.press("l", "l")
            assert not app.query_one("#lines").display
            await pilot.press("q")
        assert app.return_code == 0

    try:
        asyncio.run(look())
    finally:
        watching.close()


def _shown(app: Any) -> str:
    return str(app.query_one("#picture").render())


async def _until(holds: Any, pilot: Any) -> None:
    for _ in range(300):
        if holds():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never held")
