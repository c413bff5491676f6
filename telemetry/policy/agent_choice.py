"""Who delivers what a process has written: an agent beside it, or in it, or nobody."""

from __future__ import annotations

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


def host(agent: Agent, *, has_endpoint: bool, is_app: bool) -> Host:
    """Who delivers.

    An app starts a process, as its containers are to have nothing to do with it. A
    program that only logs gets a thread when there is somewhere to deliver to; else
    its box waits for whoever reads it.

    Args:
        has_endpoint: There is a Collector to deliver to.
        is_app: The process runs an app of ours.
    """
    if agent is False:
        return "direct" if has_endpoint else "nobody"
    if agent != "auto":
        return agent
    if is_app:
        return "process"
    return "thread" if has_endpoint else "nobody"
