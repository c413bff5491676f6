"""What ``scrub_patterns`` asks for: looked at, and ready for use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telemetry.core.errors import InvalidError
from telemetry.policy.secret_shapes import SHAPES

_OWN: Final = {shape.expression: shape for shape in SHAPES}


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression ready for use.

    Attributes:
        name: Says why something was taken out.
        group: Number of the group that is taken out; 0 for the whole match.
        marker: A character of every text it can match in; "" where nobody knows.
        hint: A text in every text, in lower case, that it can match in; or "".
    """

    name: str
    group: int
    find: re.Pattern[str]
    marker: str
    hint: str


def checked(patterns: object) -> Sequence[str]:
    """*patterns*, if they are a sequence of texts.

    Raises:
        InvalidError: They are not.
    """
    if isinstance(patterns, str) or not isinstance(patterns, Sequence):
        raise InvalidError(
            f"scrub_patterns is {patterns!r}; it must be a sequence of texts, such as "
            "('password', r'ORD-[0-9]+')"
        )
    for number, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not pattern.strip():
            raise InvalidError(
                f"scrub_patterns[{number}] is {pattern!r}; it must be a non-empty "
                "text: a name, or a regular expression"
            )
    return patterns


def is_own(expression: str) -> bool:
    """Whether it is one of ours, which are looked for where their hints are."""
    return expression in _OWN


def compiled(expression: str) -> Compiled:
    """*expression*, ready for use.

    Raises:
        InvalidError: It is no regular expression, or matches everywhere.
    """
    try:
        find = re.compile(expression)
    except re.error as error:
        raise InvalidError(
            f"scrub_patterns holds {expression!r}; it must be a name or a regular "
            f"expression: {error}"
        ) from error
    if find.search(""):
        raise InvalidError(
            f"scrub_patterns holds {expression!r}; it must not match an empty text"
        )
    name, group = next(iter(find.groupindex.items()), (expression, 0))
    known = _OWN.get(expression)
    if known is None:
        return Compiled(name, group, find, "", "")
    return Compiled(name, group, find, known.marker, known.hint)
