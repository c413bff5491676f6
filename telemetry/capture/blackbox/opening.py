"""The black box of a program that only imports the toolkit."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Mapping
from typing import Final, Protocol

from telemetry.capture import sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.current import BoxPlan
from telemetry.capture.blackbox.places import base_directory, boxes_directory, sweep
from telemetry.core.errors import InvalidError
from telemetry.policy.agent_choice import Agent, has_endpoint, host

DIRECT: Final = "direct"
"""What a box says of its process under "agent", when no agent is to take it: its own
process delivers it, for as long as it lives."""

WITH_PROCESS: Final = "process"
"""The same, when an agent process is to stay for as long as it lives."""

_SAID: Final = frozenset({DIRECT, WITH_PROCESS})


class Wanted(Protocol):
    """What the settings say about the box."""

    @property
    def service_name(self) -> str:
        """Of OpenTelemetry's resource."""
        ...

    @property
    def resource_attributes(self) -> Mapping[str, object]:
        """The others of it."""
        ...

    @property
    def directory(self) -> str | None:
        """The folder of all that is ours; None for the default."""
        ...

    @property
    def budget_bytes(self) -> int:
        """How large a box may grow."""
        ...

    @property
    def endpoint(self) -> str | None:
        """Where what is in it goes; None for what the environment says."""
        ...

    @property
    def agent(self) -> Agent:
        """Who takes it there."""
        ...


class _Opened:
    """What the box of this process was opened for."""

    wanted: tuple[object, ...] | None = None


def ensure_box(settings: Wanted) -> None:
    """Open the box of this process; one that fits is kept, another one closed.

    Without a box the program runs on, and its lines go to the console alone: that
    is counted, and reported once.

    Raises:
        InvalidError: The folder that was asked for is not its user's alone.
    """
    known = has_endpoint(os.environ, settings.endpoint)
    agent = host(settings.agent, has_endpoint=known, is_app=False)
    said = {"agent": agent} if agent in _SAID else {}
    wanted = (
        tuple(said.values()),
        settings.service_name,
        tuple(settings.resource_attributes.items()),
        settings.directory,
        settings.budget_bytes,
        os.getpid(),
    )
    if current.current_box() is not None and wanted == _Opened.wanted:
        return
    try:
        directory = boxes_directory(base_directory(settings.directory))
        sweep(directory)
        current.open_box(
            BoxPlan(
                directory=directory,
                name=f"{PREFIX}{os.getpid()}-{time.time_ns():x}",
                budget_bytes=settings.budget_bytes,
                identity={
                    "service_name": settings.service_name,
                    "resource_attributes": dict(settings.resource_attributes),
                    **said,
                },
            )
        )
    except (OSError, InvalidError) as error:
        if isinstance(error, InvalidError) and settings.directory is not None:
            raise
        sink.failed(error, "box")
    else:
        _Opened.wanted = wanted


PREFIX: Final = "ps-"
"""What the name of a process's box begins with; then its pid, and when it began."""

atexit.register(current.close_box)
