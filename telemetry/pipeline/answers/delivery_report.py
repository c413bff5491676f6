"""Where what is written goes, and whether it gets there; for ``telemetry doctor``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from telemetry.capture.diagnosis import Problem
from telemetry.capture.terminal import escaped
from telemetry.capture.wording import BOLD, Ink, counted, pairs, size
from telemetry.core.errors import Error
from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import places, store_path
from telemetry.pipeline.agent.status import AgentStatus, living_agent
from telemetry.pipeline.agent.wanted import AgentWanted, wanted
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.sender import sender_to
from telemetry.pipeline.store.queries.figures import StoreFigures, figures
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.policy.delivery import Meaning

CHECK_S: Final = 3.0
"""Most seconds that an endpoint is waited for."""

_SILENT_S: Final = 30.0
"""An agent tells of itself every two seconds."""

_EMPTY: Final = b""
"""A request with nothing in it: whoever speaks OTLP answers it with success."""


class Reached(NamedTuple):
    """An endpoint that was tried.

    Attributes:
        problem: Why nothing can be delivered there; "" where it can.
    """

    signal: str
    endpoint: str
    problem: str


class DeliveryReport(NamedTuple):
    """How delivery stands.

    Attributes:
        problems: What is wrong with it.
        reached: The endpoints that this environment names.
        store: What is kept; None where there is no store.
        agent: The one that serves the folder; None where none does.
    """

    problems: list[Problem]
    reached: list[Reached]
    store: StoreFigures | None
    agent: AgentStatus | None

    def data(self) -> dict[str, Any]:
        """As plain values."""
        from telemetry.pipeline.answers.plain_data import plain  # noqa: PLC0415  # for JSON alone

        found: dict[str, Any] = plain(self)
        del found["problems"]
        return found


def delivery_report(base: Path, environ: Mapping[str, str]) -> DeliveryReport:
    """Look at the agent and the store below *base*, and try the endpoints."""
    problems: list[Problem] = []
    reached: list[Reached] = []
    try:
        reached = _reached(wanted(environ))
    except Error as error:
        problems.append(Problem(str(error), "correct it; the agent refuses to start"))
    remedy = "check the address, and whether the Collector runs"
    problems += [
        Problem(f"{each.signal} cannot be delivered: {each.problem}", remedy)
        for each in reached
        if each.problem
    ]
    agent = None
    try:
        place = places(base)
        agent = living_agent(place)
        if agent is None and holder(place.lock):
            problems.append(Problem("the agent says nothing", "look at agent.log"))
    except (Error, OSError):
        pass  # said by the report of the folder
    if agent is not None:
        problems += _told(agent)
    store = _figures(base, problems)
    lost = sum(store.dropped.values()) if store else 0
    if lost:
        what = f"{counted(lost, 'item')} never arrived at the Collector"
        problems.append(Problem(what, "telemetry stats tells which, and why"))
    return DeliveryReport(problems, reached, store, agent)


def _told(agent: AgentStatus) -> Iterator[Problem]:
    """What an agent tells of itself that is wrong."""
    silent_s = (time.time_ns() - agent.told_unix_ns) / 1e9
    if silent_s > _SILENT_S:
        what = f"the agent (pid {agent.pid}) has said nothing for {silent_s:.0f} s"
        yield Problem(what, "it is stopped or stuck: end it, and start another one")
    for text in agent.problems:
        yield Problem(f"the agent says: {text}", "look at agent.log")
    for signal, delivery in agent.deliveries.items():
        if delivery.problem:
            what = f"the agent cannot deliver {signal}: {delivery.problem}"
            yield Problem(what, "it goes on trying; what waits is kept")


def delivery_text(found: DeliveryReport, ink: Ink) -> str:
    """The report for people."""
    agent = found.agent
    rows = [
        (each.signal, escaped(each.endpoint) + ("" if each.problem else ", reached"))
        for each in found.reached
    ]
    if not rows:
        rows = [("goes", "nowhere: OTEL_EXPORTER_OTLP_ENDPOINT is not set")]
    told = "none runs" if agent is None else f"pid {agent.pid}, {agent.boxes} boxes"
    rows.append(("agent", told))
    if agent is not None and agent.receiver:
        also = f" and {agent.receiver_grpc}" if agent.receiver_grpc else ""
        rows.append(("takes OTLP", f"{agent.receiver}{also}"))
    if found.store is not None:
        waiting = sum(each.items for each in found.store.waiting.values())
        kept = f"{size(found.store.file_bytes)}, {counted(found.store.lines, 'line')}"
        rows.append(("store", kept))
        rows.append(("to deliver", counted(waiting, "item") if waiting else ""))
    return "\n".join([ink("Delivery", BOLD), *pairs(rows, ink)]) + "\n"


def _reached(asked: AgentWanted) -> list[Reached]:
    found: list[Reached] = []
    for signal, endpoint in asked.endpoints.items():
        found.append(Reached(signal, endpoint.where, _tried(endpoint)))
    return found


def _tried(endpoint: Endpoint) -> str:
    timeout_s = min(endpoint.timeout_s, CHECK_S)
    sender = sender_to(replace(endpoint, timeout_s=timeout_s))
    try:
        verdict = sender.send(_EMPTY)
    finally:
        sender.close()
    return "" if verdict.meaning is Meaning.DELIVERED else verdict.text or "no answer"


def _figures(base: Path, problems: list[Problem]) -> StoreFigures | None:
    path = store_path(base)
    if not path.exists():
        return None
    try:
        with Reader(path) as reader:
            return figures(reader)
    except Error as error:
        remedy = "see docs/store.md; the boxes keep what is written meanwhile"
        problems.append(Problem(str(error), remedy))
        return None
