"""What an agent tells of itself, for other processes to read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places

_MODE: Final = 0o600


class Delivery(msgspec.Struct, frozen=True):
    """Where one signal goes, and how that is going.

    Attributes:
        endpoint: The URL, without what is secret in it.
        delivered: Items that have arrived.
        refused: Items that were refused for good.
        problem: What went wrong last, while it is not over; else "".
    """

    endpoint: str
    delivered: int = 0
    refused: int = 0
    problem: str = ""


class AgentStatus(msgspec.Struct, frozen=True):
    """An agent as it was a moment ago.

    Attributes:
        started_unix_ns: When it began.
        told_unix_ns: When it wrote this.
        receiver: Where it takes OTLP over HTTP, as a URL; "" where it does not.
        receiver_grpc: The same over gRPC, as ``host:port``.
        view: The local web page, as a URL.
        deliveries: By signal; empty when there is nowhere to deliver to.
        boxes: Black boxes that it reads.
        backlog_bytes: Accepted, and not delivered yet.
        problems: What a person should know.
    """

    pid: int
    version: str
    started_unix_ns: int
    told_unix_ns: int
    receiver: str = ""
    receiver_grpc: str = ""
    view: str = ""
    deliveries: dict[str, Delivery] = {}  # msgspec copies an empty default
    boxes: int = 0
    backlog_bytes: int = 0
    problems: tuple[str, ...] = ()


def tell(path: Path, status: AgentStatus) -> None:
    """Write *status*: whoever reads meanwhile sees the old one or the new one.

    Raises:
        OSError: The disk is full, or the folder is gone.
    """
    beside = path.with_suffix(".new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _MODE)
    try:
        os.write(fd, msgspec.json.encode(status))
    finally:
        os.close(fd)
    beside.replace(path)


def living_agent(place: Places) -> AgentStatus | None:
    """The agent of this folder, if one lives and has said what it does."""
    pid = holder(place.lock)
    if pid is None:
        return None
    try:
        status = msgspec.json.decode(place.status.read_bytes(), type=AgentStatus)
    except (OSError, msgspec.DecodeError):
        return None
    # One that was killed has left its status, and the next has not told its own yet.
    return status if status.pid == pid else None
