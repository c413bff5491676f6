"""The one way to leave a line: every road of `telemetry.capture.roads` ends here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, cast

from msgspec import Raw

from telemetry.capture import scrubbing
from telemetry.capture.blackbox.current import has_box, put
from telemetry.capture.blackbox.records import (
    NO_INPUT,
    encode,
    identity_head,
    logger_head,
)
from telemetry.capture.changes import watch
from telemetry.capture.fast_lines import leave
from telemetry.capture.harmless import is_harmless
from telemetry.capture.line import HERE, LEVELS, NO_FIELDS, Here, own_keys, stamp
from telemetry.capture.otel_context import hexadecimal, own_ids, user_span
from telemetry.capture.plain import clean, plain_fields, plain_text
from telemetry.capture.sink import emit, failed, is_wanted
from telemetry.capture.thread_name import thread_head
from telemetry.core.scope import SCOPE, InputScope


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
        if (
            way.is_short
            and scope is HERE
            and not (candidates or exception)
            and thread is None
            and type(fields) in _DICT_OR_NONE
            and leave(
                LEVELS.get(level, LEVELS["info"]),
                named(logger),
                event,
                cast("dict[str, object]", fields or {}),
                _SEEN[stream, shown],
                unix_ns,
            )
        ):
            return
        owner = SCOPE.get() if isinstance(scope, Here) else scope
        scrubber = scrubbing.in_force
        given = NO_FIELDS if fields is None else fields
        if not is_harmless(event, given):
            event = scrubber.text(plain_text(event), _EVENT)
            given = scrubber.fields(plain_fields(own_keys(given)))
        if exception:
            exception = scrubber.text(exception, _EXCEPTION)
        more = _more(owner, stream, exception, candidates, shown=shown)
        if has_box():
            parts = (
                LEVELS.get(level, LEVELS["info"]),
                named(logger),
                NO_INPUT if owner is None else identity_head(owner),
                thread_head() if thread is None else clean(thread),
                (unix_ns or time.time_ns(), event, (), given),
            )
            put(owner, encode((*parts, more) if more else parts))
        if is_wanted():
            if thread is not None:
                more["thread"] = clean(thread)
            if owner is not None and "trace_id" not in more:
                more["trace_id"], more["span_id"] = own_ids(owner)
            more |= {"logger": logger, "unix_ns": unix_ns}
            emit(stamp(level, cast("str", event), given, scope=owner, **more))
    except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
        failed(error, "recording")


def seen_as(stream: str | None, *, shown: bool) -> dict[str, object]:
    """The sixth part of most lines."""
    more: dict[str, object] = {"stream": stream} if stream else {}
    if shown:
        more["shown"] = True
    return more


_SEEN: Final = {
    (stream, shown): seen_as(stream, shown=shown)
    for stream in (None, "stdout", "stderr")
    for shown in (False, True)
}


class _Way:
    """Whether lines go into the box and nowhere else."""

    is_short = False


way: Final = _Way()
"""Read anew for each line."""


def _choose() -> None:
    way.is_short = has_box() and not is_wanted()


watch(_choose)


def _more(
    owner: InputScope | None,
    stream: str | None,
    exception: str | None,
    candidates: tuple[str, ...],
    *,
    shown: bool,
) -> dict[str, Any]:
    """What few lines have."""
    more = seen_as(stream, shown=shown)
    if exception:
        more["exception"] = exception
    if candidates:
        more["candidates"] = candidates
    span = user_span(owner)
    if span is not None:
        more["trace_id"], more["span_id"] = hexadecimal(span)
    return more


@lru_cache(maxsize=1_024)
def named(logger: str | None) -> Raw:
    """The constant part of the lines of a logger that has bound nothing."""
    return logger_head(logger, {})


_DICT_OR_NONE: Final = frozenset({dict, type(None)})
_EVENT: Final = ("event",)
_EXCEPTION: Final = ("exception",)
