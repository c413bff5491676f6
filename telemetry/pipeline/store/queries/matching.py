"""What a search in the text of lines means.

The text is looked for as it is written, whatever its case, from the beginning of a
word on; its last word may go on: ``connection refu`` finds "Connection refused", and
``nection`` finds nothing of the kind. A text without a letter or digit is looked for
anywhere.

The index knows only which words a line has. It says where to look; whether the words
are there one behind the other the line itself tells, as it does for those lines that
are not indexed yet. So both find the same.
"""

from __future__ import annotations

import re
from typing import Final

from telemetry.core.errors import InvalidError

MOST_CHARS: Final = 1_000

_WORD: Final = re.compile(r"[^\W_]+")


class Wanted:
    """A text that is searched for.

    Attributes:
        query: The same for the index; None where the index cannot help.

    Raises:
        InvalidError: It is empty, or too long.
    """

    def __init__(self, text: str) -> None:
        if not text.strip() or len(text) > MOST_CHARS:
            raise InvalidError(
                f"the text to search for has {len(text)} characters; it must have "
                f"from 1 to {MOST_CHARS}, and not blanks alone"
            )
        words = _WORD.findall(text)
        self.query: Final = (
            " ".join(f'"{word}"' for word in words) + "*" if words else None
        )
        begins = r"(?<![^\W_])" if _WORD.match(text) else ""
        self._pattern = re.compile(begins + re.escape(text), re.IGNORECASE)

    def is_in(self, text: str | None) -> bool:
        """Whether *text* has it."""
        return text is not None and self._pattern.search(text) is not None
