"""``telemetry stats``: what all functions did, and what is kept of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from telemetry.capture.wording import ink_for
from telemetry.cli.asking import add_window, answered, opened, parser_of, place_of
from telemetry.pipeline.agent.status import living_agent
from telemetry.pipeline.answers.plain_data import json_object
from telemetry.pipeline.answers.stats_text import Stats, stats_text
from telemetry.pipeline.store.queries.figures import figures
from telemetry.pipeline.store.queries.functions import functions

if TYPE_CHECKING:
    from telemetry.cli.asking import Verbs

_EXAMPLES: Final = """examples:
  telemetry stats --since 1h
  telemetry stats --json | jq '.functions[] | select(.outcomes.error)'
"""


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = parser_of(
        verbs,
        "stats",
        "what all functions did, and what is kept of it",
        "Show figures of all functions, of the store and of the agent.",
        _EXAMPLES,
    )
    add_window(parser)
    parser.set_defaults(run=run, verb="stats")


@answered
def run(asked: argparse.Namespace) -> int:
    """Do it."""
    with opened(asked) as reader:
        found = functions(reader, since_ns=asked.since, until_ns=asked.until)
        stats = Stats(found, figures(reader), living_agent(place_of(asked)))
    if asked.json:
        sys.stdout.write(json_object(stats))
    else:
        sys.stdout.write(stats_text(stats, ink_for(sys.stdout)))
    return 0
