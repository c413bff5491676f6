"""``telemetry agent``: reads black boxes, keeps a store, delivers to a Collector."""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

from telemetry.capture.blackbox.places import base_directory
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.capture.wording import counted
from telemetry.cli.command_line import reason
from telemetry.cli.view import beside
from telemetry.core.errors import Error
from telemetry.pipeline.agent.places import places
from telemetry.pipeline.agent.wanted import RECEIVE_VARIABLE, AgentWanted, wanted

if TYPE_CHECKING:
    from types import FrameType

    from telemetry.pipeline.agent.agent import Agent

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

_EXAMPLE: Final = f"""examples:
  telemetry agent                                    until SIGTERM or Ctrl-C
  telemetry agent --endpoint http://collector:4318   and deliver there
  telemetry agent --once                             what is there now, and end

The standard variables OTEL_EXPORTER_OTLP_* say where and how to deliver, and
{RECEIVE_VARIABLE} where programs with plain OpenTelemetry may send to.
"""
_FAILED: Final = 2
_LEFT: Final = 1
_STOP_S: Final = 5.0
_MOST_FILES: Final = 65_536


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = verbs.add_parser(
        "agent",
        help="read black boxes, keep the store, deliver to a Collector",
        description="Read what this user's processes leave behind; one agent a folder.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="what is there now, only")
    parser.add_argument("--endpoint", metavar="URL", help="of a Collector")
    parser.add_argument(
        "--receive",
        metavar="HOST:PORT",
        help=f"where to take OTLP (${RECEIVE_VARIABLE})",
    )
    parser.add_argument(
        "--directory", help=f"where boxes lie (${DIRECTORY_VARIABLE}, or the default)"
    )
    parser.add_argument("--no-view", action="store_true", help="serve no local page")
    parser.add_argument("--with-apps", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """Do it; 0, 1 when something is left to deliver, 2 when it cannot be done."""
    from telemetry.pipeline.agent.agent import Agent  # noqa: PLC0415  # costs more than the other verbs need

    try:
        given = asked.directory or os.environ.get(DIRECTORY_VARIABLE) or None
        place = places(base_directory(given))
        _allow_files()
        agent = Agent(place, _wanted(asked), on_problem=_say)
        if not agent.begin(wait_for_leaving=asked.with_apps):
            # That of an app has what it came for: an agent.
            return (
                0 if asked.with_apps else _refused("another agent serves this folder")
            )
        return _once(agent) if asked.once else _serve(agent, asked)
    except (Error, OSError) as error:
        return _refused(reason(error))


def _wanted(asked: argparse.Namespace) -> AgentWanted:
    return wanted(os.environ, endpoint=asked.endpoint, receive=asked.receive)


def _once(agent: Agent) -> int:
    done = agent.run_once(_STOP_S * 6)
    _say(f"stored {counted(agent.stored, 'record')}")
    return _finished(agent, done=done)


def _serve(agent: Agent, asked: argparse.Namespace) -> int:
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    page = None if asked.no_view else beside(agent.place)
    if page is not None:
        agent.view = page.address
    agent.start(
        is_over=ended.set if asked.with_apps else None,
        is_watched=bool if page is None else lambda: page.is_watched,
        on_end=ended.set,
    )
    for line in agent.introduction():
        _say(line)
    ended.wait()
    done = agent.stop(_STOP_S)
    if page is not None:
        page.stop()
    return _finished(agent, done=done)


def _allow_files() -> None:
    """Have as many files open as this process may: three for each black box."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # macOS has limits of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _finished(agent: Agent, *, done: bool) -> int:
    if done:
        return 0
    _say(f"{agent.left()}; the next agent goes on with it")
    return _LEFT


def _refused(why: str) -> int:
    _say(why)
    return _FAILED


def _say(text: str) -> None:
    sys.stderr.write(f"telemetry agent: {escaped(text)}\n")
    sys.stderr.flush()
