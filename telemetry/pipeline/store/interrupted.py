"""What is said of the inputs that ran when their process died."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.line import Line
from telemetry.core import names
from telemetry.pipeline.foreign import ForeignLine

LOGGER: Final = names.PROVIDER


def interruptions(
    box: str, slots: Sequence[SlotState], died_ns: int, container: str | None = None
) -> list[ForeignLine]:
    """One line for each input that ran when a process died.

    Args:
        box: Its name.
        slots: The slot table of its box.
        died_ns: Its last sign of life, in Unix nanoseconds.
        container: Id of the container that it was.
    """
    found: list[ForeignLine] = []
    for slot in slots:
        elapsed_s = max(died_ns - slot.since_unix_ns, 0) / 1e9
        line = Line(
            max(died_ns, slot.since_unix_ns),
            "warning",
            names.EVENT_INPUT_INTERRUPTED,
            {names.INPUT_ELAPSED_S: elapsed_s},
            LOGGER,
            slot.input_id,
            function=slot.function or None,
            attempt=slot.attempt,
            container_id=container,
            slot=slot.slot,
        )
        uid = f"{box}:interrupted.{slot.slot}.{slot.since_unix_ns:x}"
        found.append(ForeignLine(line, uid))
    return found
