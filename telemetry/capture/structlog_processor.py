"""What structlog's event dicts get from us, and what a line takes from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from telemetry.capture.exceptions import exception_text
from telemetry.capture.line import LEVELS
from telemetry.capture.log_identity import NAMES, put_identity, set_aside
from telemetry.capture.plain import foreign, type_name
from telemetry.core.scope import SCOPE

_LEVEL_OF: Final = {
    **{name: name for name in LEVELS},
    "notset": "debug",
    "log": "info",
    "msg": "info",
    "warn": "warning",
    "err": "error",
    "exception": "error",
    "failure": "error",
    "fatal": "critical",
}
"""The methods of structlog's loggers, and of those that it wraps."""

_PUT_BY_PROCESSORS: Final = ("level", "logger", "timestamp")


def add_input(
    logger: WrappedLogger,  # noqa: ARG001  # structlog gives all three
    method_name: str,  # noqa: ARG001  # as above
    event_dict: EventDict,
) -> EventDict:
    """A structlog processor: the event dict says which input it belongs to.

    Put it first in the chain of ``structlog.configure``, where the road
    ``structlog`` is off; where that is on, it changes nothing::

        structlog.configure(processors=[telemetry.add_input, ...])

    It adds ``input_id``, ``function_call_id``, ``function``, ``attempt``,
    ``container_id``, ``slot``, ``trace_id`` and ``span_id`` as far as they are
    known, and ``input_late`` once the input has settled. A key of such a name that
    the caller gave is kept with a ``_`` behind it, outside of an input, too: what
    stands under these names is never the caller's.
    """
    scope = SCOPE.get()
    if scope is None:
        set_aside(event_dict)
    else:
        put_identity(event_dict, scope)
    return event_dict


def add_input_inside(
    logger: WrappedLogger,  # noqa: ARG001  # structlog gives all three
    method_name: str,  # noqa: ARG001  # as above
    event_dict: EventDict,
) -> EventDict:
    """As `add_input`, but an event dict outside of any input stays as it is.

    For chains of the program's own that it has not asked us to join.
    """
    scope = SCOPE.get()
    if scope is not None:
        put_identity(event_dict, scope)
    return event_dict


class Snapshot:
    """A processor that keeps what stands in the event dict where it is placed."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: dict[str, Any] | None = None

    def __call__(
        self,
        logger: WrappedLogger,  # noqa: ARG002  # structlog gives all three
        method_name: str,  # noqa: ARG002  # as above
        event_dict: EventDict,
    ) -> EventDict:
        """Keep a copy of *event_dict*."""
        # An earlier processor may have rendered it, whatever structlog's types say.
        kept: object = event_dict
        self.found = {**kept} if isinstance(kept, Mapping) else {"event": kept}
        return event_dict


class Spoken:
    """A line as structlog's user has said it.

    Args:
        method_name: Of the logger: ``info``, ``exception`` ...
        found: The event dict before it was rendered; taken apart.
        given: The keys that the caller gave or had bound, for those names that a
            processor uses as well.
        named: Whether the identity in *found* is ours.
    """

    __slots__ = ("event", "exception", "fields", "level", "logger")

    def __init__(
        self,
        method_name: str,
        found: dict[str, Any],
        given: Mapping[str, object],
        *,
        named: bool,
    ) -> None:
        level = self.level = _LEVEL_OF.get(method_name, "info")
        self.logger: str | None = None
        self.event: object = found.pop("event", "")
        own = {name: found.pop(name, None) for name in _PUT_BY_PROCESSORS}
        for name, value in own.items():
            if name in given:
                found[name] = value  # the caller's, kept beside ours as `level_`
            elif name == "logger" and isinstance(value, str):
                self.logger = value
            elif name == "level" and isinstance(value, str):
                self.level = _LEVEL_OF.get(value.lower(), level)
        if named:
            for name in NAMES:
                found.pop(name, None)
        self.exception = _exception(found, given)
        args = found.pop("positional_args", None)
        if args:
            self.event = _formatted(self.event, args, found)
        self.fields: dict[str, object] = found


def _exception(found: dict[str, Any], given: Mapping[str, object]) -> str | None:
    exc_info = found.pop("exc_info", None) or given.get("exc_info")
    text = exception_text(exc_info)
    rendered = found.get("exception")
    if text is not None or isinstance(rendered, str):
        found.pop("exception", None)
    return text if text is not None or not isinstance(rendered, str) else rendered


def _formatted(event: object, args: object, fields: dict[str, Any]) -> object:
    """*event* with *args* in it; where that fails, the event, and the arguments."""
    texts: list[str] = []
    values = args
    if isinstance(args, tuple) and len(args) == 1 and isinstance(args[0], Mapping):
        values = args[0] or args  # as logging does

    def write() -> str:
        texts.append(str(event) % values)
        return ""

    foreign(write, type_name(event))
    if texts:
        return texts[0]
    fields["positional_args"] = args
    return event
