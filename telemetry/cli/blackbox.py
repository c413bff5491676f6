"""``telemetry blackbox``: what a process was at, from the file that it left."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telemetry.capture.blackbox.listing import box_paths, matching, summaries
from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.capture.json_lines import json_line
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.capture.wording import Ink, ink_for
from telemetry.pipeline.post_mortem import Autopsy
from telemetry.pipeline.post_mortem_json import report_data, summary_data
from telemetry.pipeline.post_mortem_text import (
    end_text,
    json_text,
    lines_text,
    listing_text,
    pretty_for,
    report_text,
)

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = """examples:
  telemetry blackbox                    all boxes, the newest first
  telemetry blackbox K7Q2ZD -n 50       one of them, with its last 50 lines
  telemetry blackbox K7Q2ZD --follow    and whatever it says from now on
  telemetry blackbox K7Q2ZD --follow --json | jq -c '.line // empty'
  telemetry blackbox x.box --lines-json --all | jq .event
"""
_LOOK_EVERY_S: Final = 0.1
_NAMED: Final = 5
_FAILED: Final = 2


class _Missing(Exception):  # noqa: N818  # it ends the command, and is none of the API's
    """There is no such box; the message is for the user."""


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "blackbox",
        help="what a living, hung or dead process was at, and its last lines",
        description="Show what a black box holds. Without BOX: which boxes there are.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "box",
        nargs="?",
        metavar="BOX",
        help="a file, a folder, or a box's name, its beginning or its end",
    )
    parser.add_argument(
        "-n", "--lines", type=_count, default=20, help="how many lines (20)"
    )
    parser.add_argument("--all", action="store_true", help="all lines")
    parser.add_argument(
        "--input", default="", metavar="ID", help="lines of this input only"
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on until the process ends"
    )
    machine = parser.add_mutually_exclusive_group()
    machine.add_argument(
        "--json",
        action="store_true",
        help="one JSON object; with --follow one on each row: report, lines, end",
    )
    machine.add_argument("--lines-json", action="store_true", help="JSON lines only")
    parser.add_argument(
        "--directory", help=f"where boxes lie (${DIRECTORY_VARIABLE}, or the default)"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 0, or 2 when there is no such box."""
    try:
        path = _path(asked)
        if asked.box is None or path.is_dir():
            return _list(path, asked)
        return _show(path, asked)
    except _Missing as error:
        said = str(error)
    except NotABoxError as error:
        said = str(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        said = f"{error.filename or asked.box}: {error.strerror or error}"
    sys.stderr.write(f"telemetry blackbox: {escaped(said)}\n")
    return _FAILED


def _path(asked: argparse.Namespace) -> Path:
    """The box that is meant, or the folder."""
    given = asked.directory or os.environ.get(DIRECTORY_VARIABLE) or None
    directory = base_directory(given)
    if asked.box is None:
        return directory
    path = Path(asked.box)
    if path.exists():
        return path
    if os.sep in asked.box:
        raise _Missing(f"{path} does not exist")
    found = matching(box_paths(directory), asked.box)
    if not found:
        raise _Missing(
            f"no box in {directory} is called {asked.box!r}, or begins or ends so; "
            "'telemetry blackbox' lists them"
        )
    if len(found) > 1:
        names = [path.stem for path in found[:_NAMED]]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise _Missing(f"{asked.box!r} may be {', '.join(names)}{more}")
    return found[0]


def _list(directory: Path, asked: argparse.Namespace) -> int:
    boxes = summaries(directory)
    if asked.json:
        sys.stdout.write(json_text([summary_data(each) for each in boxes]))
        return 0
    if not boxes:
        raise _Missing(f"no boxes in {directory}")
    sys.stdout.write(listing_text(boxes, time.time_ns(), ink_for(sys.stdout)))
    return 0


def _show(path: Path, asked: argparse.Namespace) -> int:
    autopsy = Autopsy(
        path, count=None if asked.all else asked.lines, input_id=asked.input
    )
    try:
        ink = ink_for(sys.stdout)
        found = autopsy.report()
        if asked.json:
            data = report_data(found)
            row = {"report": data} if asked.follow else data
            sys.stdout.write(json_text(row, one_row=asked.follow))
        elif asked.lines_json:
            sys.stdout.write("".join(map(json_line, found.lines)))
        else:
            sys.stdout.write(report_text(found, ink))
        if asked.follow:
            _follow(autopsy, ink, asked)
    finally:
        autopsy.close()
    return 0


def _follow(autopsy: Autopsy, ink: Ink, asked: argparse.Namespace) -> None:
    pretty = pretty_for(ink)
    lives = True
    try:
        while lives:
            lines, lives = autopsy.more()
            if asked.json:
                text = "".join(f'{{"line": {json_line(x)[:-1]}}}\n' for x in lines)
            elif asked.lines_json:
                text = "".join(map(json_line, lines))
            else:
                text = lines_text(lines, pretty)
            sys.stdout.write(text)
            sys.stdout.flush()
            if lives:
                time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
    if asked.json:
        end = {"end": summary_data(autopsy.box())}
        sys.stdout.write(json_text(end, one_row=True))
    elif not asked.lines_json:
        sys.stdout.write(end_text(autopsy.box(), time.time_ns(), ink))


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"it is {text!r}; it must be a whole number from 0 on"
        )
    return int(text)
