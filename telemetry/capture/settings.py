"""What the program wants of the toolkit: arguments, environment, defaults.

`resolve` decides and `apply` does; `configure` is both.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, cast, get_args

from telemetry.capture import sink
from telemetry.capture.console import Console
from telemetry.capture.line import LEVELS
from telemetry.capture.logger import set_level
from telemetry.core.errors import InvalidError

ConsoleStyle: TypeAlias = Literal["auto", "pretty", "json"]

SERVICE_NAME_VARIABLE: Final = "OTEL_SERVICE_NAME"
CONSOLE_VARIABLE: Final = "TELEMETRY_CONSOLE"
LEVEL_VARIABLE: Final = "TELEMETRY_LEVEL"

_STYLES: Final = get_args(ConsoleStyle)
_LEVEL_NAMES: Final = tuple(name.upper() for name in LEVELS)
_OFF: Final = "none"


class Unset(Enum):
    """Tells an argument that was not given from None, which may mean something."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a process, resolved; sent to the processes that it starts.

    Attributes:
        service_name: OpenTelemetry's ``service.name``.
        console: How lines are shown on stderr; None for not at all.
        level: The least level that is written, in capitals.
    """

    # Source of the default: the resource semantic conventions of OpenTelemetry.
    service_name: str = "unknown_service"
    console: ConsoleStyle | None = "auto"
    level: str = "INFO"


class _InForce:
    """The settings of this process; `lock` makes apply one step."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.settings = Settings()


_IN_FORCE: Final = _InForce()


def configure(
    service_name: str | None = None,
    *,
    console: ConsoleStyle | Unset | None = UNSET,
    level: str | Unset = UNSET,
) -> None:
    """Set up the toolkit for this process; safe to repeat, and from any thread.

    An argument goes before the environment, and that before the default. Each call
    decides anew: what an earlier call was given is not remembered.

    Args:
        service_name: What the service is called in every backend; else
            ``OTEL_SERVICE_NAME``, else ``unknown_service``.
        console: How log lines are shown on stderr: ``"auto"`` is pretty on a
            terminal and JSON elsewhere, then ``"pretty"``, ``"json"``, and None for
            not at all; else ``TELEMETRY_CONSOLE``, else ``"auto"``.
        level: The least level that is written: ``"DEBUG"``, ``"INFO"``,
            ``"WARNING"``, ``"ERROR"`` or ``"CRITICAL"``; else ``TELEMETRY_LEVEL``,
            else ``"INFO"``.

    Raises:
        InvalidError: A value is not one of those; nothing has been changed.
    """
    apply(resolve(os.environ, service_name=service_name, console=console, level=level))


def resolve(
    environ: Mapping[str, str],
    *,
    service_name: str | None = None,
    console: ConsoleStyle | Unset | None = UNSET,
    level: str | Unset = UNSET,
) -> Settings:
    """The settings that these arguments and this environment ask for.

    An empty variable is as good as none, as OpenTelemetry wants it.

    Raises:
        InvalidError: A value is not allowed; the message says where it came from.
    """
    default = Settings()
    return Settings(
        service_name=_service_name(environ, service_name) or default.service_name,
        console=_console(environ, console, default.console),
        level=_level(environ, level, default.level),
    )


def apply(settings: Settings) -> None:
    """Put *settings* in force in this process.

    A console that shows lines in that style already is kept, with its status.
    """
    with _IN_FORCE.lock:
        current = sink.current_console()
        if settings.console is None:
            sink.set_console(None)
        elif current is None or current.style != settings.console:
            sink.set_console(Console(settings.console))
        set_level(settings.level.lower())
        _IN_FORCE.settings = settings


def in_force() -> Settings:
    """The settings of this process: the defaults before the first `configure`."""
    return _IN_FORCE.settings


def _service_name(environ: Mapping[str, str], given: object) -> str | None:
    if given is None:
        return environ.get(SERVICE_NAME_VARIABLE)
    if not isinstance(given, str) or not given.strip():
        raise InvalidError(
            f"service_name is {given!r}; it must be a non-empty text, such as "
            f"'translate', or None to take it from {SERVICE_NAME_VARIABLE}"
        )
    return given


def _console(
    environ: Mapping[str, str],
    given: ConsoleStyle | Unset | None,
    default: ConsoleStyle | None,
) -> ConsoleStyle | None:
    value: object = given
    key, allowed = "console", f"{_listed(_STYLES)} or None"
    if given is UNSET:
        value = environ.get(CONSOLE_VARIABLE)
        if not value:
            return default
        key, allowed = CONSOLE_VARIABLE, f"{_listed(_STYLES)} or '{_OFF}'"
        if str(value).lower() == _OFF:
            return None
        value = str(value).lower() if str(value).lower() in _STYLES else value
    if value is None or (isinstance(value, str) and value in _STYLES):
        return cast("ConsoleStyle | None", value)
    raise InvalidError(f"{key} is {value!r}; it must be {allowed}")


def _level(environ: Mapping[str, str], given: str | Unset, default: str) -> str:
    value: object = given
    key = "level"
    if given is UNSET:
        value = environ.get(LEVEL_VARIABLE)
        if not value:
            return default
        key = LEVEL_VARIABLE
    if isinstance(value, str) and value.upper() in _LEVEL_NAMES:
        return value.upper()
    *most, last = _LEVEL_NAMES
    raise InvalidError(f"{key} is {value!r}; it must be {_listed(most)} or {last!r}")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(repr(name) for name in names)
