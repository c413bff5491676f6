"""``telemetry dashboards``: our dashboards into a Grafana of yours."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Final

from telemetry.capture.terminal import escaped
from telemetry.capture.wording import ink_for
from telemetry.core.errors import Error
from telemetry.pipeline.grafana.address import (
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    URL_VARIABLE,
    USER_VARIABLE,
    address,
)
from telemetry.pipeline.grafana.client import Grafana
from telemetry.pipeline.grafana.datasources import KINDS
from telemetry.pipeline.grafana.push_text import (
    done_text,
    listing_text,
    plan_text,
    state_text,
)
from telemetry.pipeline.grafana.pushing import (
    FOLDER_TITLE,
    FOLDER_UID,
    Wish,
    carry_out,
    plan,
    refused,
)
from telemetry.pipeline.grafana.shipped import shipped
from telemetry.policy.pushing import Action

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = f"""examples:
  telemetry dashboards list
  telemetry dashboards push --url https://grafana.example.com/grafana/ --dry-run
  telemetry dashboards push --datasource prometheus=http://prometheus:9090
  telemetry dashboards pull-check            is there what we ship, unchanged?

Who asks: {TOKEN_VARIABLE} (of a service account, role Editor; Admin for data
sources), or {USER_VARIABLE} and {PASSWORD_VARIABLE}. Wants the extra 'grafana'.
"""
_LEFT: Final = 1
_FAILED: Final = 2


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "dashboards",
        help="our dashboards into a Grafana of yours",
        description="Create or update our dashboards in a Grafana.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whats = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    listing = whats.add_parser("list", help="what we ship")
    listing.set_defaults(run=_guarded(_list))
    pushing = whats.add_parser("push", help="create or update; overwrite nobody's work")
    _add_target(pushing)
    pushing.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and differ"
    )
    pushing.add_argument(
        "--force", action="store_true", help="overwrite what others have changed"
    )
    pushing.add_argument(
        "--folder", default=FOLDER_TITLE, help="title of a new folder (Inputs)"
    )
    pushing.set_defaults(run=_guarded(_push))
    checking = whats.add_parser("pull-check", help="compare; status 1 if it differs")
    _add_target(checking)
    checking.set_defaults(run=_guarded(_check), folder=FOLDER_TITLE, force=False)


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help=f"of Grafana (${URL_VARIABLE})")
    parser.add_argument(
        "--folder-uid", default=FOLDER_UID, help=f"of the folder ({FOLDER_UID})"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="UID", help="this dashboard"
    )
    parser.add_argument(
        "--datasource",
        action="append",
        default=[],
        type=_source,
        metavar="KIND=URL|UID",
        help=f"{', '.join(KINDS)}: make one for a URL, or begin with one that is there",
    )


def _source(text: str) -> tuple[str, str]:
    kind, _, value = text.partition("=")
    if kind not in KINDS or not value:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KIND=URL or KIND=UID, with KIND {', '.join(KINDS)}"
        )
    return kind, value


def _guarded(
    verb: Callable[[argparse.Namespace], int],
) -> Callable[[argparse.Namespace], int]:
    """Errors are one row on stderr, and the status 2."""

    def run(asked: argparse.Namespace) -> int:
        try:
            return verb(asked)
        except Error as error:
            sys.stderr.write(f"telemetry dashboards: {escaped(str(error))}\n")
            return _FAILED

    return run


def _list(_asked: argparse.Namespace) -> int:
    sys.stdout.write(listing_text(shipped(), ink_for(sys.stdout)))
    return 0


def _push(asked: argparse.Namespace) -> int:
    wish = _wish(asked)
    ink = ink_for(sys.stdout)
    with closing(Grafana(address(asked.url, os.environ))) as grafana:
        steps = plan(grafana, wish)
        if asked.dry_run:
            sys.stdout.write(plan_text(steps, ink))
            return _LEFT if refused(steps) else 0
        left = len(refused(steps))
        for step, error in carry_out(steps):
            sys.stdout.write(done_text(step, error, ink))
            sys.stdout.flush()
            left += error is not None
    return _LEFT if left else 0


def _check(asked: argparse.Namespace) -> int:
    with closing(Grafana(address(asked.url, os.environ))) as grafana:
        steps = plan(grafana, _wish(asked))
    sys.stdout.write(state_text(steps, ink_for(sys.stdout)))
    differ = any(step.action is not Action.NOTHING for step in steps)
    return _LEFT if differ else 0


def _wish(asked: argparse.Namespace) -> Wish:
    sources = dict(asked.datasource)
    urls = {kind: value for kind, value in sources.items() if "://" in value}
    return Wish(
        dashboards=shipped(frozenset(asked.only)),
        folder_uid=asked.folder_uid,
        folder_title=asked.folder,
        urls=urls,
        uids={kind: uid for kind, uid in sources.items() if kind not in urls},
        force=asked.force,
    )
