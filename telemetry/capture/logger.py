"""The logger of ``telemetry.get_logger``: structlog's, with an end of our own.

It does not read or change the program's own ``structlog.configure``. Nothing is
decided when a logger is made: the level and the sink are looked up when it is used,
so a logger that a module makes on import obeys a ``configure`` that comes later.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, cast

import structlog
from structlog.processors import StackInfoRenderer
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from telemetry.capture.exceptions import exception_text
from telemetry.capture.line import LEVELS, Line, stamp
from telemetry.capture.plain import plain_text
from telemetry.capture.sink import emit, failed

_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "debug": ("debug",),
    "info": ("info", "msg"),
    "warning": ("warning", "warn"),
    "error": ("error", "exception"),
    "critical": ("critical", "fatal"),
}
"""The methods of each level, structlog's names; each has an ``a`` twin."""


class _Output:
    """The end of the chain: what structlog calls the wrapped logger."""

    __slots__ = ("name",)

    def __init__(self, name: str | None) -> None:
        self.name = name

    def msg(self, line: Line) -> None:
        emit(line)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def to_line(
    logger: WrappedLogger, level: str, event_dict: EventDict
) -> tuple[tuple[Line], dict[str, object]]:
    """The last processor: the event dict as a line of the input that runs here."""
    event = event_dict.pop("event", "")
    exception = exception_text(event_dict.pop("exc_info", None))
    name = getattr(logger, "name", None)
    return (
        stamp(level, plain_text(event), event_dict, logger=name, exception=exception),
    ), {}


_PROCESSORS: Final = (StackInfoRenderer(["telemetry.capture."]), to_line)


class InputLogger(structlog.BoundLoggerBase):
    """A structlog bound logger whose lines know their input.

    The interface of ``structlog.typing.FilteringBoundLogger``. No method raises for
    what is logged. The ``a`` twins write at once and on the calling thread: a line
    costs less than a hop to another thread.
    """

    def _log(
        self, level: str, event: object, args: tuple[object, ...], kw: dict[str, object]
    ) -> None:
        try:
            if args:
                event, kw = _interpolated(event, args, kw)
            positional, keywords = self._process_event(level, cast("str", event), kw)
            getattr(self._logger, level)(*positional, **keywords)
        except structlog.DropEvent:
            pass
        except Exception as error:  # noqa: BLE001  # a log call never raises
            failed(error, "logger")

    def debug(self, event: str, *args: object, **kw: object) -> None:
        """Log *event*, %-formatted with *args*, at level debug."""
        self._log("debug", event, args, kw)

    def info(self, event: str, *args: object, **kw: object) -> None:
        """Log *event*, %-formatted with *args*, at level info."""
        self._log("info", event, args, kw)

    def warning(self, event: str, *args: object, **kw: object) -> None:
        """Log *event*, %-formatted with *args*, at level warning."""
        self._log("warning", event, args, kw)

    def error(self, event: str, *args: object, **kw: object) -> None:
        """Log *event*, %-formatted with *args*, at level error."""
        self._log("error", event, args, kw)

    def critical(self, event: str, *args: object, **kw: object) -> None:
        """Log *event*, %-formatted with *args*, at level critical."""
        self._log("critical", event, args, kw)

    def exception(self, event: str, *args: object, **kw: object) -> None:
        """Log *event* at level error, with the exception that is being handled."""
        kw.setdefault("exc_info", True)
        self._log("error", event, args, kw)

    async def adebug(self, event: str, *args: object, **kw: object) -> None:
        """As `debug`."""
        self._log("debug", event, args, kw)

    async def ainfo(self, event: str, *args: object, **kw: object) -> None:
        """As `info`."""
        self._log("info", event, args, kw)

    async def awarning(self, event: str, *args: object, **kw: object) -> None:
        """As `warning`."""
        self._log("warning", event, args, kw)

    async def aerror(self, event: str, *args: object, **kw: object) -> None:
        """As `error`."""
        self._log("error", event, args, kw)

    async def acritical(self, event: str, *args: object, **kw: object) -> None:
        """As `critical`."""
        self._log("critical", event, args, kw)

    async def aexception(self, event: str, *args: object, **kw: object) -> None:
        """As `exception`."""
        kw.setdefault("exc_info", True)
        self._log("error", event, args, kw)

    msg = info
    warn = warning
    fatal = critical
    amsg = ainfo
    awarn = awarning
    afatal = acritical

    def log(self, level: int, event: str, *args: object, **kw: object) -> None:
        """Log *event* at a level by number, as ``logging.Logger.log``.

        A number between two levels is the lower one.
        """
        if self.is_enabled_for(level):
            self._log(_level_at(level), event, args, kw)

    async def alog(self, level: int, event: str, *args: object, **kw: object) -> None:
        """As `log`."""
        self.log(level, event, *args, **kw)

    def is_enabled_for(self, level: int) -> bool:
        """Whether a line at this level, by number, is written."""
        return level >= _IN_FORCE["level"]

    def get_effective_level(self) -> int:
        """The level in force, by number."""
        return _IN_FORCE["level"]

    def new(self, **new_values: object) -> InputLogger:
        """A logger of the same name that has bound only *new_values*.

        structlog's own clears the context of this very logger, for everybody.
        """
        return self.__class__(self._logger, self._processors, {**new_values})

    def __reduce__(self) -> tuple[object, ...]:
        # By name: the process that loads it has a level and a sink of its own.
        name = getattr(self._logger, "name", None)
        return _restored, (name, dict(self._context))


def _interpolated(
    event: object, args: tuple[object, ...], kw: dict[str, object]
) -> tuple[object, dict[str, object]]:
    """The formatted event; where that fails, the event as it is, and the arguments."""
    values: object = args
    if len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
        values = args[0]  # log.info("%(size)d bytes", {"size": 3}), as in structlog
    try:
        return str(event) % values, kw
    except Exception:  # noqa: BLE001  # a wrong format must not lose the line
        return event, {**kw, "positional_args": args}


def _level_at(number: int) -> str:
    below = [name for name, at in LEVELS.items() if at <= number]
    return below[-1] if below else "debug"


def _skip(self: object, event: str, *args: object, **kw: object) -> None:
    """What a method is while its level is off."""


async def _askip(self: object, event: str, *args: object, **kw: object) -> None:
    """What an ``a`` method is while its level is off."""


_METHODS: Final = {
    name: vars(InputLogger)[name]
    for names in _ALIASES.values()
    for alias in names
    for name in (alias, f"a{alias}")
}
_IN_FORCE: Final = {"level": logging.INFO}


def set_level(level: str) -> None:
    """Write lines of *level* and above from now on, from every logger of ours.

    The methods of levels that are off are swapped for an empty one, on the class:
    a line that is not written costs an empty call, and the loggers that exist
    already obey, too.
    """
    least = LEVELS[level]
    _IN_FORCE["level"] = least
    for name, number in LEVELS.items():
        for alias in _ALIASES[name]:
            on = number >= least
            setattr(InputLogger, alias, _METHODS[alias] if on else _skip)
            twin = f"a{alias}"
            setattr(InputLogger, twin, _METHODS[twin] if on else _askip)


set_level("info")


def get_logger(name: str | None = None, **initial: object) -> FilteringBoundLogger:
    """A structlog bound logger; each of its lines carries the input that wrote it.

    It can be made before `configure`, used from any thread, and pickled: a function
    that is sent to another process takes its logger along.

    Args:
        name: Name of the logger, usually ``__name__``.
        initial: Keys that every line of it carries.
    """
    return _restored(name, initial)


def _restored(name: str | None, context: dict[str, object]) -> FilteringBoundLogger:
    lazy = structlog.wrap_logger(
        _Output(name),
        processors=_PROCESSORS,
        wrapper_class=InputLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    # Bound at once: the lazy one is built anew for each line.
    return cast("FilteringBoundLogger", lazy.bind(**context))
