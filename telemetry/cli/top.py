"""``telemetry top``: what runs now, in a terminal."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.capture.wording import ink_for
from telemetry.cli.command_line import chosen_folder, reason
from telemetry.cli.view import MISSING
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import places

if TYPE_CHECKING:
    from telemetry.view.terminal.watching import Watching

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = """examples:
  telemetry top                             what runs now, and the lines as they come
  telemetry top --once                      one look, as text
  telemetry top --json | jq .functions      one look, for machines
"""
_FAILED: Final = 2


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "top",
        help="see inputs run: in this terminal",
        description="Show what runs now: functions, containers, slots, lines.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    once = parser.add_mutually_exclusive_group()
    once.add_argument("--once", action="store_true", help="look once, and end")
    once.add_argument("--json", action="store_true", help="one JSON object, and end")
    parser.add_argument(
        "--directory", help=f"where boxes lie (${DIRECTORY_VARIABLE}, or the default)"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 0, or 2 when it cannot be done."""
    from telemetry.view.terminal.watching import Watching  # noqa: PLC0415  # costs more than the other verbs need

    try:
        given = chosen_folder(asked.directory)
        watching = Watching(places(base_directory(given)))
    except (Error, OSError) as error:
        sys.stderr.write(f"telemetry top: {escaped(reason(error))}\n")
        return _FAILED
    try:
        if asked.json:
            sys.stdout.write(msgspec.json.encode(watching.now()).decode() + "\n")
        elif asked.once or not (sys.stdout.isatty() and sys.stdin.isatty()):
            _print(watching)
        else:
            return _watch(watching)
    finally:
        watching.close()
    return 0


def _print(watching: Watching) -> None:
    from telemetry.view.terminal.picture import picture  # noqa: PLC0415  # as above
    from telemetry.view.terminal.plain import plain  # noqa: PLC0415  # as above

    columns = shutil.get_terminal_size((100, 24)).columns
    ink = ink_for(sys.stdout)
    sys.stdout.write(plain(picture(watching.now(), columns), colour=ink.colour))


def _watch(watching: Watching) -> int:
    try:
        from telemetry.view.terminal.screen import Top  # noqa: PLC0415  # an extra, which may not be there
    except ImportError as error:
        if (error.name or "").startswith("telemetry"):
            raise
        sys.stderr.write(f"telemetry top: {MISSING}\n")
        _print(watching)
        return 0
    Top(watching).run()
    return 0
