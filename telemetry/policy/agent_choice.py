"""Who delivers what a process has written: an agent beside it, or in it, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Agent = Literal["auto", "process", "thread", False]
"""What a program may ask for."""

Host = Literal["process", "thread", "direct", "nobody"]
"""What it gets: an agent process; an agent on a thread of its own; OpenTelemetry's
exporters, on threads of theirs; nothing, until somebody asks for what it wrote."""

ASKED: Final[tuple[Literal["auto", "process", "thread"], ...]] = (
    "auto",
    "process",
    "thread",
)

_VARIABLES: Final = tuple(
    f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT"
    for signal in ("", "LOGS_", "TRACES_", "METRICS_")
)


def has_endpoint(environ: Mapping[str, str], given: str | None) -> bool:
    """Whether there is a Collector to deliver to.

    Source of the variables: OpenTelemetry's specification of the OTLP exporter.
    """
    return given is not None or any(environ.get(name) for name in _VARIABLES)


def host(agent: Agent, *, has_endpoint: bool, is_app: bool) -> Host:
    """Who delivers.

    An app starts a process, as its containers are to have nothing to do with it. A
    program that only logs gets a thread when there is somewhere to deliver to; else
    its box waits for whoever reads it.

    Args:
        has_endpoint: There is a Collector to deliver to.
        is_app: The process runs an app of ours. Its containers have boxes of their
            own, which OpenTelemetry's exporters in the driver know nothing of.
    """
    if agent is False:
        return "direct" if has_endpoint and not is_app else "nobody"
    if agent != "auto":
        return agent
    if is_app:
        return "process"
    return "thread" if has_endpoint else "nobody"
