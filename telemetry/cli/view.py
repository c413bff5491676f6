"""``telemetry view``: the local web page over what is stored."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import webbrowser
from socket import gaierror
from typing import TYPE_CHECKING, Final

from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.cli.command_line import chosen_folder, reason
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.status import living_agent

if TYPE_CHECKING:
    from types import FrameType

    from telemetry.view.serving import View

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = """examples:
  telemetry view                 open the page in a browser
  telemetry view --no-open       print the link only, as over SSH
  ssh -L 4320:127.0.0.1:4320 HOST telemetry view --no-open --port 4320

The link holds a token, as other users of this machine can reach the address, too.
"""
_FAILED: Final = 2

MISSING: Final = (
    "it needs packages that are not installed; "
    "install them with: pip install 'input-telemetry[view]'"
)


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "view",
        help="see inputs run: the local web page",
        description="Serve the local web page over what is stored, until Ctrl-C.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port (4320, or any that is free where it is taken)"
    )
    parser.add_argument("--no-open", action="store_true", help="open no browser")
    parser.add_argument(
        "--directory", help=f"where the store lies (${DIRECTORY_VARIABLE}, or default)"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 0, or 2 when it cannot be done."""
    try:
        from telemetry.view.serving import View  # noqa: PLC0415  # an extra, which may not be there
    except ImportError as error:
        if (error.name or "").startswith("telemetry"):
            raise
        return _refused(MISSING)
    try:
        given = chosen_folder(asked.directory)
        place = places(base_directory(given))
        if asked.port is None and (link := _served_by_agent(place)):
            _show(link, asked)
            return 0
        view = View(place, host=asked.host, port=asked.port)
        view.start()
    except gaierror as error:
        return _refused(f"host is {asked.host!r}; {reason(error)}")
    except (Error, OSError) as error:
        return _refused(reason(error))
    _show(view.link, asked)
    return _until_stopped(view)


def beside(place: Places) -> View | None:
    """The page that an agent serves; None where it cannot.

    That is so where the packages for it are not installed, or no address is free: an
    agent has other things to do, and `telemetry view` says what is wrong.
    """
    try:
        from telemetry.view.serving import View  # noqa: PLC0415  # an extra, which may not be there

        view = View(place)
        view.start()
    except (ImportError, Error, OSError):
        return None
    return view


def _served_by_agent(place: Places) -> str:
    """The link to the page that an agent serves already, or ""."""
    from telemetry.view.admission import link_of_agent  # noqa: PLC0415  # as above

    agent = living_agent(place)
    return "" if agent is None else link_of_agent(agent, place)


def _show(link: str, asked: argparse.Namespace) -> None:
    sys.stdout.write(f"{link}\n")
    sys.stdout.flush()
    if not asked.no_open and sys.stdout.isatty() and _has_browser():
        webbrowser.open(link)


def _has_browser() -> bool:
    """Whether a browser of this user's own screen can be opened."""
    if sys.platform == "darwin":
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _until_stopped(view: View) -> int:
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {
        each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        view.stop()
    return 0


def _refused(said: str) -> int:
    sys.stderr.write(f"telemetry view: {escaped(said)}\n")
    return _FAILED
