"""A receiver that runs, and a worker that stores what it accepts in a list."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from telemetry.pipeline.receiver import http_service
from telemetry.pipeline.receiver.http_service import HttpService
from telemetry.pipeline.receiver.limits import DEFAULTS, Limits
from telemetry.pipeline.receiver.received import Inbox, Received
from telemetry.pipeline.receiver.receiver import Receiver

DEADLINE_S = 20.0


class Shelf:
    """Stands for the agent's worker: takes requests from an inbox, and "stores" them.

    Attributes:
        open: While it is not set, nothing is stored.
        answer: What it says to each.
    """

    def __init__(self, inbox: Inbox, bell: threading.Event) -> None:
        self.inbox = inbox
        self.open = threading.Event()
        self.open.set()
        self.answer: Callable[[Received], object] = Received.stored
        self.stored: list[Received] = []
        self._bell = bell
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="shelf")
        self._thread.start()

    def end(self) -> None:
        """Store no more."""
        self._ended = True
        self.open.set()
        self._bell.set()
        self._thread.join(DEADLINE_S)

    def _work(self) -> None:
        while not self._ended:
            self._bell.wait()
            self._bell.clear()
            self.open.wait()
            while found := self.inbox.take(1 << 20):
                for received in found:
                    self.stored.append(received)
                    self.answer(received)


class Clock:
    """The clock of a receiver's deadlines; it stands still unless it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def run_until_readable(self, connection: socket.socket) -> None:
        """Let seconds pass until there is an answer, or the end."""
        end_s = time.monotonic() + DEADLINE_S
        while not select.select([connection], [], [], 0.005)[0]:
            self.now_s += 1
            assert time.monotonic() < end_s, "it did not happen"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Deadlines of receivers are looked at often, by a clock of the test's."""
    found = Clock()
    monkeypatch.setattr(http_service, "_SWEEP_S", 0.01)
    monkeypatch.setattr(HttpService, "now_s", lambda _self: found.now_s)
    return found


class Serve(Protocol):
    """Starts a receiver."""

    def __call__(
        self, limits: Limits = DEFAULTS, **inbox: Any
    ) -> tuple[Receiver, Shelf]: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start receivers on free ports; each is closed, and has raised nothing."""
    errors: list[BaseException] = []
    with ExitStack() as ends:

        def start(
            limits: Limits = DEFAULTS, *, token: str | None = None, **inbox: Any
        ) -> tuple[Receiver, Shelf]:
            bell = threading.Event()
            box = Inbox(**inbox, on_offer=bell.set)
            receiver = Receiver(
                box.offer, port=0, token=token, limits=limits, on_error=errors.append
            )
            receiver.start()
            shelf = Shelf(box, bell)
            ends.callback(receiver.close, DEADLINE_S)
            ends.callback(shelf.end)
            return receiver, shelf

        yield start
    assert errors == []
