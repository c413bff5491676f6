"""``telemetry trace``: the life of one input."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

from telemetry.capture.wording import ink_for
from telemetry.cli.asking import answered, failed, opened, parser_of, row_count
from telemetry.cli.meant import one_input
from telemetry.pipeline.answers.plain_data import json_object
from telemetry.pipeline.answers.trace_text import Told, trace_text
from telemetry.pipeline.post_mortem_text import pretty_for
from telemetry.pipeline.store.queries.inputs import input_life, neighbours
from telemetry.pipeline.store.queries.lines import LineFilter, lines
from telemetry.pipeline.store.queries.traces import trace

if TYPE_CHECKING:
    from telemetry.cli.asking import Verbs
    from telemetry.pipeline.store.queries.reading import Reader

_EXAMPLES: Final = """examples:
  telemetry trace K7Q2ZD         its waits, attempts and spans, and who ran beside it
  telemetry trace K7Q2ZD --json | jq .executions
"""


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = parser_of(
        verbs,
        "trace",
        "the life of one input: waits, attempts, spans, neighbours",
        "Show the life of one input.",
        _EXAMPLES,
    )
    parser.add_argument("input", metavar="INPUT", help="an id, its beginning or end")
    parser.add_argument("-n", "--lines", type=row_count, default=10, help="(10)")
    parser.set_defaults(run=run, verb="trace")


@answered
def run(asked: argparse.Namespace) -> int:
    """Do it."""
    with opened(asked) as reader:
        found, why = one_input(reader, asked.input)
        if found is None:
            return failed(asked, why)
        told = _told(reader, found.input_id, asked.lines)
    if told is None:
        return failed(asked, "it has just been removed from the store")
    if asked.json:
        sys.stdout.write(json_object(told))
        return 0
    ink, columns = ink_for(sys.stdout), shutil.get_terminal_size().columns
    sys.stdout.write(trace_text(told, time.time_ns(), columns, ink, pretty_for(ink)))
    return 0


def _told(reader: Reader, input_id: str, limit: int) -> Told | None:
    with reader.asking():
        life = input_life(reader, input_id)
        if life is None:
            return None
        trace_id = life.input.trace_id
        said = lines(reader, LineFilter(input_id=input_id), limit=limit)
        return Told(
            life,
            trace(reader, trace_id).spans if trace_id else [],
            neighbours(reader, input_id),
            [each.line for each in said.lines],
        )
