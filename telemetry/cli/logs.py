"""``telemetry logs``: what was said, by one input or by all."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Final

from telemetry.capture.json_lines import json_line
from telemetry.capture.line import LEVELS
from telemetry.capture.wording import ink_for
from telemetry.cli.asking import (
    add_window,
    answered,
    catch_up,
    failed,
    opened,
    parser_of,
    place_of,
    row_count,
)
from telemetry.cli.meant import one_input
from telemetry.pipeline.post_mortem_text import pretty_for
from telemetry.pipeline.store.queries.lines import LineFilter, lines, lines_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.capture.line import Line
    from telemetry.cli.asking import Verbs
    from telemetry.pipeline.agent.places import Places
    from telemetry.pipeline.store.queries.reading import Reader

_EXAMPLES: Final = """examples:
  telemetry logs K7Q2ZD                      all that one input has said
  telemetry logs --follow --level warning    from now on
  telemetry logs --grep "connection refu" --since 1h
  telemetry logs --unattributed --json | jq .event
"""
_LOOK_EVERY_S: Final = 0.25
_CATCH_UP_EVERY_S: Final = 1.0
_PAGE: Final = 1_000


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = parser_of(
        verbs,
        "logs",
        "what was said, by one input or by all",
        "Show log lines, the newest last.",
        _EXAMPLES,
    )
    parser.add_argument(
        "input", nargs="?", metavar="INPUT", help="an id, its beginning or its end"
    )
    parser.add_argument("--follow", action="store_true", help="and what comes")
    parser.add_argument(
        "--grep", metavar="TEXT", help="words, as they stand; the last may go on"
    )
    parser.add_argument("--level", choices=LEVELS, help="this one and those above")
    parser.add_argument("--stream", choices=("stdout", "stderr"))
    parser.add_argument("--logger", help="this one and those below it")
    parser.add_argument("--function", help="of inputs of this function")
    parser.add_argument("--container", metavar="ID", help="of this container")
    parser.add_argument(
        "--unattributed", action="store_true", help="that are of no known input"
    )
    parser.add_argument(
        "--late", action="store_true", help="written after their input had settled"
    )
    parser.add_argument("-n", "--limit", type=row_count, default=200, help="(200)")
    add_window(parser)
    parser.set_defaults(run=run, verb="logs")


@answered
def run(asked: argparse.Namespace) -> int:
    """Do it."""
    show = json_line if asked.json else pretty_for(ink_for(sys.stdout))
    if asked.follow and asked.input is None:
        _wait_for_a_store(place_of(asked))
    with opened(asked) as reader:
        input_id = None
        if asked.input is not None:
            found, why = one_input(reader, asked.input)
            if found is None:
                return failed(asked, why)
            input_id = found.input_id
        wanted = LineFilter(
            input_id=input_id,
            level=asked.level,
            stream=asked.stream,
            logger=asked.logger,
            function=asked.function,
            container_id=asked.container,
            text=asked.grep,
            unattributed=asked.unattributed,
            late=True if asked.late else None,
            since_ns=asked.since,
            until_ns=asked.until,
        )
        page = lines(reader, wanted, limit=asked.limit)
        for each in page.lines:
            sys.stdout.write(show(each.line))
        if not page.lines and not asked.follow:
            sys.stderr.write("no such lines\n")
        if asked.follow:
            _follow(reader, wanted, page.last, show, place_of(asked))
    return 0


def _wait_for_a_store(place: Places) -> None:
    """Who follows may be there before the first program that leaves a line."""
    catch_up(place)
    if place.store.exists():
        return
    sys.stderr.write(f"nothing is recorded in {place.base} yet: waiting for it\n")
    while not place.store.exists():
        time.sleep(_LOOK_EVERY_S)
        catch_up(place)


def _follow(
    reader: Reader,
    wanted: LineFilter,
    last: int,
    show: Callable[[Line], str],
    place: Places,
) -> None:
    """Show what comes, until Ctrl-C."""
    caught_up_s = time.monotonic()
    while True:
        if time.monotonic() - caught_up_s >= _CATCH_UP_EVERY_S:
            catch_up(place)  # with no agent, nobody else does it
            caught_up_s = time.monotonic()
        found = lines_after(reader, wanted, last, _PAGE)
        for each in found:
            sys.stdout.write(show(each.line))
        if found:
            last = found[-1].number
        else:
            sys.stdout.flush()
            time.sleep(_LOOK_EVERY_S)
