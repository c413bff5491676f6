"""What a traceback is about: the type and the message of its exception."""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = "Traceback (most recent call last):\n"
# Source: _cause_message and _context_message of CPython's traceback.py.
_CHAINED: Final = re.compile(
    "\n\nThe above exception was the direct cause of the following exception:\n\n"
    "|\n\nDuring handling of the above exception, another exception occurred:\n\n"
)
_FIRST_LINE: Final = re.compile(r"([^\W\d][\w.<>]*)(?:: (.*))?", re.DOTALL)


def exception_parts(traceback: str) -> tuple[str, str] | None:
    """Type and message of the exception that a traceback ends with.

    The type has its module, unless it is built in, as ``exception.type`` of the
    semantic conventions. None when that cannot be told for certain: the text is no
    traceback, or it was cut where it matters.
    """
    last = _CHAINED.split(traceback)[-1]
    if last.startswith(_HEADER):
        lines = last.splitlines(keepends=True)[1:]
        # Frames, their code and their carets are indented; the exception is not.
        at = next((n for n, line in enumerate(lines) if not line.startswith(" ")), None)
        if at is None:
            return None
        last = "".join(lines[at:])
    elif "\n" in traceback:
        return None
    found = _FIRST_LINE.fullmatch(last.rstrip("\n"))
    return None if found is None else (found[1], found[2] or "")
