"""A program that says more than its black box may hold; run with -m, nobody reads it.

Prints how many records the box had to drop, by reason, as JSON.
"""

from __future__ import annotations

import json

import telemetry
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.reader import BoxReader

SERVICE = "chatty"
_BUDGET_BYTES = 1 << 20
_LINES = 12_000


def main() -> None:
    """Write until the first lines are gone."""
    telemetry.configure(SERVICE, console=None, budget_bytes=_BUDGET_BYTES)
    log = telemetry.get_logger(SERVICE)
    for number in range(_LINES):
        log.info("said to nobody", number=number, text="-" * 100)
    box = current_box()
    if box is None:
        raise RuntimeError("there is no black box to write to")
    with BoxReader(box.path) as reader:
        print(json.dumps(reader.dropped()))


if __name__ == "__main__":
    main()
