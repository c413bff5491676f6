"""The ``telemetry`` command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from telemetry.capture.diagnosis import own_version
from telemetry.cli.command_line import CommandParser, parsed

_VERBS: Final = {
    "view": "view",
    "top": "top",
    "inputs": "inputs",
    "logs": "logs",
    "trace": "life",
    "stats": "stats",
    "report": "report",
    "export": "exporting",
    "blackbox": "blackbox",
    "doctor": "doctor",
    "agent": "agent",
    "dashboards": "dashboards",
}
"""Which module of this folder adds which verb. Only the one that is asked for is
loaded: an agent should be there at once, and all of them together take longer than
most answers."""

_EXAMPLE = """example:
  telemetry view                  see inputs run, in a browser
  telemetry top                   the same in this terminal
  telemetry inputs                which inputs there were, and what became of them
  telemetry logs K7Q2ZD           what one of them said
  telemetry trace K7Q2ZD          its waits, attempts and spans, and who ran beside it
  telemetry doctor                what is captured here, and what is wrong
  telemetry blackbox K7Q2ZD       what one of them was at, and its last lines
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: None for those of this process.

    Returns:
        The exit status: 0; 1 when `doctor` found something; 2 when it cannot be done.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a line holds is shown, whatever the terminal can spell.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    asked = parsed(_parser(given), given)
    try:
        status: int = asked.run(asked)
        sys.stdout.flush()
    except BrokenPipeError:
        # Source: note on SIGPIPE in the documentation of `signal`. Python flushes once
        # more as it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def _parser(arguments: Sequence[str]) -> CommandParser:
    parser = CommandParser(
        prog="telemetry",
        description="Look at what inputs leave behind.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"telemetry {own_version()}"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    named = _VERBS.get(arguments[0]) if arguments else None
    for module in [named] if named else _VERBS.values():
        import_module(f"telemetry.cli.{module}").add_to(verbs)
    return parser
