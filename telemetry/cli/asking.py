"""What all verbs that ask the store have in common: options, the store, errors."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from telemetry.capture.blackbox.places import SUFFIX, base_directory
from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.capture.terminal import escaped
from telemetry.cli.command_line import chosen_folder, reason
from telemetry.cli.moments import length_s, moment_ns
from telemetry.core.errors import Error
from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.store.queries.reading import MOST_ROWS, Reader

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse offers no other name

T = TypeVar("T")

FAILED: Final = 2
_CATCH_UP_S: Final = 30.0


def parser_of(
    verbs: Verbs, name: str, help_: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """A verb that asks the store, with the options that they all have."""
    parser = verbs.add_parser(
        name,
        help=help_,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="JSON, for programs")
    parser.add_argument(
        "--directory",
        help=f"where the store is (${DIRECTORY_VARIABLE}, or the default)",
    )
    return parser


def add_window(parser: argparse.ArgumentParser) -> None:
    """The options that choose a stretch of time."""
    parser.add_argument(
        "--since", type=_moment, metavar="WHEN", help="10m, 2h, 14:30, 2026-11-24"
    )
    parser.add_argument(
        "--until", type=_moment, metavar="WHEN", help="the same; not beyond that"
    )


def seconds(text: str) -> float:
    """An argument that is a length of time."""
    return _typed(length_s, "it", text)


def row_count(text: str) -> int:
    """An argument that is a number of rows."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_ROWS:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"it is {text!r}; it must be a whole number from 1 to {MOST_ROWS}"
    )


def answered(ask: Callable[[argparse.Namespace], int]) -> Callable[..., int]:
    """A verb whose failures are told in a line, with the exit status 2."""

    def run(asked: argparse.Namespace) -> int:
        try:
            return ask(asked)
        except BrokenPipeError:
            raise
        except (Error, OSError) as error:
            return failed(asked, reason(error))

    return run


def failed(asked: argparse.Namespace, why: str) -> int:
    """Say what is wrong; the exit status for it."""
    sys.stderr.write(f"telemetry {asked.verb}: {escaped(why)}\n")
    return FAILED


@contextlib.contextmanager
def opened(asked: argparse.Namespace) -> Iterator[Reader]:
    """The store, with what processes have left in their boxes until now.

    While an agent lives, it has seen to that. Else it is done here.

    Raises:
        StoreError: There is no store, or it cannot be read.
    """
    place = place_of(asked)
    catch_up(place)
    with Reader(place.store) as reader:
        yield reader


def place_of(asked: argparse.Namespace) -> Places:
    """The folder that is meant."""
    given = chosen_folder(asked.directory)
    return places(base_directory(given))


def catch_up(place: Places) -> None:
    """Store what processes have left in their boxes, unless an agent sees to it."""
    if holder(place.lock) is not None or not any(place.boxes.glob(f"*{SUFFIX}")):
        return
    from telemetry.pipeline.agent.agent import Agent  # noqa: PLC0415  # seldom needed, and costs
    from telemetry.pipeline.agent.wanted import wanted  # noqa: PLC0415

    try:
        agent = Agent(place, wanted(os.environ, receive="none"), on_problem=_note)
        with contextlib.closing(agent):
            if agent.begin() and not agent.store_once(_CATCH_UP_S):
                _note("the black boxes hold more than could be read by now; ask again")
    except (Error, OSError) as error:
        _note(reason(error))  # what is in the store can be asked for all the same


def _note(text: str) -> None:
    sys.stderr.write(f"telemetry: {escaped(text)}\n")


def _moment(text: str) -> int:
    return _typed(lambda key, said: moment_ns(key, said, datetime.now(UTC)), "it", text)


def _typed(read: Callable[[str, str], T], key: str, text: str) -> T:
    try:
        return read(key, text)
    except Error as error:
        raise argparse.ArgumentTypeError(str(error)) from None
