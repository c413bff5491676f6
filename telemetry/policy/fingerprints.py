"""Which exceptions are the same one, wherever their code has moved.

Two exceptions are alike when their types are, and when each frame is in a file of the
same name, in the same function, at a line of the same text. Line numbers, folders and
messages do not count: those differ between deploys, machines and inputs. Neither do
frames of this toolkit, which lie below whatever it runs: they say who called the code
that failed (which slot, which verb), and change with the next release.

Source: the fingerprint of logfire, of the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

_BYTES: Final = 8
_CHARS: Final = 500
"""Characters of a message that are kept."""
# A group's members stand behind bars: "  | ", "  +-+---- 1 ----", "    | ".
_BARS: Final = re.compile(r"^(?:\s*[|+](?:-\+-*[\s\d-]*)?)*")
_MEMBER: Final = re.compile(r"^\s*\+-[+-]*\s*\d+\s*-+$")
_FRAME: Final = re.compile(r'^\s+File "(.*)", line \d+(?:, in (.*))?$')
_MARKS: Final = re.compile(r"^\s*[~^]+\s*$|^\s*[~^][~^\s]*$")
_ERROR: Final = re.compile(r"^([^\W\d][\w.]*(?:<locals>[\w.]*)*)(?:: (.*))?$")
_SEPARATORS: Final = re.compile(r"[/\\]")
# No import of a user's can have such a path: the package of this name is ours.
_OURS: Final = re.compile(
    r"(?:^|[/\\])telemetry[/\\]"
    r"(?:core|policy|capture|pipeline|runtime|integrations|view|cli)[/\\]"
)


class Fingerprint(NamedTuple):
    """What an exception is, without what differs from one time to the next.

    Attributes:
        digest: 16 hexadecimal digits; equal for exceptions that are alike.
        type: Of the exception that came out, as the traceback names it.
        message: What it said; its first line.
    """

    digest: str
    type: str
    message: str


def of_traceback(text: str) -> Fingerprint:
    """The fingerprint of a traceback as Python prints it, causes and groups included.

    Any other text is an exception without frames, of no type.
    """
    parts: dict[str, None] = {}  # each once: a recursion that went deeper is no other
    kind = message = ""
    depth = len(text)
    expected = False
    lines = text.splitlines()
    for at, line in enumerate(lines):
        bars = _bars(line)
        inner = line[bars:]
        frame = _FRAME.match(inner)
        if frame is not None:
            file, function = frame.groups()
            if not _OURS.search(file):
                source = _source(lines, at + 1)
                name = _SEPARATORS.split(file)[-1]
                parts[f"{name}\0{function or ''}\0{source}"] = None
            expected = True
            continue
        error = _ERROR.match(inner.removeprefix(" ")) if expected else None
        if error is not None:
            parts[error[1]] = None
            expected = False
            if bars <= depth:  # a group's own, and not one of its members'
                kind, message, depth = error[1], error[2] or "", bars
        elif _MEMBER.match(line):
            expected = True  # a member may have no frame
    if not kind:
        error = _ERROR.match(lines[-1].strip()) if lines else None
        kind, message = (error[1], error[2] or "") if error else ("", text[:_CHARS])
        parts[kind] = None
    return Fingerprint(_digest(parts), kind, message[:_CHARS])


def of_type(kind: str, message: str, function: str) -> Fingerprint:
    """The fingerprint of an exception of which no traceback is known."""
    return Fingerprint(_digest([kind, function]), kind, message[:_CHARS])


def _bars(line: str) -> int:
    if "|" not in line and "+" not in line:
        return 0
    found = _BARS.match(line)
    return found.end() if found else 0


def _source(lines: list[str], at: int) -> str:
    """The text of the line of code, which follows its frame, or nothing."""
    if at >= len(lines):
        return ""
    line = lines[at][_bars(lines[at]) :]
    if _FRAME.match(line) or _MARKS.match(line) or not line.startswith("   "):
        return ""
    return line.strip()


def _digest(parts: Iterable[str]) -> str:
    text = "\n".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_BYTES).hexdigest()
