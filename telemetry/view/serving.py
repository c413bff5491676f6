"""Runs the view: in a thread of the agent's, or by itself."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Final
from urllib.parse import quote

import uvicorn

from telemetry.core.errors import InvalidError
from telemetry.pipeline.agent.places import Places
from telemetry.view.admission import admission, is_loopback, kept_token
from telemetry.view.application import application
from telemetry.view.pages import Pages
from telemetry.view.streams import Streams

HOST: Final = "127.0.0.1"
PORT: Final = 4320
"""Beside OTLP's 4317 and 4318; where it is taken, any other is."""

STOP_S: Final = 5.0
"""Seconds in which open requests may end."""

_WAITING: Final = 64
_MOST_HEAD_BYTES: Final = 16 * 1024


class View:
    """The local page over the store of a folder. Not safe for several threads.

    Args:
        place: Where store, black boxes and the agent's status lie.
        port: None: `PORT`, or any other where that is taken; 0: any.

    Raises:
        InvalidError: The address is none.
    """

    def __init__(
        self, place: Places, *, host: str = HOST, port: int | None = None
    ) -> None:
        if port is not None and not 0 <= port < 1 << 16:
            raise InvalidError(f"port is {port}; it must be from 0 to 65535")
        self._place = place
        self._host = host
        self._wanted = port
        self._port = 0
        self._token = ""
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._streams: Streams | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()

    @property
    def address(self) -> str:
        """Where it is served, without the token."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/"

    @property
    def link(self) -> str:
        """What to open in a browser. Whoever has it can see everything."""
        return f"{self.address}?token={quote(self._token)}"

    @property
    def is_watched(self) -> bool:
        """Whether somebody has a page open. From any thread."""
        return self._streams is not None and self._streams.is_watched

    def start(self) -> None:
        """Serve from now on, in a thread of its own.

        Raises:
            OSError: The address is taken or not ours, or the token cannot be kept.
        """
        self._token = kept_token(self._place.base)
        listening = self._listen()
        self._thread = threading.Thread(
            target=self._run, args=(listening,), name="telemetry-view", daemon=True
        )
        self._thread.start()
        self._started.wait(STOP_S)

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """End it; False when it has not ended in time."""
        thread, loop, streams = self._thread, self._loop, self._streams
        if thread is None:
            return True
        if loop is not None and streams is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(streams.end)
            except RuntimeError:
                pass  # it has just ended
        if self._server is not None:
            self._server.should_exit = True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _listen(self) -> socket.socket:
        wanted = PORT if self._wanted is None else self._wanted
        try:
            listening = _bound(self._host, wanted)
        except OSError:
            if self._wanted is not None or not is_loopback(self._host):
                raise
            listening = _bound(self._host, 0)
        self._port = listening.getsockname()[1]
        return listening

    def _run(self, listening: socket.socket) -> None:
        asyncio.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        pages = Pages(self._place)
        self._loop = asyncio.get_running_loop()
        self._streams = Streams(pages)
        rules = admission(self._token, self._host, self._port)
        server = uvicorn.Server(
            uvicorn.Config(
                application(pages, self._streams, rules),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=2,
                h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            )
        )
        self._server = server
        self._started.set()
        try:
            await server.serve([listening])
        finally:
            pages.close()
            listening.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_WAITING)
    except BaseException:
        listening.close()
        raise
    return listening
