"""A worker over a folder of boxes, and what goes into those."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from telemetry.capture.blackbox.box import BlackBox
from telemetry.capture.blackbox.places import SUFFIX
from telemetry.capture.blackbox.records import encode
from telemetry.core.scope import InputScope
from telemetry.pipeline.agent.ledger import Ledger
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.wanted import AgentWanted, wanted
from telemetry.pipeline.agent.worker import Worker
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.received import Inbox, Outcome, Received
from tests.pipeline.receiver.otlp import logs_request

NOBODY: Final = InputScope("")
MIB: Final = 1 << 20
NOWHERE: Final = "http://127.0.0.1:9"
"""Where nobody listens."""


def made(
    folder: Path, name: str = "ps-1", *, budget_bytes: int = MIB, **identity: object
) -> BlackBox:
    """A box that this process writes."""
    path = folder / f"{name}{SUFFIX}"
    return BlackBox(path, identity, budget_bytes=budget_bytes, slots=2)


def write(box: BlackBox, *texts: str) -> None:
    """One line for each text."""
    for text in texts:
        line = [20, [None, {}], None, "", [time.time_ns(), text, [], {}]]
        box.append(NOBODY, encode(line))


def sent(text: str) -> bytes:
    """A request with one line, as a program with plain OpenTelemetry sends it."""
    body = AnyValue(string_value=text)
    return logs_request([LogRecord(time_unix_nano=time.time_ns(), body=body)])


class Workshop:
    """A worker with a clock that goes on by ten seconds with each turn.

    Args:
        environ: What it is to do: see `wanted`.
    """

    def __init__(self, base: Path, environ: dict[str, str] | None = None) -> None:
        base.chmod(0o700)
        self.place: Final[Places] = places(base)
        self.wanted: Final[AgentWanted] = wanted(environ or {}, receive="none")
        self.inbox: Final = Inbox()
        self.problems: Final[list[str]] = []
        self.ledgers: Final[list[Ledger]] = []
        self._clock_s = itertools.count(1_000.0, 10.0)
        self.worker = self.hired()

    def hired(self) -> Worker:
        """Another worker, once the last one was let go."""
        self.worker = Worker(
            self.place,
            self.wanted,
            self.inbox,
            wake=bool,
            on_problem=self.problems.append,
            on_ledger=self.ledgers.append,
        )
        return self.worker

    def turn(self, **asked: bool) -> bool:
        """A turn in which new boxes are found."""
        return self.worker.turn(next(self._clock_s), find=True, **asked)

    def turns(self) -> None:
        """Turns until nothing new is found."""
        while self.turn():
            pass

    def send(
        self, signal: Signal, body: bytes, answer: Callable[[Outcome], object] = bool
    ) -> None:
        """Leave a request, as a receiver does."""
        assert self.inbox.offer(Received(signal, body, 1, answer))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows that the store answers with."""
        return self.worker.ledger.store.connection.execute(query).fetchall()

    def said(self) -> Counter[str]:
        """How often each line is in the store."""
        return Counter(row[0] for row in self.ask("select event from logs"))
