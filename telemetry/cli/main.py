"""The ``telemetry`` command."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from telemetry.capture.diagnosis import own_version
from telemetry.cli import (
    agent,
    blackbox,
    dashboards,
    doctor,
    exporting,
    inputs,
    life,
    logs,
    report,
    stats,
    top,
    view,
)

_VERBS = (
    *(view, top, inputs, logs, life, stats, report, exporting),
    *(blackbox, doctor, agent, dashboards),
)

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
    asked = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telemetry",
        description="Look at what inputs leave behind.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"telemetry {own_version()}"
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in _VERBS:
        verb.add_to(verbs)
    return parser
