"""Standard logging: any logger, any handler, ``QueueHandler`` included.

Two methods of ``logging.Logger`` are wrapped, and no handler is added:

- ``makeRecord`` notes the input in the record, when ``extra`` is in it already. A
  record factory would do it a moment sooner, and ``logging`` then raises
  ``KeyError`` for ``extra={"input_id": ...}``; it would also be lost to the next
  ``setLogRecordFactory``.
- ``callHandlers`` makes the line. It is past the levels and filters of the logger,
  sees loggers that do not propagate, and leaves the lists of handlers alone: a
  handler on the root would switch off the one of last resort, make
  ``basicConfig()`` do nothing, and be thrown away by ``dictConfig``.

A format may say ``%(input_id)s``, and any other name of `log_identity.NAMES`;
outside of an input it reads ``-``.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Mapping
from typing import Final

from telemetry.capture.log_handler import LogHandler
from telemetry.capture.log_identity import NAMES, NOT_KNOWN
from telemetry.capture.log_records import INNOCENT, feeds_itself, is_shown, leave
from telemetry.capture.log_shortcut import left_shortly
from telemetry.capture.noted_records import has_left, stamp_record
from telemetry.capture.recording import way
from telemetry.capture.roads.elsewhere import (
    OnlyInside,
    captured_elsewhere,
    released,
)
from telemetry.capture.roads.patching import Function, Layer, Patch, combined
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed

# What rich prints is a line of the stream, unless its handler prints it.
_RICH: Final = OnlyInside("rich.console")
_RICH_HANDLER: Final = "rich.console"
_LOADED: Final = sys.modules
_STREAM_WRITERS: Final = ("logging", _RICH)
_NAMES: Final = frozenset(NAMES)
_MISSING: Final = dict.fromkeys(NAMES, NOT_KNOWN)


class Said:
    """A line of structlog's that is about to become a record of ``logging``.

    Attributes:
        words: What the record will hold as its message: the very same object.
    """

    __slots__ = ("event", "exception", "fields", "logger", "words")

    def __init__(
        self,
        logger: logging.Logger,
        words: object,
        event: object,
        fields: dict[str, object],
        exception: str | None,
    ) -> None:
        self.logger = logger
        self.words = words
        self.event = event
        self.fields = fields
        self.exception = exception


class _Here(threading.local):
    """Per thread.

    Attributes:
        said: What structlog has just said, for the record that comes next.
        muted: Name of a logger whose records somebody else leaves as lines.
    """

    said: Said | None = None
    muted: str | None = None


ON_THREAD: Final = _Here()


def _making(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def make_record(  # noqa: PLR0913, PLR0917  # logging's
        self: logging.Logger,
        name: object,
        level: object,
        fn: object,
        lno: object,
        msg: object,
        args: object,
        exc_info: object,
        func: object = None,
        extra: Mapping[str, object] | None = None,
        sinfo: object = None,
    ) -> logging.LogRecord:
        # Named one by one: that costs a third of `*args, **kwargs`.
        record: logging.LogRecord = original(
            self, name, level, fn, lno, msg, args, exc_info, func, extra, sinfo
        )
        if layer.on:
            try:
                stamp_record(record, extra)
            except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
                failed(error, "logging")
        return record

    return make_record


def _calling(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if not layer.on:
            original(self, record)
            return
        try:
            is_left = (
                way.is_short
                and record.name in INNOCENT
                and ON_THREAD.said is None
                and left_shortly(record)
            )
        except Exception:  # noqa: BLE001  # the long way finds out, and says so
            is_left = False
        try:
            if not is_left:
                _leave(self, record)
        except Exception as error:  # noqa: BLE001  # whoever logs is not harmed
            failed(error, "logging")
        if _RICH_HANDLER not in _LOADED:
            original(self, record)
            return
        with _RICH:
            original(self, record)

    return call_handlers


def _leave(logger: logging.Logger, record: logging.LogRecord) -> None:
    if has_left(record) or feeds_itself(record):
        return
    muted, said = ON_THREAD.muted, ON_THREAD.said
    if muted is not None and record.name == muted:
        return
    shown = is_shown(logger, record.levelno, LogHandler)
    if said is not None and said.logger is logger and said.words is record.msg:
        ON_THREAD.said = None
        leave(
            record,
            shown=shown,
            event=said.event,
            fields=said.fields,
            exception=said.exception,
        )
    else:
        leave(record, shown=shown)


def _formatting(layer: Layer) -> Function:
    original = layer.original

    @functools.wraps(original)
    def format_record(self: object, record: logging.LogRecord) -> str:
        try:
            return str(original(self, record))
        except KeyError as error:
            if not layer.on or not _NAMES.intersection(error.args):
                raise
        complete = logging.LogRecord.__new__(logging.LogRecord)
        vars(complete).update({**_MISSING, **vars(record)})
        return str(original(self, complete))

    return format_record


class _Logging:
    name = "logging"
    covers = "standard logging: any logger, any handler, QueueHandler included"

    def __init__(self) -> None:
        self.watching = False
        self._patches = [
            Patch(logging.Logger, "makeRecord", _making),
            Patch(logging.Logger, "callHandlers", _calling),
        ]
        for style in (
            logging.PercentStyle,
            logging.StrFormatStyle,
            logging.StringTemplateStyle,
        ):
            # Private, and the same since 3.8. Where it is gone, a format that names
            # an input fails outside of one, as any other missing name does.
            if "_format" in vars(style):
                self._patches.append(Patch(style, "_format", _formatting))

    def install(self) -> None:
        for patch in self._patches:
            patch.install()
        self.watching = True
        captured_elsewhere(_STREAM_WRITERS)

    def uninstall(self) -> None:
        released(_STREAM_WRITERS)
        self.watching = False
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        return combined(self._patches)


ROAD: Final = _Logging()
