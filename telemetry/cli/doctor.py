"""``telemetry doctor``: what is captured here, and what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from telemetry.capture.diagnosis import fresh_report
from telemetry.capture.diagnosis_text import diagnosis_text
from telemetry.capture.wording import ink_for
from telemetry.pipeline.answers.delivery_report import delivery_report, delivery_text
from telemetry.pipeline.post_mortem_text import json_text

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = """example:
  telemetry doctor --json | jq .problems

The status is 0 when nothing is wrong, and 1 when something is.
"""


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "doctor",
        help="what is captured here, and what is wrong",
        description="Say what telemetry.configure() does in this environment.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 1 when something is wrong."""
    found = fresh_report()
    delivery = delivery_report(found.folder.path, os.environ)
    found = replace(found, problems=[*found.problems, *delivery.problems])
    if asked.json:
        data = {**found.data(), "delivery": delivery.data()}
        sys.stdout.write(json_text(data))
    else:
        ink = ink_for(sys.stdout)
        sys.stdout.write(diagnosis_text(found, ink) + "\n")
        sys.stdout.write(delivery_text(delivery, ink))
    return 1 if found.problems else 0
