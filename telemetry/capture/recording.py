"""The one way to leave a line: every road of `telemetry.capture.roads` ends here."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.capture.line import HERE, Here, stamp
from telemetry.capture.plain import plain_text
from telemetry.capture.sink import emit, failed
from telemetry.core.scope import InputScope


def record(  # noqa: PLR0913  # one argument for each part of a line
    level: str,
    event: object,
    fields: Mapping[str, object] | None = None,
    *,
    logger: str | None = None,
    exception: str | None = None,
    stream: str | None = None,
    scope: InputScope | Here | None = HERE,
    candidates: tuple[str, ...] = (),
    unix_ns: int | None = None,
    thread: str | None = None,
    shown: bool = False,
) -> None:
    """Leave a line; never raises, blocks or recurses.

    Args:
        level: One of `telemetry.capture.line.LEVELS`.
        event: What was said, of any type.
        fields: Keys and values beside it, of any type.
        exception: A traceback as text.
        stream: ``stdout`` or ``stderr``, for captured output.
        scope: Whose line it is, when that was noted at another time or elsewhere;
            None for nobody's.
        candidates: Ids of the inputs that may have written it; with ``scope=None``.
        unix_ns: When it was written, if not now.
        thread: Name of the thread that wrote it, if not this one.
        shown: A person has seen it already, in this process: its console leaves
            the line out.
    """
    try:
        line = stamp(
            level,
            plain_text(event),
            fields or {},
            logger=logger,
            exception=exception,
            stream=stream,
            scope=scope,
            candidates=candidates,
            unix_ns=unix_ns,
            thread=thread,
            shown=shown,
        )
    except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
        failed(error, "recording")
    else:
        emit(line)
