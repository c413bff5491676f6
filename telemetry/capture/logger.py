"""The logger of ``telemetry.get_logger``: structlog's, with an end of our own.

It does not read or change the program's own ``structlog.configure``. Nothing is
decided when a logger is made: the level and the sink are looked up when it is used,
so a logger that a module makes on import obeys a ``configure`` that comes later.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, cast

import structlog
from msgspec import Raw
from structlog.processors import StackInfoRenderer
from structlog.typing import (
    EventDict,
    FilteringBoundLogger,
    Processor,
    WrappedLogger,
)

from telemetry.capture import scrubbing
from telemetry.capture.blackbox.current import current_box
from telemetry.capture.blackbox.records import interpolated, logger_head
from telemetry.capture.changes import watch
from telemetry.capture.exceptions import exception_text
from telemetry.capture.fast_lines import fast_method
from telemetry.capture.line import LEVELS
from telemetry.capture.otel_context import OTEL, when_loaded
from telemetry.capture.plain import plain_fields
from telemetry.capture.recording import record
from telemetry.capture.sink import failed, is_wanted

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


def _run_added(logger: WrappedLogger, level: str, event_dict: EventDict) -> EventDict:
    """The processors that the program has added: see ``configure(processors=...)``."""
    found: Any = event_dict
    for processor in _IN_FORCE.processors:
        found = processor(logger, level, found)
    return cast("EventDict", found)


def _to_record(
    logger: WrappedLogger, level: str, event_dict: EventDict
) -> tuple[tuple[()], dict[str, object]]:
    """The last processor: the event dict as a line of the input that runs here."""
    event = event_dict.pop("event", "")
    exception = exception_text(event_dict.pop("exc_info", None))
    name = getattr(logger, "name", None)
    record(level, event, event_dict, logger=name, exception=exception)
    return (), {}


_PROCESSORS: Final = (StackInfoRenderer(["telemetry.capture."]), _run_added, _to_record)


_ASKS: Final = frozenset({"event", "exc_info", "stack_info"})
"""Keys that ask for something, and are no keys of the line."""


class InputLogger(structlog.BoundLoggerBase):
    """A structlog bound logger whose lines know their input.

    The interface of ``structlog.typing.FilteringBoundLogger``. No method raises for
    what is logged. The ``a`` twins write at once and on the calling thread: a line
    costs less than a hop to another thread.

    Attributes:
        head: The name and what is bound, as the black box holds them; None until
            the first line.
    """

    head: Raw | None = None

    def constant_part(self) -> Raw:
        """Encode `head`, and keep it."""
        bound = scrubbing.in_force.fields(plain_fields(self._context))
        head = self.head = logger_head(getattr(self._logger, "name", None), bound)
        return head

    def _log(
        self, level: str, event: object, args: tuple[object, ...], kw: dict[str, object]
    ) -> None:
        try:
            if args:
                event, kw = interpolated(event, args, kw)
            said = {**self._context, **kw}
            if _IN_FORCE.processors or not _ASKS.isdisjoint(said):
                self._process_event(level, cast("str", event), kw)
            else:  # there is nothing that the chain would do
                name = getattr(self._logger, "name", None)
                record(level, event, said, logger=name)
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
        return level >= _IN_FORCE.level

    def get_effective_level(self) -> int:
        """The level in force, by number."""
        return _IN_FORCE.level

    def new(self, **new_values: object) -> InputLogger:
        """A logger of the same name that has bound only *new_values*.

        structlog's own clears the context of this very logger, for everybody.
        """
        return self.__class__(self._logger, self._processors, {**new_values})

    def __reduce__(self) -> tuple[object, ...]:
        # By name: the process that loads it has a level and a sink of its own.
        name = getattr(self._logger, "name", None)
        return _restored, (name, dict(self._context))


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


class _InForce:
    """What the methods of all loggers go by."""

    level: int = logging.INFO
    processors: tuple[Processor, ...] = ()


_IN_FORCE: Final = _InForce()


def set_level(level: str) -> None:
    """Write lines of *level* and above from now on, from every logger of ours."""
    _IN_FORCE.level = LEVELS[level]
    choose_methods()


def set_processors(processors: Sequence[Processor]) -> None:
    """Run *processors* on the event dict of every line, as structlog would."""
    _IN_FORCE.processors = tuple(processors)
    choose_methods()


def choose_methods() -> None:
    """Give the loggers the methods that suit what is in force now.

    The methods are swapped on the class, so that the loggers that exist obey, too.
    One whose level is off becomes an empty one. With a black box, and nobody else to
    take the lines, the others become the short way.
    """
    is_fast = current_box() is not None and not _IN_FORCE.processors and not is_wanted()
    for name, number in LEVELS.items():
        on = number >= _IN_FORCE.level
        for alias in _ALIASES[name]:
            method = _METHODS[alias] if on else _skip
            if on and is_fast and alias != "exception":
                method = fast_method(number, method, OTEL.get)
            setattr(InputLogger, alias, method)
            twin = f"a{alias}"
            if on and is_fast and alias != "exception":
                setattr(InputLogger, twin, _awaited(method))
            else:
                setattr(InputLogger, twin, _METHODS[twin] if on else _askip)


def _awaited(method: Callable[..., None]) -> Callable[..., Awaitable[None]]:
    async def log(self: object, event: str, *args: object, **kw: object) -> None:
        method(self, event, *args, **kw)

    return log


set_level("info")
watch(choose_methods)
when_loaded(choose_methods)


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
