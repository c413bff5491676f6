"""The stack of a thread as `faulthandler` writes it, and what stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

ANSWER: Final = "Input: "
"""What follows a stack once the interpreter could say who it was; then a JSON text."""

NOBODY: Final = ""
"""Said where the main thread was at work for no input."""

SLOT_NAME: Final = "input_slot_"
"""Function names that begin so, and end with a number, run the input in that slot."""

START: Final = "Stack (most recent call first):"
_CUT: Final = "  ..."
_OUTERMOST: Final = frozenset({"<module>", "_run_module_as_main", "_bootstrap"})
"""Where threads begin: a script, ``python -m``, `threading`. In a script that ``-m``
runs, the first one is not the last; so a stack counts as whole a moment early."""
# Python 3.11 to 3.13 write: File "path", line 12 in name
_FRAME: Final = re.compile(r'  File "(.*)", line (\d+|\?\?\?) in (.*)')


class StackFrame(NamedTuple):
    """One call; ``line`` is 0 when it is not known."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file.rpartition('/')[2]}:{self.line} in {self.name}"


class Dump(NamedTuple):
    """A stack, and whose it is.

    Attributes:
        frames: The most recent call first; `faulthandler` shows 100 at most.
        slot: The slot whose execution stands in the stack; None when none does, as
            in a task that a body has made.
        input_id: Who the process itself says it was: `NOBODY` when it was no input;
            None while it has not said it.
        whole: The end of the stack is there: it is not being written any more. False
            can also mean that the thread began in a way that is not known here.
    """

    frames: tuple[StackFrame, ...]
    slot: int | None = None
    input_id: str | None = None
    whole: bool = False


def frame_line(file: str, line: int, name: str) -> str:
    """One call, as `faulthandler` writes it."""
    return f'  File "{file}", line {line} in {name}'


def parse_dump(text: str) -> Dump:
    """The last stack in *text*, and what was said after it.

    A line that is not whole, because it is being written, is left out.
    """
    lines = text.split("\n")[:-1]
    starts = [at for at, line in enumerate(lines) if line == START]
    frames: list[StackFrame] = []
    input_id: str | None = None
    cut = False
    for line in lines[starts[-1] :] if starts else lines:
        found = _FRAME.fullmatch(line)
        if found is not None:
            number = int(found[2]) if found[2].isdecimal() else 0
            frames.append(StackFrame(found[1], number, found[3]))
        elif line.startswith(ANSWER):
            input_id = _answer(line)
        cut = cut or line == _CUT
    ended = bool(frames) and frames[-1].name in _OUTERMOST
    whole = cut or ended or input_id is not None
    return Dump(tuple(frames), _slot(frames), input_id, whole)


def holder(frames: Sequence[StackFrame], libraries: Sequence[str]) -> StackFrame | None:
    """The call that holds the loop: the most recent one that is no library's.

    Args:
        libraries: Folders of installed code: whoever waits in a socket of Python's
            wants to know who asked it to.
    """
    for frame in frames:
        if frame.name.startswith(SLOT_NAME):
            break
        if not frame.file.startswith((*libraries, "<frozen ")):
            return frame
    return frames[0] if frames else None


def _slot(frames: Sequence[StackFrame]) -> int | None:
    for frame in frames:
        number = frame.name.removeprefix(SLOT_NAME)
        if number != frame.name and number.isdecimal():
            return int(number)
    return None


def _answer(line: str) -> str | None:
    try:
        found = json.loads(line.removeprefix(ANSWER))
    except ValueError:
        return None
    return found if isinstance(found, str) else None
