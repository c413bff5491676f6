"""The app of the story: bursts, waits, and a cancellation that takes neighbours along.

Run as a program: ``python -m tests.view.story_app SECONDS``, which it goes on for after
the cancellation.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import telemetry
from telemetry.capture.runtime_records import (
    InputInterrupted,
    InputSettled,
    InputStarted,
    Record,
)
from telemetry.runtime import App, concurrent

CANCELLED = 1_000_003
"""The number of the input that is cancelled: it waits for that."""

PATIENCE_S = 30.0

app = App("story")
log = telemetry.get_logger("story")


@app.function(max_containers=2, scaledown_window=20)
@concurrent(max_inputs=8, target_inputs=6)
async def translate(number: int) -> int:
    """Wait as for a model, and say so."""
    log.info("asking the model", number=number)
    await asyncio.sleep(0.4 + (number % 7) * 0.15)
    print(f"answer {number}")  # to be captured
    if number % 60 == 59:
        raise ValueError(f"no answer to {number}")
    return number


@app.function(max_containers=2, scaledown_window=20)
@concurrent(max_inputs=4)
def resize(number: int) -> int:
    """Work in a thread, in small steps."""
    log.info("resizing", number=number, note="<b>not bold</b>")
    takes_s = PATIENCE_S if number == CANCELLED else 1.2 + (number % 5) * 0.2
    until = time.monotonic() + takes_s
    while time.monotonic() < until:
        time.sleep(0.01)
    return number


class Company:
    """Who runs beside whom, as the dispatcher tells."""

    def __init__(self) -> None:
        self.wanted = ""
        self.has_company = threading.Event()
        self._running: dict[str, set[str]] = {}
        # Of each call: a record may come before anybody knows which one is wanted.
        self._where: dict[str, str] = {}

    def add(self, record: Record) -> None:
        """Note who runs where."""
        if isinstance(record, InputStarted):
            self._running.setdefault(record.container_id, set()).add(record.input_id)
            self._where[record.function_call_id] = record.container_id
        elif isinstance(record, InputSettled | InputInterrupted):
            self._running.get(record.container_id or "", set()).discard(record.input_id)
        place = self._where.get(self.wanted, "")
        if len(self._running.get(place, ())) >= 3:  # it and two others
            self.has_company.set()


def main(seconds: float) -> None:
    """Keep both busy for so long, and cancel one when it has company."""
    telemetry.configure(service_name="story", console=None)
    company = Company()
    with app.run(on_record=company.add):
        stop = threading.Event()
        feeders = [
            threading.Thread(target=_feed, args=(stop, translate, 0.045)),
            threading.Thread(target=_feed, args=(stop, resize, 0.35)),
        ]
        for each in feeders:
            each.start()
        time.sleep(2.0)
        call = resize.spawn(CANCELLED)
        company.wanted = call.object_id
        company.has_company.wait(PATIENCE_S)
        call.cancel()
        time.sleep(seconds)
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
