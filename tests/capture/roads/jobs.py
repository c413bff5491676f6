"""What child processes run: importable, as multiprocessing wants it."""

from __future__ import annotations

import contextvars
import multiprocessing
from multiprocessing.connection import Connection

import telemetry
from telemetry.capture import settings
from telemetry.core.scope import SCOPE

PREPARED: contextvars.ContextVar[str] = contextvars.ContextVar("prepared", default="")


def told(*_: object) -> str | None:
    """The id that is found here."""
    return telemetry.current_input_id()


def identity(*_: object) -> telemetry.core.scope.CurrentInput | None:
    """All that is known of the input here."""
    return telemetry.current_input()


def trace() -> object:
    """Where the input's trace comes from, and whether the scope is closed."""
    scope = SCOPE.get()
    return None if scope is None else (scope.parent, scope.closed)


def service_name() -> str:
    """The service of this process, by its settings."""
    return settings.in_force().service_name


def fail() -> None:
    """Raise."""
    raise LookupError("x")


def prepare() -> None:
    """An initializer of a worker."""
    PREPARED.set(f"{told()}")


def prepared() -> str:
    """What the initializer found."""
    return PREPARED.get()


def send(connection: Connection) -> None:
    """The body of a process."""
    connection.send(told())


class Sending(multiprocessing.get_context("spawn").Process):  # type: ignore[misc]  # typeshed has no class there
    """A spawned process that overrides run."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection

    def run(self) -> None:
        send(self.connection)
