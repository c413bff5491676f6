"""What is live stays so: while the store grows, is replaced, or loses its oldest."""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from telemetry.core.ids import short
from telemetry.pipeline.agent.lock import AgentLock
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.status import AgentStatus, tell
from telemetry.view.serving import View
from tests.pipeline import boxes
from tests.view.conftest import Browser
from tests.view.filling import Filling
from tests.view.writing import Line, Writing

DEADLINE_S = 15.0


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, browser: Browser, path: str) -> None:
        self._connection = http.client.HTTPConnection(browser.host, timeout=DEADLINE_S)
        self._connection.request(
            "GET", f"/api/{path}", headers={"cookie": browser.cookie}
        )
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        assert self._response.headers["content-type"].startswith("text/event-stream")

    def next(self) -> Any:
        """The next event; None at the end."""
        while line := self._response.readline():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        return None

    def until(self, fits: Callable[[Any], bool]) -> Any:
        """The first event that fits."""
        end_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < end_s:
            event = self.next()
            if event is None or fits(event):
                return event
        raise AssertionError("no event fits")

    def close(self) -> None:
        """Hang up."""
        self._response.close()
        self._connection.close()


@contextmanager
def streamed(browser: Browser, path: str) -> Iterator[Stream]:
    """A stream that is closed at the end."""
    stream = Stream(browser, path)
    try:
        yield stream
    finally:
        stream.close()


def test_the_tail_tells_each_line_once(own_view: tuple[Places, View]) -> None:
    """What comes in is told in order, from where the page had got to."""
    place, view = own_view
    browser = Browser(view)
    with Writing(place.store) as writing:
        writing.say(*(Line(f"early {n}") for n in range(5)))
        last = browser.get("lines")["last"]
        with streamed(browser, f"live/lines?after={last}") as stream:
            told: list[str] = []
            for batch in range(3):
                writing.say(*(Line(f"late {batch}.{n}") for n in range(20)))
                end = f"late {batch}.19"
                while not told or told[-1] != end:
                    event = stream.next()
                    told += [each["event"] for each in event["lines"]]

    assert told == [f"late {batch}.{n}" for batch in range(3) for n in range(20)]


def test_too_many_lines_are_counted_and_the_newest_shown(
    own_view: tuple[Places, View],
) -> None:
    """Nobody reads ten thousand at once; how many were passed over is said."""
    place, view = own_view
    browser = Browser(view)
    with Writing(place.store) as writing:
        writing.say(Line("first"))
        with streamed(browser, "live/lines?after=1") as stream:
            writing.say(*(Line(f"many {n}") for n in range(5_000)))
            shown = skipped = 0
            last = ""
            while last != "many 4999":
                event = stream.next()
                shown += len(event["lines"])
                skipped += event["skipped"]
                last = event["lines"][-1]["event"] if event["lines"] else last

    assert shown + skipped == 5_000
    assert skipped > 0


def test_a_tail_is_filtered(own_view: tuple[Places, View]) -> None:
    """Only what was asked for comes."""
    place, view = own_view
    with Writing(place.store) as writing:
        writing.say(Line("begin"))
        with streamed(Browser(view), "live/lines?after=1&level=error") as stream:
            writing.say(Line("fine"), Line("bad", level="error"), Line("fine again"))
            event = stream.next()

    assert [each["event"] for each in event["lines"]] == ["bad"]


def test_another_store_is_noticed(own_view: tuple[Places, View]) -> None:
    """It is removed and begun anew: the page is told, and asks the new one."""
    place, view = own_view
    browser = Browser(view)
    with Writing(place.store) as writing:
        writing.say(Line("old"))
    with streamed(browser, "live/now") as stream:
        before = stream.until(lambda event: event["store"])
        for path in place.base.glob("store.sqlite*"):
            path.unlink()
        gone = stream.until(lambda event: not event["store"])
        assert browser.get("lines")["lines"] == []
        with Writing(place.store) as writing:
            writing.say(Line("new"))
        after = stream.until(lambda event: event["store"])

    assert gone["problem"] == "" and after["changes"] > before["changes"]
    assert [each["event"] for each in browser.get("lines")["lines"]] == ["new"]


def test_a_damaged_store_is_said_and_recovered_from(
    own_view: tuple[Places, View],
) -> None:
    """The page says what is wrong; a good store later is found by itself."""
    place, view = own_view
    browser = Browser(view)
    place.store.write_bytes(b"no database at all" * 1000)

    found = browser.ask("/api/lines")
    assert found.status == 503 and "database" in found.data["problem"]
    with streamed(browser, "live/now") as stream:
        assert "database" in stream.next()["problem"]
        place.store.unlink()
        with Writing(place.store) as writing:
            writing.say(Line("good"))
        assert stream.until(lambda event: not event["problem"])["store"]
    assert len(browser.get("lines")["lines"]) == 1


def test_what_retention_takes_is_gone_with_a_word(
    own_view: tuple[Places, View],
) -> None:
    """An input that was open when it was deleted: 404 and why, and no more."""
    place, view = own_view
    browser = Browser(view)
    run = Filling(place.store, seconds=12)
    run.run()
    newest = browser.get("lines?function=translate")["lines"][-1]
    wanted = newest["input_id"]
    assert browser.get(f"inputs/{wanted}")["input"]["input_id"] == wanted
    with Writing(place.store) as writing:
        writing.forget(wanted)

    found = browser.ask(f"/api/inputs/{wanted}")

    assert found.status == 404 and wanted in found.data["problem"]
    assert browser.ask(f"/api/lines/{newest['id']}").status == 404


def test_the_agent_comes_and_goes(own_view: tuple[Places, View]) -> None:
    """The page knows whether somebody fills the store, and what is wrong with them."""
    place, view = own_view
    with streamed(Browser(view), "live/now") as stream:
        assert stream.next()["agent"]["alive"] is False
        with AgentLock(place.lock) as lock:
            assert lock.acquire()
            tell(place.status, AgentStatus(os.getpid(), "1", 1, 1, problems=("full",)))
            alive = stream.until(lambda event: event["agent"]["alive"])
        assert stream.until(lambda event: not event["agent"]["alive"])

    assert alive["agent"]["pid"] == os.getpid() and alive["agent"]["problems"] == [
        "full"
    ]


def test_slots_come_from_the_box_itself(own_view: tuple[Places, View]) -> None:
    """Also of a process that hangs: what is in its slots, and that its loop stands."""
    place, view = own_view
    process = boxes.waiting(place.boxes)
    try:
        browser = Browser(view)
        now = browser.get("now")
        (container,) = now["containers"]
        assert container["container_id"] == boxes.NAME
        assert container["running"] == 5
        assert [each["cancelled"] for each in container["slots"]] == [
            *([False] * 3),
            True,
            False,
        ]
        assert container["blocked"]["seconds"] > 3
        assert now["functions"][0]["running"] == 5
        dead = browser.get(f"containers/{boxes.NAME}")
        assert dead["until_ms"] is None and len(dead["lines"]) == 5
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
    with streamed(Browser(view), "live/now") as stream:
        assert stream.until(lambda event: not event["containers"]) is not None


def test_the_dead_are_looked_into(own_view: tuple[Places, View]) -> None:
    """A post-mortem: what ran when it died, its last lines, who held the loop."""
    place, view = own_view
    boxes.left_by(place.boxes)

    found = Browser(view).get(f"containers/{boxes.NAME}")

    assert found["state"] == "died" and len(found["slots"]) == 5
    assert {short(each["input_id"]) for each in found["slots"]} == {
        f"RUNNN{n}"[-6:] for n in range(5)
    }
    assert found["held"][0]["seconds"] == 1.5
    assert found["outcomes"] == {"error": 1}
    assert found["dropped"]["oversize"] == 7
    assert Browser(view).ask("/api/containers/ct-nothing").status == 404


def test_pages_that_watch_do_not_keep_it_from_ending(tmp_path: Path) -> None:
    """A stop ends open streams, and does not wait for browsers to go."""
    view = View(places(tmp_path / "base"), port=0)
    view.start()
    browser = Browser(view)
    streams = [Stream(browser, "live/now"), Stream(browser, "live/lines?after=0")]
    for each in streams[:1]:
        assert each.next() is not None

    assert view.stop()
    for each in streams:
        each.close()


def test_a_view_begins_again_where_it_was(tmp_path: Path) -> None:
    """After a restart on the same port, the cookie of before is still good."""
    place = places(tmp_path / "base")
    first = View(place, port=0)
    first.start()
    browser = Browser(first)
    assert first.stop()
    second = View(place, port=int(browser.host.rpartition(":")[2]))
    second.start()
    try:
        assert browser.get("now")["functions"] == []
    finally:
        assert second.stop()


def test_only_so_many_may_watch(
    own_view: tuple[Places, View], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is told so, and others go on."""
    monkeypatch.setattr("telemetry.view.streams.MOST_STREAMS", 2)
    browser = Browser(own_view[1])
    with streamed(browser, "live/now") as one, streamed(browser, "live/now") as two:
        assert one.next() and two.next()
        found = browser.ask("/api/live/now")
        assert found.status == 503 and "Too many" in found.data["problem"]
        assert one.next()
