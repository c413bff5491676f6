"""A parser that tells a mistake in one line, as the rest of the command does."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from telemetry.capture.settings import DIRECTORY_VARIABLE
from telemetry.core.errors import InvalidError

WRONG: Final = 2

# Source: the messages of `argparse.ArgumentParser`, which has no other form of them.
# Python 3.11 puts quotes around each choice, 3.12 and later do not.
_NO_CHOICE: Final = re.compile(
    r"argument (?P<name>\S+): invalid choice: (?P<value>.+) \(choose from (?P<all>.+)\)"
)
_NO_NUMBER: Final = re.compile(
    r"argument (?P<name>\S+): invalid int value: (?P<value>.+)"
)
_OF_OURS: Final = re.compile(r"argument (?P<name>\S+): it (?P<said>is .+)")
_MISSING: Final = re.compile(r"the following arguments are required: (?P<names>.+)")


class CommandParser(argparse.ArgumentParser):
    """The same with errors of one line; its verbs are parsers of this class, too."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with the status 2."""
        self.exit(WRONG, f"{self.prog}: {reworded(message)}; see: {self.prog} --help\n")


def parsed(parser: CommandParser, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments; ends the process with one line when they are wrong."""
    asked, rest = parser.parse_known_args(arguments)
    if rest:
        parser.exit(
            WRONG,
            f"{parser.prog} {arguments[0]}: there is no argument {rest[0]!r} here; "
            f"see: {parser.prog} {arguments[0]} --help\n",
        )
    return asked


def reworded(message: str) -> str:
    """What argparse says, with key, value and what is allowed."""
    if found := _NO_CHOICE.fullmatch(message):
        choices = [each.strip("'") for each in found["all"].split(", ")]
        nearest = _nearest(found["value"].strip("'"), choices)
        meant = f" (did you mean {nearest!r}?)" if nearest else ""
        return (
            f"{_last(found['name'])} is {found['value']}{meant}; it must be one of "
            + ", ".join(choices)
        )
    if found := _NO_NUMBER.fullmatch(message):
        return f"{_last(found['name'])} is {found['value']}; it must be a whole number"
    if found := _OF_OURS.fullmatch(message):
        return f"{_last(found['name'])} {found['said']}"
    if found := _MISSING.fullmatch(message):
        return f"{found['names']} is missing"
    return message.removeprefix("argument ")


def reason(error: Exception) -> str:
    """What went wrong, without the number that an error of the system has."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    return str(error)


def chosen_folder(given: str | None) -> str | None:
    """The folder that somebody wants to read; None for the default.

    Raises:
        InvalidError: There is none by that name; a slip of the pen would begin one.
    """
    if given and not Path(given).exists():
        raise InvalidError(f"directory is {given!r}; it must be a folder that is there")
    return given or os.environ.get(DIRECTORY_VARIABLE) or None


def _last(names: str) -> str:
    """The long one of ``-n/--limit``."""
    return names.rpartition("/")[2]


def _nearest(value: str, choices: Sequence[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  # for mistakes only

    begun = [each for each in choices if each.startswith(value)]
    return next(iter(begun or get_close_matches(value.lower(), choices, 1)), None)
