"""What the program wants of the toolkit: arguments, environment, defaults.

`resolve` decides and `apply` does; `configure` is both.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from structlog.typing import Processor

from telemetry.capture import setting_values as values
from telemetry.capture import sink
from telemetry.capture.blackbox.current import has_box
from telemetry.capture.blackbox.opening import ensure_box
from telemetry.capture.console import Console
from telemetry.capture.executions import keep_span
from telemetry.capture.line import LEVELS
from telemetry.capture.logger import set_level, set_processors
from telemetry.capture.roads import foreign_spans, registry
from telemetry.capture.scrubbing import (
    DEFAULT_PATTERNS,
    Scrubber,
    ScrubCallback,
    set_scrubber,
)
from telemetry.core.errors import InvalidError
from telemetry.policy.agent_choice import Agent

ConsoleStyle: TypeAlias = Literal["auto", "pretty", "json"]

SERVICE_NAME_VARIABLE: Final = "OTEL_SERVICE_NAME"
RESOURCE_VARIABLE: Final = "OTEL_RESOURCE_ATTRIBUTES"
CONSOLE_VARIABLE: Final = "TELEMETRY_CONSOLE"
LEVEL_VARIABLE: Final = "TELEMETRY_LEVEL"
DIRECTORY_VARIABLE: Final = "TELEMETRY_DIR"
BUDGET_VARIABLE: Final = "TELEMETRY_BUDGET_BYTES"
CAPTURE_VARIABLE: Final = "TELEMETRY_CAPTURE"
AGENT_VARIABLE: Final = "TELEMETRY_AGENT"

_STYLES: Final = get_args(ConsoleStyle)
_LEVEL_NAMES: Final = tuple(name.upper() for name in LEVELS)
_OFF: Final = "none"
_SERVICE_NAME: Final = "service.name"


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
        directory: Absolute path of the folder for black boxes, sockets and stores;
            None for the user's own.
        budget_bytes: Of one black box.
        capture: Names of the roads that are watched.
        scrub_patterns: What is a secret: see `telemetry.capture.scrubbing.Scrubber`.
        scrub_allow: Keys that are none.
        scrub_callback: Judges each match; it travels only where it can be pickled.
        resource_attributes: Of OpenTelemetry's resource, beside ``service.name``.
        processors: Run on the lines of ``get_logger``, as structlog's processors.
        endpoint: Where OTLP goes; None for what ``OTEL_EXPORTER_OTLP_*`` say.
        agent: Who delivers: see `telemetry.policy.agent_choice`.
    """

    # Source of the default: the resource semantic conventions of OpenTelemetry.
    service_name: str = "unknown_service"
    console: ConsoleStyle | None = "auto"
    level: str = "INFO"
    directory: str | None = None
    budget_bytes: int = 64 * 2**20
    capture: frozenset[str] = registry.LIBRARY_ROADS
    scrub_patterns: tuple[str, ...] = DEFAULT_PATTERNS
    scrub_allow: frozenset[str] = frozenset()
    scrub_callback: ScrubCallback | None = None
    resource_attributes: Mapping[str, object] = field(default_factory=dict)
    processors: tuple[Processor, ...] = ()
    endpoint: str | None = None
    agent: Agent = "auto"

    def scrubber(self) -> Scrubber:
        """What takes the secrets out.

        Raises:
            InvalidError: A pattern is not valid.
        """
        return Scrubber(self.scrub_patterns, self.scrub_allow, self.scrub_callback)


class _InForce:
    """The settings of this process; `lock` makes apply one step."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.settings: Settings | None = None
        self.bounds: Callable[[Settings], Settings] | None = None
        self.followers: list[Callable[[Settings], object]] = []

    def renew(self) -> None:
        """In a forked child: another thread may have held the lock."""
        self.lock = threading.Lock()


_IN_FORCE: Final = _InForce()
os.register_at_fork(after_in_child=_IN_FORCE.renew)


def configure(  # noqa: PLR0913  # one argument for each setting
    service_name: str | None = None,
    *,
    endpoint: str | None = None,
    agent: Agent | Unset = UNSET,
    console: ConsoleStyle | Unset | None = UNSET,
    level: str | Unset = UNSET,
    directory: str | os.PathLike[str] | None = None,
    budget_bytes: int | Unset = UNSET,
    capture: Iterable[str] | Unset = UNSET,
    scrub_patterns: Sequence[str] = DEFAULT_PATTERNS,
    scrub_allow: Collection[str] = (),
    scrub_callback: ScrubCallback | None = None,
    resource_attributes: Mapping[str, object] | None = None,
    processors: Sequence[Processor] = (),
) -> None:
    """Set up the toolkit for this process; safe to repeat, and from any thread.

    An argument goes before the environment, and that before the default. Each call
    decides anew: what an earlier call was given is not remembered.

    Args:
        service_name: What the service is called in every backend; else
            ``OTEL_SERVICE_NAME``, else ``unknown_service``.
        endpoint: URL of an OpenTelemetry Collector, such as
            ``"http://localhost:4318"``; else what ``OTEL_EXPORTER_OTLP_ENDPOINT`` and
            its relatives say; else nothing is delivered, and what was written can
            be asked for on this machine.
        agent: Who delivers. ``"process"`` is an agent beside this process, shared by
            all of the user's; ``"thread"`` one in it; False is none: with an
            endpoint, OpenTelemetry's own exporters. Else ``TELEMETRY_AGENT`` (with
            ``none`` for False), else ``"auto"``: a process for an app, a thread
            where there is an endpoint, else nobody.
        console: How log lines are shown on stderr: ``"auto"`` is pretty on a
            terminal and JSON elsewhere, then ``"pretty"``, ``"json"``, and None for
            not at all; else ``TELEMETRY_CONSOLE``, else ``"auto"``.
        level: The least level that is written: ``"DEBUG"``, ``"INFO"``,
            ``"WARNING"``, ``"ERROR"`` or ``"CRITICAL"``; else ``TELEMETRY_LEVEL``,
            else ``"INFO"``.
        directory: The folder for black boxes; else ``TELEMETRY_DIR``, else one of
            the user's own.
        budget_bytes: Most bytes of a process's black box, from 1 MiB to 64 GiB; else
            ``TELEMETRY_BUDGET_BYTES``, else 64 MiB.
        capture: The roads on which lines are caught, such as ``{"logging",
            "streams"}``; else ``TELEMETRY_CAPTURE`` (names with commas, ``all`` or
            ``none``), else all but ``descriptors``.
        scrub_patterns: Names of secrets, and regular expressions; what they match
            is replaced before it leaves the process. Empty: nothing is.
        scrub_allow: Keys whose values are never secrets.
        scrub_callback: Gets each match as a ``ScrubMatch``; what it returns is kept
            in the secret's place, unless it is None.
        resource_attributes: Of OpenTelemetry's resource; they go before those of
            ``OTEL_RESOURCE_ATTRIBUTES``.
        processors: structlog processors for the lines of ``get_logger``.

    Raises:
        InvalidError: A value is not one of those; nothing has been changed.
    """
    given = {
        "service_name": service_name,
        "endpoint": endpoint,
        "agent": agent,
        "console": console,
        "level": level,
        "directory": UNSET if directory is None else directory,
        "budget_bytes": budget_bytes,
        "capture": capture,
        "scrub_patterns": scrub_patterns,
        "scrub_allow": scrub_allow,
        "scrub_callback": scrub_callback,
        "resource_attributes": resource_attributes,
        "processors": processors,
    }
    apply(resolve(os.environ, **given))


def resolve(environ: Mapping[str, str], **given: Any) -> Settings:  # noqa: ANN401  # looked at here
    """The settings that these arguments and this environment ask for.

    An empty variable is as good as none, as OpenTelemetry wants it.

    Args:
        given: Arguments of `configure`.

    Raises:
        InvalidError: A value is not allowed; the message says where it came from.
    """
    default = Settings()
    resource = _resource(environ, given.get("resource_attributes"))
    name = _service_name(environ, given.get("service_name"))
    in_resource = str(resource.pop(_SERVICE_NAME, ""))
    patterns = given.get("scrub_patterns", default.scrub_patterns)
    settings = Settings(
        service_name=name or in_resource or default.service_name,
        endpoint=values.endpoint("endpoint", given.get("endpoint")),
        agent=_agent(environ, given.get("agent", UNSET)),
        console=_console(environ, given.get("console", UNSET), default.console),
        level=_level(environ, given.get("level", UNSET), default.level),
        directory=_directory(environ, given.get("directory", UNSET)),
        budget_bytes=_budget(environ, given.get("budget_bytes", UNSET)),
        capture=_capture(environ, given.get("capture", UNSET)),
        # What is no sequence of texts is refused by the scrubber.
        scrub_patterns=_patterns(patterns),
        scrub_allow=values.texts("scrub_allow", given.get("scrub_allow", ())),
        scrub_callback=values.callback("scrub_callback", given.get("scrub_callback")),
        resource_attributes=resource,
        processors=values.callables("processors", given.get("processors", ())),
    )
    settings.scrubber()
    return settings


def apply(settings: Settings, *, told: bool = True) -> None:
    """Put *settings* in force in this process.

    A console that shows lines in that style already is kept, with its status.

    Args:
        told: Those who follow the settings hear of it: see `on_apply`.

    Raises:
        InvalidError: A pattern is not valid; nothing has been changed.
    """
    if _IN_FORCE.bounds is not None:
        settings = _IN_FORCE.bounds(settings)
    scrubber = settings.scrubber()
    with _IN_FORCE.lock:
        if _IN_FORCE.bounds is None:
            ensure_box(settings)
        current = sink.current_console()
        if settings.console is None:
            sink.set_console(None)
        elif current is None or current.style != settings.console:
            sink.set_console(Console(settings.console))
        set_scrubber(scrubber)
        set_processors(settings.processors)
        set_level(settings.level.lower())
        registry.choose(settings.capture)
        if "opentelemetry" in settings.capture:
            foreign_spans.set_sink(keep_span if has_box() else None)
        _IN_FORCE.settings = settings
    if told and _IN_FORCE.bounds is None:
        for follow in _IN_FORCE.followers:
            follow(settings)


def on_apply(follow: Callable[[Settings], object]) -> None:
    """Let *follow* know of all settings that are put in force from now on.

    For the floors above: who delivers. A process that is not the program's own, such
    as a container, does not tell.
    """
    _IN_FORCE.followers.append(follow)


def bound(bounds: Callable[[Settings], Settings]) -> None:
    """Let *bounds* have the last word on all settings from now on.

    For a process that is not the program's own, such as a container: code that says
    ``configure`` as it is imported means the program that it was written for.
    """
    _IN_FORCE.bounds = bounds


def configured() -> Settings | None:
    """What the last `configure` has put in force; None before the first."""
    return _IN_FORCE.settings


def in_force() -> Settings:
    """The settings of this process.

    Before the first `configure` they are those that it would find with no arguments.

    Raises:
        InvalidError: A variable of the environment has a value that is not allowed.
    """
    return _IN_FORCE.settings or resolve(os.environ)


def _service_name(environ: Mapping[str, str], given: object) -> str | None:
    if given is None:
        return environ.get(SERVICE_NAME_VARIABLE)
    if not isinstance(given, str) or not given.strip():
        raise InvalidError(
            f"service_name is {given!r}; it must be a non-empty text, such as "
            f"'translate', or None to take it from {SERVICE_NAME_VARIABLE}"
        )
    return given


def _resource(environ: Mapping[str, str], given: object) -> dict[str, object]:
    said = environ.get(RESOURCE_VARIABLE) or ""
    found = values.attributes_of_text(RESOURCE_VARIABLE, said)
    if given is not None:
        found |= values.attributes("resource_attributes", given)
    return found


def _directory(environ: Mapping[str, str], given: object) -> str | None:
    if given is not UNSET and given is not None:
        return values.directory("directory", given)
    said = environ.get(DIRECTORY_VARIABLE)
    return values.directory(DIRECTORY_VARIABLE, said) if said else None


def _budget(environ: Mapping[str, str], given: object) -> int:
    if given is not UNSET:
        return values.budget_bytes("budget_bytes", given)
    said = environ.get(BUDGET_VARIABLE)
    return (
        values.budget_bytes(BUDGET_VARIABLE, said) if said else Settings().budget_bytes
    )


def _capture(environ: Mapping[str, str], given: object) -> frozenset[str]:
    if given is not UNSET:
        return values.roads("capture", given)
    said = environ.get(CAPTURE_VARIABLE)
    if not said:
        return registry.LIBRARY_ROADS
    return values.roads_of_text(CAPTURE_VARIABLE, said)


def _agent(environ: Mapping[str, str], given: object) -> Agent:
    if given is not UNSET:
        return values.agent("agent", given)
    said = environ.get(AGENT_VARIABLE)
    return values.agent_of_text(AGENT_VARIABLE, said) if said else "auto"


def _patterns(given: object) -> tuple[str, ...]:
    # A text is a sequence, too: the scrubber refuses it, and what else is none.
    is_many = isinstance(given, Sequence) and not isinstance(given, str)
    return tuple(cast("Sequence[str]", given)) if is_many else cast("tuple[str]", given)


def _console(
    environ: Mapping[str, str],
    given: ConsoleStyle | Unset | None,
    default: ConsoleStyle | None,
) -> ConsoleStyle | None:
    value: object = given
    key, allowed = "console", f"{values.listed(_STYLES)} or None"
    if given is UNSET:
        value = environ.get(CONSOLE_VARIABLE)
        if not value:
            return default
        key, allowed = CONSOLE_VARIABLE, f"{values.listed(_STYLES)} or '{_OFF}'"
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
    raise InvalidError(
        f"{key} is {value!r}; it must be {values.listed(most)} or {last!r}"
    )
