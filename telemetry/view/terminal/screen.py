"""``telemetry top`` on a terminal: the present above, the lines as they come below."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, RichLog, Static

from telemetry.view.answers.lines import Line
from telemetry.view.answers.pages import Now
from telemetry.view.terminal.picture import STYLES, Row, line_row, picture
from telemetry.view.terminal.watching import Watching

EVERY_S: Final = 0.5
MOST_LINES: Final = 2_000
"""Lines that can be scrolled back to."""


class Top(App[None]):
    """The whole screen.

    Args:
        watching: Where what is shown comes from.
    """

    TITLE = "telemetry top"
    CSS = """
    #now { height: 2fr; padding: 0 1; }
    #lines { height: 1fr; border-top: solid $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("space", "pause", "Pause the lines"),
        Binding("l", "lines", "Lines: more, less, none"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, watching: Watching) -> None:
        super().__init__()
        self._watching = watching
        self._paused = False
        self._height = 0

    def compose(self) -> ComposeResult:
        """What is on the screen."""
        with VerticalScroll(id="now"):
            yield Static(id="picture")
        yield RichLog(id="lines", max_lines=MOST_LINES, wrap=False, auto_scroll=True)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(EVERY_S, self._look)
        self._look()

    def action_pause(self) -> None:
        """Let the lines stand, or go on."""
        self._paused = not self._paused
        log = self.query_one("#lines", RichLog)
        log.border_title = "paused: space goes on" if self._paused else None

    def action_lines(self) -> None:
        """Give the lines more room, less, none."""
        self._height = (self._height + 1) % 3
        log = self.query_one("#lines", RichLog)
        log.display = self._height != 2  # noqa: PLR2004  # the third of three
        log.styles.height = ("1fr", "3fr", "1fr")[self._height]

    def _look(self) -> None:
        self.run_worker(self._read, thread=True, exclusive=True, group="look")

    def _read(self) -> None:
        now = self._watching.now()
        lines = [] if self._paused else self._watching.lines()
        self.call_from_thread(self._show, now, lines)

    def _show(self, now: Now, lines: list[Line]) -> None:
        columns = max(self.size.width - 4, 20)
        rows = picture(now, columns)
        text = Text("\n").join(_styled(row) for row in rows)
        self.query_one("#picture", Static).update(text)
        log = self.query_one("#lines", RichLog)
        for each in lines:
            log.write(_styled(line_row(each, columns)))


def _styled(row: Row) -> Text:
    text = Text(no_wrap=True)
    for span in row:
        text.append(span.text, STYLES.get(span.style, ""))
    return text
