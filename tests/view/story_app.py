"""The app of the story: bursts, waits, and a cancellation that takes neighbours along.

Run as a program: ``python -m tests.view.story_app SECONDS``. It prints the id of the
input that it cancels, on a line of its own.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import telemetry
from telemetry.runtime import App, concurrent

app = App("story")
log = telemetry.get_logger("story")


@app.function(max_containers=2, scaledown_window=20)
@concurrent(max_inputs=8, target_inputs=6)
async def translate(number: int) -> int:
    """Wait as for a model, and say so."""
    log.info("asking the model", number=number)
    await asyncio.sleep(0.4 + (number % 7) * 0.15)
    print(f"answer {number}")  # noqa: T201  # to be captured
    if number % 60 == 59:
        raise ValueError(f"no answer to {number}")
    return number


@app.function(max_containers=2, scaledown_window=20)
@concurrent(max_inputs=4)
def resize(number: int) -> int:
    """Work in a thread, in small steps."""
    log.info("resizing", number=number, note="<b>not bold</b>")
    until = time.monotonic() + 1.2 + (number % 5) * 0.2
    while time.monotonic() < until:
        time.sleep(0.01)
    return number


def main(seconds: float) -> None:
    """Keep both busy for so long."""
    telemetry.configure(service_name="story", console=None)
    with app.run():
        stop = threading.Event()
        feeders = [
            threading.Thread(target=_feed, args=(stop, translate, 0.045)),
            threading.Thread(target=_feed, args=(stop, resize, 0.35)),
        ]
        for each in feeders:
            each.start()
        time.sleep(3.0)
        call = resize.spawn(1_000_003)
        time.sleep(0.8)
        call.cancel()
        print("cancelled", call.object_id, flush=True)  # noqa: T201  # the test reads it
        time.sleep(max(seconds - 3.8, 0.0))
        stop.set()
        for each in feeders:
            each.join()


def _feed(stop: threading.Event, function: object, every_s: float) -> None:
    number = 0
    calls = []
    while not stop.wait(every_s * (0.5 if number // 40 % 2 else 1.6)):
        number += 1
        calls.append(function.spawn(number))  # type: ignore[attr-defined]  # either of the two
    for call in calls:
        try:
            call.get(timeout=20)
        except Exception as error:  # noqa: BLE001  # some are meant to fail
            log.debug("ended badly", error=str(error))


if __name__ == "__main__":
    main(float(sys.argv[1]))
