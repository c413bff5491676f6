"""What a dead process had written to its descriptors and did not come to record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.reader import Found
from telemetry.capture.line import LEVELS
from telemetry.capture.plain import plain_text
from telemetry.capture.tailing import leftover

BLOCK: Final = -1
"""Stands for these lines where a block of the box would: no box has such a block."""

_FILES: Final = ((".out", "stdout", "info"), (".err", "stderr", "warning"))


def last_words(box: Path, running: Sequence[str], unix_ns: int) -> list[Found]:
    """The lines in the files beside *box*, as records of it.

    Args:
        running: Ids of the inputs that ran as the process died: they may have
            written them.
        unix_ns: When that was, as far as is known.
    """
    found: list[Found] = []
    for number, (suffix, stream, level) in enumerate(_FILES):
        try:
            texts = leftover(box.with_suffix(suffix))
        except OSError:
            continue  # it had no such file
        said = plain_text("\n".join(texts)).strip()
        if said:
            more: dict[str, object] = {"stream": stream, "candidates": list(running)}
            words = [unix_ns, said, [], {}]
            record = [LEVELS[level], [None, {}], None, "", words, more]
            found.append(Found(unix_ns, record, BLOCK, 0, number))
    return found
