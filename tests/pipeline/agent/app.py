"""An app for the agent's tests: run with -m, it ends when its inputs have.

Arguments: how many inputs; and ``rounds``, to run so many again and again until stdin
is closed. The folder and the endpoint come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys

import telemetry
from telemetry.runtime import App, concurrent

PAUSE_S = 0.1
"""Between two rounds: enough is written all the same."""

log = telemetry.get_logger("trial")
app = App("trial")


@app.function(max_containers=2, timeout=30, retries=0)
@concurrent(max_inputs=12, target_inputs=8)
async def work(number: int) -> int:
    """Three lines; every tenth input fails."""
    log.info("begins", number=number)
    await asyncio.sleep(0.01)
    print("printed", number)
    if number % 10 == 7:
        raise ValueError(f"bad {number}")
    log.warning("ends", number=number, text="ü\n" * 3)
    return number


@app.function(max_containers=1)
def die() -> None:
    """Its process is gone in the middle of its work, once."""
    log.info("about to die", attempt=telemetry.current_input().attempt)  # type: ignore[union-attr] # there is one
    if telemetry.current_input().attempt == 0:  # type: ignore[union-attr] # there is one
        os._exit(3)


def main() -> None:
    """Run it, and print how many inputs did well."""
    telemetry.configure(service_name="trial", console=None)
    inputs, is_long = int(sys.argv[1]), sys.argv[2:] == ["rounds"]
    well = 0
    with app.run():
        while True:
            results = work.map(range(inputs), return_exceptions=True)
            well += sum(isinstance(each, int) for each in results)
            if not is_long or select.select([sys.stdin], [], [], PAUSE_S)[0]:
                break
        if not is_long:
            die.remote()
    print(well)


if __name__ == "__main__":
    main()
