"""The app of the outage benchmark: it writes lines until it has written so many.

Arguments: lines in all, lines per second. Prints how many it has written.
"""

from __future__ import annotations

import asyncio
import sys
import time

import telemetry
from telemetry.runtime import App, concurrent

LINES = 10
"""Of one input."""

app = App("outage")
log = telemetry.get_logger("outage")


@app.function(max_containers=2, timeout=60)
@concurrent(max_inputs=20)
async def write(number: int) -> int:
    """Some lines, and time for others between them."""
    for line in range(LINES):
        log.info("written", number=number, line=line)
        await asyncio.sleep(0)
    return LINES


def main() -> None:
    """Write, at that rate or as near to it as this machine can."""
    wanted, per_s = int(sys.argv[1]), float(sys.argv[2])
    telemetry.configure(service_name="outage", console=None)
    written, started_s = 0, time.monotonic()
    with app.run():
        while written < wanted:
            written += sum(write.map(range(100)))
            ahead_s = written / per_s - (time.monotonic() - started_s)
            time.sleep(max(ahead_s, 0.0))
    print(written)


if __name__ == "__main__":
    main()
