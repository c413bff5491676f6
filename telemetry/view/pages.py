"""The questions of the page, and who answers them; bounded, and never raising."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry.capture.diagnosis import own_version
from telemetry.core.errors import Error, InvalidError
from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.store.queries.lines import LineFilter
from telemetry.pipeline.store.queries.reading import Reader
from telemetry.view.answers.pages import AgentState, Overview, Problem
from telemetry.view.asking.container_page import containers_page
from telemetry.view.asking.door import Door
from telemetry.view.asking.failures import failures
from telemetry.view.asking.inputs import find_input
from telemetry.view.asking.layout import everyone, extent, layout
from telemetry.view.asking.lines import cursor_of, page, whole_line
from telemetry.view.asking.load import histories
from telemetry.view.asking.overview import totals
from telemetry.view.asking.tiles import Stretch, stretch_of, tile
from telemetry.view.asking.times import ns
from telemetry.view.live import Live
from telemetry.view.post_mortems import post_mortem

_T = TypeVar("_T")

AT_ONCE: Final = 4
"""Questions that are answered at the same time; the others wait their turn."""

OVERVIEW_S: Final = 2.0
"""How old the figures of all that is stored may be: they are the most work."""

MOST_LINES: Final = 1_000
MOST_COLUMNS: Final = 2_000
_NAME: Final = re.compile(r"[\w.:-]{1,100}")
_END_MS: Final = 1 << 43


class Absent(Error):  # noqa: N818  # it is an answer
    """There is nothing of that name."""


class Pages:
    """Answers from the store of one folder."""

    def __init__(self, place: Places) -> None:
        self._place = place
        self.door: Final = Door(place.store)
        self.live: Final = Live(place, self.door)
        self._limiter: anyio.CapacityLimiter | None = None
        self._overview_lock = threading.Lock()
        # Guarded by _overview_lock: with when it was made, and of which changes.
        self._overview: tuple[Overview | None, float, int] = (None, 0.0, -1)

    def close(self) -> None:
        """Let go of all files."""
        self.live.close()
        self.door.close()

    async def ask(self, question: Callable[[Reader], _T]) -> _T:
        """What *question* finds; the loop goes on meanwhile."""
        return await self.run(lambda: self.door.ask(question))

    async def run(self, call: Callable[[], _T]) -> _T:
        """Call it in a thread."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)

    async def now(self, _request: Request) -> Response:
        """What happens now."""
        return answer(await self.run(self.live.now))

    async def overview(self, _request: Request) -> Response:
        """All that is stored, in figures."""
        changes = (await self.run(self.live.now)).changes
        return answer(await self.run(lambda: self._overview_at(changes)))

    def _overview_at(self, changes: int) -> Overview:
        """The same for all who ask while nothing has changed, or within a moment."""
        with self._overview_lock:
            known, made_s, of = self._overview
            age_s = time.monotonic() - made_s
            if known is None or (changes != of and age_s > OVERVIEW_S):
                agent = self.live.agent()
                known = self.door.ask(lambda reader: self.overview_of(reader, agent))
                self._overview = (known, time.monotonic(), changes)
            return known

    def overview_of(self, reader: Reader, agent: AgentState) -> Overview:
        """The same, from a reader."""
        first_ms, last_ms = extent(reader)
        lines = reader.one("select max(id) - min(id) + 1 from logs")
        functions = totals(reader)
        return Overview(
            version=own_version(),
            store=self.door.identity(),
            now_ms=time.time_ns() / 1e6,
            first_ms=first_ms,
            last_ms=last_ms,
            inputs=sum(each.inputs for each in functions),
            lines=int(lines or 0),
            size_bytes=self.door.size_bytes(),
            functions=functions,
            agent=agent,
            problems=agent.problems,
        )

    async def layout(self, _request: Request) -> Response:
        """The frame of the timeline."""
        store, now_ns = self.door.identity(), time.time_ns()
        return answer(await self.ask(lambda reader: layout(reader, store, now_ns)))

    async def tile(self, request: Request) -> Response:
        """A stretch of the timeline."""
        stretch = stretch_of(
            request.path_params["level"], request.path_params["index"], time.time_ns()
        )
        return answer(
            await self.ask(lambda reader: tile(reader, stretch, everyone(reader)))
        )

    async def load(self, request: Request) -> Response:
        """How much ran, in columns."""
        from_ms = _number(request, "from_ms", 0, _END_MS)
        to_ms = _number(request, "to_ms", from_ms, _END_MS)
        columns = int(_number(request, "columns", 1, MOST_COLUMNS))
        stretch = Stretch(ns(from_ms), ns(to_ms) + 1, columns, time.time_ns())
        return answer(
            await self.ask(lambda reader: histories(reader, stretch, everyone(reader)))
        )

    async def input(self, request: Request) -> Response:
        """One input."""
        text = _name(request)
        found = await self.ask(lambda reader: find_input(reader, text))
        if found is None:
            raise Absent(f"No input is called {text!r}, or only one of several.")
        return answer(found)

    async def lines(self, request: Request) -> Response:
        """Lines that fit a query."""
        wanted = line_filter(request)
        limit = int(_number(request, "limit", 1, MOST_LINES, 200))
        older = request.query_params.get("older")
        newer = request.query_params.get("newer")
        around = request.query_params.get("around_ms")
        before = cursor_of(older) if older else None
        after_ns = cursor_of(newer).unix_ns if newer else None
        around_ns = ns(_number(request, "around_ms", 0, _END_MS)) if around else None
        return answer(
            await self.ask(
                lambda reader: page(
                    reader,
                    wanted,
                    limit=limit,
                    before=before,
                    after_ns=after_ns,
                    around_ns=around_ns,
                )
            )
        )

    async def line(self, request: Request) -> Response:
        """One line, whole."""
        number = request.path_params["number"]
        if not 0 < number < 1 << 62:
            raise Absent("There is no such line.")
        found = await self.ask(lambda reader: whole_line(reader, number))
        if found is None:
            raise Absent("This line is not in the store any more.")
        return answer(found)

    async def failures(self, _request: Request) -> Response:
        """What did not end well."""
        return answer(await self.ask(failures))

    async def containers(self, _request: Request) -> Response:
        """All containers."""
        boxes, now_ns = self._place.boxes, time.time_ns()
        return answer(
            await self.ask(lambda reader: containers_page(reader, boxes, now_ns))
        )

    async def container(self, request: Request) -> Response:
        """What stands in the black box of one."""
        name = _name(request)
        found = await self.run(lambda: post_mortem(self._place.boxes, name))
        if found is None:
            raise Absent("Its black box is gone: nothing more is known than is stored.")
        return answer(found)


def guarded(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """*handler*, with every problem as an answer."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Absent as error:
            return answer(Problem(str(error)), 404)
        except InvalidError as error:
            return answer(Problem(str(error)), 400)
        except Error as error:
            return answer(Problem(str(error)), 503)

    return handle


def answer(found: Any, status: int = 200) -> Response:  # noqa: ANN401  # any of the answers
    """*found* as JSON."""
    return Response(
        msgspec.json.encode(found), status, media_type="application/json; charset=utf-8"
    )


def line_filter(request: Request) -> LineFilter:
    """Which lines a request asks for.

    Raises:
        InvalidError: It asks for what there is not.
    """
    given = request.query_params
    stream = given.get("stream")
    if stream not in {None, "", "log", "stdout", "stderr"}:
        raise InvalidError(f"stream is {stream!r}; it must be log, stdout or stderr")
    origin = given.get("origin") or ""
    if origin not in {"", "none", "late"}:
        raise InvalidError(f"origin is {origin!r}; it must be none or late")
    return LineFilter(
        input_id=given.get("input") or None,
        level=given.get("level") or None,
        # What was logged has no stream, which the store writes as an empty text.
        stream=("" if stream == "log" else stream) if stream else None,
        function=given.get("function") or None,
        text=given.get("text") or None,
        unattributed=origin == "none",
        late=True if origin == "late" else None,
    )


def _name(request: Request) -> str:
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        raise Absent("Nothing is called that.")
    return str(name)


def _number(
    request: Request,
    name: str,
    least: float,
    most: float,
    default: float | None = None,
) -> float:
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise InvalidError(f"{name} is {text!r}; it must be from {least:g} to {most:g}")
    return value
