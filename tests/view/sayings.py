"""What the inputs of an invented run say, and what nobody should say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

Saying = tuple[str, str, dict[str, Any]]

_STEPS: tuple[tuple[str, str], ...] = (
    ("info", "request received"),
    ("debug", "cache miss"),
    ("info", "tokens counted"),
    ("info", "calling the model"),
    ("debug", "connection from pool"),
    ("info", "answer received"),
    ("warning", "slow answer, retrying"),
    ("info", "done"),
)

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/translate.py", line 88, in translate
    return model.translate(text, language)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/model.py", line 31, in translate
    raise ValueError(f"no such language: {language!r}")
ValueError: no such language: 'xx'
"""

HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"alert(1)\">",
    "\x1b[31mred\x1b[0m and \x1b[1;4mbold\x1b[0m \x1b]8;;http://x.example\x07link\x07",
    "user \u202etxt.exe\u202c logged in, \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d",
    "x" * 9_000 + "\nsecond row\n\n\nfifth row",
    "javascript:alert(1) {{7*7}} ${7*7} %s %n '; drop table logs; --",
    "\x00\x07\x08 nul, bell and backspace \r over",
)
"""Text that must be shown, and never run."""


def sayings(dice: random.Random, amount: int) -> Iterator[Saying]:
    """So many lines, of which some are out of the ordinary."""
    for at in range(amount):
        level, event = _STEPS[at % len(_STEPS)]
        if level == "warning" and dice.random() < 0.8:
            level, event = "info", "answer received"
        yield level, event, {"step": at, "tokens": dice.randrange(20, 4000)}
