"""Lifecycle events as lines of the console that shows the log."""

from __future__ import annotations

import threading
import time

from examples.demo.observer import Event
from examples.demo.theme import Theme
from telemetry.capture.line import Line
from telemetry.capture.sink import emit


def show(event: Event, theme: Theme | None) -> None:
    """Say it, between the log lines.

    Args:
        theme: How marks look; None leaves them out, as in JSON.
    """
    mark, fields = "", event.fields
    if theme is None:
        fields = {"pool": event.function, **event.fields}
        if event.container_id is not None:
            fields["container"] = event.container_id
    else:
        mark = theme.plain(event.mark) + " "
    emit(
        Line(
            unix_ns=time.time_ns(),
            level=event.level,
            event=mark + event.text,
            fields=fields,
            logger="demo",
            # On a row, an id without letters keeps the columns of those that have
            # some; in JSON, a line that is no input's has none.
            input_id=event.input_id or ("" if theme is not None else None),
            function=event.function,
            attempt=event.attempt,
            container_id=event.container_id,
            thread=threading.current_thread().name,
        )
    )
