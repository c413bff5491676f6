from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from examples.demo.books import audit
from examples.demo.director import Report
from examples.demo.figures import count, duration, listed, percentile, quantiles
from examples.demo.observer import Observer
from examples.demo.status import Progress, status
from examples.demo.summary import summary
from examples.demo.theme import Accents, Theme, can_show_unicode
from examples.demo.workload import SHAPES, TRANSLATE, Ration, work_s
from telemetry.capture.terminal import cells, uncoloured
from telemetry.core.outcome import Outcome
from tests.examples.made import (
    FACTS,
    PLAIN,
    busy_run,
    observer,
    settled,
    started,
    submit,
)

ASCII = Theme(colour=False, unicode=False)
COLOURED = Theme(colour=True, unicode=True)


@cache
def _page(theme: Theme = PLAIN) -> str:
    seen, report = busy_run()
    return summary(seen, report, audit(seen, report), FACTS, theme)


@pytest.mark.parametrize("theme", [PLAIN, ASCII, COLOURED])
def test_page_fits_100_columns(theme: Theme) -> None:
    """Also with large figures no row is wider than 100 columns."""
    rows = _page(theme).splitlines()

    assert [row for row in rows if cells(row) > 100] == []


def test_colours_change_nothing_else() -> None:
    """Without its colour codes, a coloured page is the plain one."""
    assert uncoloured(_page(COLOURED)) == _page(PLAIN)


def test_plain_page_has_no_codes() -> None:
    """Without colour there is no escape sequence."""
    assert "\x1b" not in _page(PLAIN)


def test_ascii_page_is_ascii() -> None:
    """Where the encoding has no bars, there are none."""
    assert _page(ASCII).isascii()


@pytest.mark.parametrize(
    "row",
    [
        "10,012",
        "KILL01  translate  user     task       unwound    10.0 ms  cancelled  unt",
        "KILL02  translate  user     task       swallowed  10.0 ms  success    unt",
        "PIC000  resize     timeout  container  unwound    10.0 ms  timeout",
        "timeout    1 rerun, all succeeded",
        "PIC002  resize     user     in queue   no start",
        "(pid 4711) of translate: SIGKILL with 11 inputs in mid-work; seen as crash",
        "11 inputs rescheduled under the same id, attempt + 1: 10 success and 1 canc",
        "Embed.texts: 1 batch of 3.0 on average, at most 3 of 8",
        "1 cold_start",
        r"resize: 2 of ValueError: no \n width xxx",
        "5 containers, median 200 ms, slowest 200 ms",
        "make demo ARGS='--speed 20'  faster",
        "10,018 submitted, 10,018 settled once each, as their callers saw; no",
    ],
)
def test_page_tells(row: str) -> None:
    """The page tells of each trouble what became of it."""
    assert row in _page()


def test_books_come_last() -> None:
    """The last line is whether everything adds up."""
    assert _page().splitlines()[-1].strip().startswith("✓")


def test_page_of_nothing() -> None:
    """A run that was broken off at once still has a page."""
    seen, report = Observer(SHAPES), Report()
    facts = replace(FACTS, interrupted=True)

    page = summary(seen, report, audit(seen, report), facts, PLAIN)

    assert "interrupted" in page and "nobody was killed" in page


def _unsettled(seen: Observer, report: Report) -> None:
    submit(seen, TRANSLATE.name)


def _settled_again(seen: Observer, report: Report) -> None:
    submit(seen, TRANSLATE.name)
    seen.add(settled("in-000001"))
    report.tally[TRANSLATE.name, Outcome.SUCCESS] += 1


def _above_limit(seen: Observer, report: Report) -> None:
    submit(seen, TRANSLATE.name)
    seen.add(started("in-X", container_id="ct-DDDDDD", concurrency=13))
    seen.add(settled("in-X", container_id="ct-DDDDDD"))
    report.tally[TRANSLATE.name, Outcome.SUCCESS] += 1


def _callers_differ(seen: Observer, report: Report) -> None:
    report.tally[TRANSLATE.name, Outcome.SUCCESS] -= 1


def _caller_waits(seen: Observer, report: Report) -> None:
    report.unsettled = 1


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_unsettled, "translate: 10013 submitted, 10012 settled"),
        (_settled_again, "settled more than once: in-000001"),
        (_above_limit, "ct-DDDDDD ran 13 at once, above 12"),
        (_callers_differ, "10011 success by the records, 10010 for the callers"),
        (_caller_waits, "1 callers still waited"),
    ],
)
def test_books_notice(spoil: object, error: str) -> None:
    """Whatever does not add up is an error, and is on the page."""
    seen, report = busy_run()
    spoil(seen, report)  # type: ignore[operator]  # one of a table
    books = audit(seen, report)

    assert not books.balanced
    assert error in summary(seen, report, books, FACTS, PLAIN)


def test_books_without_callers() -> None:
    """After an interruption the callers are gone, and do not count."""
    seen, report = busy_run()
    report.tally.clear()

    assert audit(seen, report, callers=False).balanced


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (0.0, "0.00 ms"),
        (0.00042, "0.42 ms"),
        (0.0123, "12.3 ms"),
        (0.456, "456 ms"),
        (0.9996, "1.00 s"),
        (78.94, "78.9 s"),
        (1234.0, "1,234 s"),
    ],
)
def test_duration(value_s: float, text: str) -> None:
    """Three digits and a unit that fits them."""
    assert duration(value_s) == text


def test_percentile_is_the_nearest_rank() -> None:
    """The 50th of a hundred values is the fiftieth, the 99th the ninety-ninth."""
    values = [float(number) for number in range(1, 101)]

    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]


def test_quantiles_of_nothing() -> None:
    """Without values there are no percentiles."""
    assert quantiles([]) is None


def test_words() -> None:
    """Numbers and lists read as sentences do."""
    assert count(1, "input") == "1 input"
    assert count(2, "batch", "batches") == "2 batches"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_status_has_a_row_per_function() -> None:
    """Time and arrivals on the first row, then each function with its zone."""
    seen = observer()
    submit(seen, TRANSLATE.name, 30)
    for slot in range(12):
        seen.add(started(f"in-{slot}", slot=slot))

    rows = status(seen, Progress(4.2, 20.0, 30, 1_000), PLAIN).splitlines()

    assert "4.2 s of 20 s" in rows[0] and "30 of 1,000 arrived" in rows[0]
    assert rows[1].split()[:7] == [
        *("translate", "running", "12", "queued", "18", "containers", "1"),
    ]
    assert "saturated" in rows[1] and rows[1].endswith("█" * 10 + "▓▓")
    assert len(rows) == 4


@pytest.mark.parametrize(("encoding", "can"), [("utf-8", True), ("ascii", False)])
def test_unicode_needs_an_encoding(encoding: str, can: bool) -> None:
    """Bars and marks are shown where the encoding has them."""
    assert can_show_unicode(encoding) is can


class _Sink:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str, /) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_accents_colour_marked_rows_only() -> None:
    """What begins with a mark gets its colour, up to the next code or row."""
    sink = _Sink()
    Accents(sink).write("a\n  ● ready \x1b[36mkey\x1b[0m\nb")

    assert sink.text == "a\n  \x1b[1;36m● ready \x1b[0m\x1b[36mkey\x1b[0m\nb"


def test_ration_leaves_out_and_says_so() -> None:
    """Between two lines that are due, lines are left out and counted."""
    ration = Ration(per_s=2)

    assert [ration.take(now) for now in (0.0, 0.1, 0.2, 0.6)] == [
        {},
        None,
        None,
        {"unlogged": 2},
    ]


def test_written_tokens_cost_more_than_read_ones() -> None:
    """The run time follows from both counts of tokens."""
    assert work_s(8_000, 10) == pytest.approx(1.3)
