"""What is live, as server-sent events: the present, and the tail of the lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from telemetry.core.errors import Error, InvalidError
from telemetry.pipeline.store.queries.lines import LineFilter
from telemetry.view.answers.lines import Tail
from telemetry.view.asking.lines import tail
from telemetry.view.pages import Pages, line_filter

NOW_EVERY_S: Final = 0.5
LINES_EVERY_S: Final = 0.4
QUIET_S: Final = 15.0
"""After which a stream says that it is still there: a browser that is gone is noticed
only when something is sent to it."""

MOST_STREAMS: Final = 32
"""Streams at a time. A browser keeps up to six for one address."""

_STILL_HERE: Final = b": still here\n\n"


class Streams:
    """The streams of one server; belongs to its loop."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._open = 0
        self._ending = asyncio.Event()

    @property
    def is_watched(self) -> bool:
        """Whether a page is open. From any thread."""
        return self._open > 0

    def end(self) -> None:
        """End all of them, soon: an open one would keep the server from ending."""
        self._ending.set()

    async def now(self, request: Request) -> Response:
        """What happens now, twice a second."""
        return self._streamed(self._nows(request))

    async def lines(self, request: Request) -> Response:
        """Lines as they come in."""
        wanted = line_filter(request)
        after = request.query_params.get("after") or "0"
        if not after.isdecimal() or len(after) > 18:  # noqa: PLR2004  # digits of 64 bits
            raise InvalidError(f"after is {after[:40]!r}; it must be a line's number")
        return self._streamed(self._tails(request, wanted, int(after)))

    def _streamed(self, events: AsyncIterator[bytes]) -> Response:
        if self._open >= MOST_STREAMS:
            raise Error("Too many pages are watching; close one of them.")
        return StreamingResponse(
            self._counted(events),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _counted(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for each in events:
                yield each
        finally:
            self._open -= 1

    async def _nows(self, request: Request) -> AsyncIterator[bytes]:
        while not await self._is_over(request):
            yield _event(await self._pages.run(self._pages.live.now))
            await self._pause(NOW_EVERY_S)

    async def _tails(
        self,
        request: Request,
        wanted: LineFilter,
        number: int,
    ) -> AsyncIterator[bytes]:
        changes = -1
        store = self._pages.door.identity()
        quiet_s = 0.0
        while not await self._is_over(request):
            now = await self._pages.run(self._pages.live.now)
            if now.store != store:
                store, number = now.store, 0  # another store counts anew
            found = Tail([], 0)
            if now.changes != changes:
                at = number
                try:
                    found, number = await self._pages.ask(
                        lambda reader, at=at: tail(reader, wanted, at)  # type: ignore[misc]  # a default of a lambda has no type
                    )
                    changes = now.changes
                except Error:
                    pass  # the store is being replaced; the next look will tell
            if found.lines or found.skipped:
                quiet_s = 0.0
                yield _event(found)
            elif quiet_s >= QUIET_S:
                quiet_s = 0.0
                yield _STILL_HERE
            quiet_s += LINES_EVERY_S
            await self._pause(LINES_EVERY_S)

    async def _is_over(self, request: Request) -> bool:
        return self._ending.is_set() or await request.is_disconnected()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._ending.wait(), seconds)
        except TimeoutError:
            pass


def _event(data: object) -> bytes:
    # JSON has no line end within, so one `data:` holds all of it.
    return b"data: " + msgspec.json.encode(data) + b"\n\n"
