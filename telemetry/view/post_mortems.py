"""What stands in a container's black box, for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.listing import ALIVE
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.blackbox.reader import NotABoxError
from telemetry.capture.line import Line as CapturedLine
from telemetry.pipeline.post_mortem import Autopsy
from telemetry.pipeline.store.queries.lines import StoredLine
from telemetry.view.answers.pages import Held, Output, PostMortem
from telemetry.view.asking.lines import line_of
from telemetry.view.moment import slots_of

LINES: Final = 60
MOST_OUTPUT_CHARS: Final = 16_000


def post_mortem(boxes: Path, name: str) -> PostMortem | None:
    """The box of that name; None where it is gone, or none.

    Args:
        boxes: The folder in which they lie.
        name: Nothing but letters, digits and ``.:_-``, and of no other folder.
    """
    path = boxes / f"{name}{SUFFIX}"
    if path.parent != boxes:
        return None
    try:
        autopsy = Autopsy(path, count=LINES)
    except (NotABoxError, OSError):
        return None
    try:
        found = autopsy.report()
    finally:
        autopsy.close()
    return PostMortem(
        container_id=name,
        state=found.box.state,
        until_ms=None if found.box.state == ALIVE else found.last_ns / 1e6,
        slots=slots_of(found.box.slots),
        lines=[line_of(_stored(at, each)) for at, each in enumerate(found.lines)],
        outcomes=dict(found.outcomes),
        held=[
            Held(each.unix_ns / 1e6, each.input_id, each.seconds, each.stack)
            for each in found.held
        ],
        output=[
            Output(each.path.name, each.text[-MOST_OUTPUT_CHARS:])
            for each in found.beside
        ],
        dropped=found.box.dropped,
    )


def _stored(number: int, line: CapturedLine) -> StoredLine:
    # It may be in the store as well, but by what number is not known here.
    return StoredLine(-number - 1, line, "")
