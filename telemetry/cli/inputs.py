"""``telemetry inputs``: which inputs there were, and what became of them."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final, get_args

from telemetry.capture.wording import ink_for
from telemetry.cli.asking import (
    add_window,
    answered,
    opened,
    parser_of,
    row_count,
    seconds,
)
from telemetry.core.outcome import Outcome
from telemetry.pipeline.answers.inputs_text import inputs_text
from telemetry.pipeline.answers.plain_data import json_lines
from telemetry.pipeline.store.queries.inputs import (
    RUNNING,
    InputFilter,
    Order,
    inputs,
)

if TYPE_CHECKING:
    from telemetry.cli.asking import Verbs

_EXAMPLES: Final = """examples:
  telemetry inputs --outcome error --since 10m
  telemetry inputs --function translate --slow 2s --order slowest
  telemetry inputs --burst --json | jq .input_id
"""


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = parser_of(
        verbs,
        "inputs",
        "which inputs there were, and what became of them",
        "List inputs, the newest first.",
        _EXAMPLES,
    )
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="an id, its beginning or its end"
    )
    parser.add_argument("--function", help="of this function only")
    parser.add_argument("--outcome", choices=[*map(str, Outcome), RUNNING])
    parser.add_argument(
        "--slow", type=seconds, metavar="TIME", help="that took this long in all (2s)"
    )
    parser.add_argument(
        "--burst", action="store_true", help="that started above the target"
    )
    parser.add_argument("--container", metavar="ID", help="that ran in this container")
    parser.add_argument("--call", metavar="ID", help="of this function call")
    parser.add_argument("--order", choices=get_args(Order), default="newest")
    parser.add_argument("-n", "--limit", type=row_count, default=50, help="rows (50)")
    add_window(parser)
    parser.set_defaults(run=run, verb="inputs")


@answered
def run(asked: argparse.Namespace) -> int:
    """Do it."""
    wanted = InputFilter(
        function=asked.function,
        outcome=asked.outcome,
        since_ns=asked.since,
        until_ns=asked.until,
        slower_than_s=asked.slow,
        burst=True if asked.burst else None,
        container_id=asked.container,
        call_id=asked.call,
        text=asked.id,
    )
    with opened(asked) as reader:
        page = inputs(reader, wanted, order=asked.order, limit=asked.limit)
    if asked.json:
        sys.stdout.write(json_lines(page.inputs))
    else:
        sys.stdout.write(inputs_text(page, ink_for(sys.stdout)))
    return 0
