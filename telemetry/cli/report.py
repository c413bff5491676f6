"""``telemetry report``: a run as one HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.cli.command_line import chosen_folder, reason
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import store_path

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = """example:
  telemetry report run.html      then open it, mail it, or keep it with a CI job
"""
_FAILED: Final = 2


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "report",
        help="what is stored, as one HTML file to keep or to send",
        description="Write what is stored as one HTML file that needs no network.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="to be written")
    parser.add_argument(
        "--directory", help=f"where the store lies (${DIRECTORY_VARIABLE}, or default)"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 0, or 2 when it cannot be done."""
    from telemetry.view.report import write_report  # noqa: PLC0415  # costs more than the other verbs need

    try:
        given = chosen_folder(asked.directory)
        size_bytes = write_report(store_path(base_directory(given)), asked.file)
    except (Error, OSError) as error:
        return _refused(reason(error))
    sys.stdout.write(f"{asked.file}: {size_bytes / 1e6:.1f} MB\n")
    return 0


def _refused(said: str) -> int:
    sys.stderr.write(f"telemetry report: {escaped(said)}\n")
    return _FAILED
