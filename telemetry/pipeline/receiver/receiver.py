"""The OTLP/HTTP receiver: a thread of its own, with an event loop of its own.

No web framework and no loop of the program's: it works beside any program, stalls with
none, and stalls none.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from typing import Final

from telemetry.pipeline.receiver.admission import Door
from telemetry.pipeline.receiver.connection import Connection
from telemetry.pipeline.receiver.http_service import HttpService
from telemetry.pipeline.receiver.limits import DEFAULTS, Limits
from telemetry.pipeline.receiver.received import Accept

DEFAULT_PORT: Final = 4318
"""Source: OTLP specification 1.8, OTLP/HTTP."""

_START_S: Final = 10.0
_SLACK_S: Final = 2.0


class Receiver:
    """Takes logs, spans and metrics by OTLP/HTTP, in protobuf and in JSON.

    Nothing that is accepted is lost: a sender gets its 200 when whoever stores has
    called `Received.stored`, and is told to come again where that cannot be.

    Safe from all threads. A forked child has no part in it.

    Args:
        accept: Called in the receiver's thread with each request; see `Inbox`.
        host: Where to listen. Anything but loopback wants a *token*.
        port: 0 for any that is free; see `port`.
        token: What senders show behind ``Authorization: Bearer``.
        on_error: Gets what went wrong inside, *accept* included.

    Raises:
        InvalidError: An argument is out of its range, or a token is needed.
    """

    def __init__(
        self,
        accept: Accept,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        token: str | None = None,
        limits: Limits = DEFAULTS,
        on_error: Callable[[BaseException], object] = lambda _error: None,
    ) -> None:
        self._door = Door(host, port, token)
        self._door.check()
        self._accept = accept
        self._limits = limits
        self._on_error = on_error
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._timeout_s = 0.0
        self._is_done = True
        self._service: HttpService | None = None
        self._thread = threading.Thread(
            target=self._run, name="telemetry-receiver", daemon=True
        )
        self.port = port
        """Where it listens, once it has started."""

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address is in use, or none of this machine's.
        """
        # It serves everybody, and must not carry the id of who asked for it.
        Context().run(self._thread.start)
        self._ready.wait(_START_S)
        if self._failure is not None:
            raise self._failure

    def close(self, timeout_s: float = 5.0) -> bool:
        """Take no more; idempotent.

        Args:
            timeout_s: How long those who wait for an answer may get one. Then they
                are told to come again.

        Returns:
            Whether all of them got one.
        """
        loop, ending = self._loop, self._ending
        if loop is None or ending is None:
            return True
        self._timeout_s = timeout_s
        try:
            loop.call_soon_threadsafe(ending.set)
        except RuntimeError:
            pass  # it has ended already
        self._thread.join(timeout_s + _SLACK_S)
        return self._is_done and not self._thread.is_alive()

    def answers(self) -> Counter[int]:
        """How many requests got which HTTP status so far."""
        return Counter(self._service.statuses) if self._service else Counter()

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.get_loop().set_exception_handler(self._failed)
                runner.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        service = HttpService(self._door, self._accept, self._limits, self._on_error)
        server = await loop.create_server(
            lambda: Connection(service), self._door.host, self._door.port
        )
        self.port = server.sockets[0].getsockname()[1]
        self._service = service
        self._ending = asyncio.Event()
        self._loop = loop
        self._ready.set()
        await self._ending.wait()
        server.close()
        self._is_done = await service.end(self._timeout_s)

    def _failed(
        self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]
    ) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._on_error(error)
