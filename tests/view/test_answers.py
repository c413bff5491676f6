"""What the page is told about a run, and what it is told when it asks for nonsense."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from telemetry.pipeline.agent.places import Places
from telemetry.view.answers import inputs, lines, pages, timeline
from tests.view.conftest import Browser
from tests.view.filling import Filling
from tests.view.sayings import HOSTILE

TYPES = Path(__file__).parents[2] / "web/src/api/types.ts"


def test_server_and_page_mean_the_same() -> None:
    """Each answer has the fields that the page's types name, and no others."""
    text = TYPES.read_text("utf-8")
    known = {
        name: set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
        for name, body in re.findall(
            r"^export interface (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL
        )
    }
    structs = {
        each.__name__: set(each.__struct_fields__)
        for module in (timeline, pages, lines, inputs)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, msgspec.Struct)
    }
    structs.pop("Struct", None)

    assert structs == known


def test_overview_counts_everything_once(browser: Browser, run: Filling) -> None:
    """Inputs by outcome are as many as are in the store."""
    found = browser.get("overview")

    with sqlite3.connect(run.path) as store:
        expected = Counter(
            dict(store.execute("select outcome, count(*) from inputs group by 1"))
        )
    total: Counter[str] = Counter()
    for each in found["functions"]:
        total.update(each["outcomes"])
        assert each["inputs"] == sum(each["outcomes"].values())
    assert total == expected
    translate = next(f for f in found["functions"] if f["function"] == "translate")
    assert translate["bursts"] > 0 and translate["rescheduled"] > 0
    assert translate["run_p50_s"] <= translate["run_p95_s"]
    assert (translate["target"], translate["limit"]) == (10, 12)


def test_layout_tells_what_was_out_of_the_ordinary(
    browser: Browser, run: Filling
) -> None:
    """And who took whom along."""
    found = browser.get("layout")

    kinds = {each["kind"] for each in found["moments"]}
    assert kinds == {
        "burst",
        "cold_start",
        "cancellation",
        "timeout",
        "crash",
        "blocked",
        "error",
    }
    moment = _moment(found, run.ids["cancelled"])
    assert moment["container_id"] == run.ids["cancelled container"]
    assert run.ids["neighbour"] in {each["input_id"] for each in moment["moved"]}
    assert {each["outcome"] for each in moment["moved"]} <= {"success", "error"}
    crash = next(each for each in found["moments"] if each["kind"] == "crash")
    assert len(crash["moved"]) >= 4 and "signal 9" in crash["detail"]
    times = [each["at_ms"] for each in found["moments"]]
    assert times == sorted(times, reverse=True)


def _moment(layout: Any, input_id: str) -> Any:
    return next(each for each in layout["moments"] if each["input_id"] == input_id)


@pytest.mark.parametrize("level", [8, 12, 17, 30])
def test_tiles_hold_every_execution_once(
    browser: Browser, run: Filling, level: int
) -> None:
    """As bars or dots, each in the tiles that it runs in, at any zoom."""
    layout = browser.get("layout")
    width = 2**level
    first, last = (int(layout[key] // width) for key in ("first_ms", "last_ms"))
    bars: set[tuple[str, int]] = set()
    dots = 0
    step = max((last - first) // 12, 1)
    for index in range(first, last + 1, step):
        tile = browser.get(f"tiles/{level}/{index}")
        bars |= set(zip(tile["bars"]["input"], tile["bars"]["attempt"], strict=True))
        dots += sum(tile["dots"]["count"])
        assert len(tile["bars"]["ending"]) == len(tile["bars"]["start"])
        assert len(tile["dots"]["zone"]) == len(tile["dots"]["count"])
        assert all(0 <= each < tile["columns"] for each in tile["dots"]["column"])

    with sqlite3.connect(run.path) as store:
        total = store.execute("select count(*) from executions").fetchone()[0]
    if step == 1:
        assert len(bars) + dots >= total
    if level == 30:
        assert len(bars) + dots == total


def test_a_burst_is_above_the_target_line(browser: Browser) -> None:
    """Somebody ran in a slot above the target of a container that has one."""
    layout = browser.get("layout")
    target = {c["container_id"]: c["target"] for c in layout["containers"]}
    tile = browser.get(f"tiles/17/{int(layout['first_ms'] // 2**17)}")
    bars = tile["bars"]
    above = [
        bars["zone"][at]
        for at, place in enumerate(bars["container"])
        if bars["slot"][at] >= target[tile["containers"][place]]
    ]

    assert above and set(above) <= {"b", "s"}
    load = {tile["functions"][each["function"]]: each for each in tile["load"]}
    assert max(load["translate"]["running"]) > 20


def test_what_was_interrupted_leads_to_where_it_ran_again(
    browser: Browser, run: Filling
) -> None:
    """From a container that was ended to another one, later."""
    layout = browser.get("layout")
    at_ms = _moment(layout, run.ids["cancelled"])["at_ms"]
    tile = browser.get(f"tiles/12/{int(at_ms // 2**12)}")
    links = {each["input"]: each for each in tile["links"]}

    link = links[run.ids["neighbour"]]
    assert link["from_container"] == run.ids["cancelled container"]
    assert link["to_container"] != link["from_container"]
    assert link["to_ms"] >= link["from_ms"]
    assert link["ending"] == "neighbour"


def test_the_life_of_a_neighbour(browser: Browser, run: Filling) -> None:
    """Two attempts, because of somebody who is named, with its lines and neighbours."""
    found = browser.get(f"inputs/{run.ids['neighbour']}")

    first, second = found["attempts"]
    assert first["ending"] == "neighbour"
    assert first["because_of"] == run.ids["cancelled"]
    assert second["ending"] == found["input"]["outcome"]
    assert second["container_id"] != first["container_id"]
    assert run.ids["cancelled"] in {n["input_id"] for n in found["neighbours"]}
    lines_of = browser.get(f"lines?input={run.ids['neighbour']}")["lines"]
    assert len(lines_of) == found["lines"] > 3
    assert {each["input_id"] for each in lines_of} == {run.ids["neighbour"]}


def test_an_input_is_found_by_the_end_of_its_id(browser: Browser, run: Filling) -> None:
    """As it is shown everywhere, if that means one only."""
    wanted = run.ids["cancelled"]

    assert browser.get(f"inputs/{wanted[-6:]}")["input"]["input_id"] == wanted
    assert browser.ask("/api/inputs/0").status == 404
    assert browser.ask("/api/inputs/in-nothing").status == 404


def test_a_cancellation_says_what_came_of_it(browser: Browser, run: Filling) -> None:
    """Cause, mechanism, how long it took, and who had to go along."""
    found = browser.get("failures")

    mine = next(
        each
        for each in found["cancellations"]
        if each["input"]["input_id"] == run.ids["cancelled"]
    )
    asked = mine["input"]["cancellation"]
    assert (asked["cause"], asked["mechanism"]) == ("user", "container")
    assert asked["deliver_s"] == pytest.approx(0.004, abs=0.001)
    assert asked["unwind_s"] == pytest.approx(0.03, abs=0.01)
    assert mine["container_ended"] == run.ids["cancelled container"]
    assert run.ids["neighbour"] in {each["input_id"] for each in mine["moved"]}
    causes = {each["input"]["cancellation"]["cause"] for each in found["cancellations"]}
    assert causes == {"user", "timeout"}


def test_exceptions_are_grouped(browser: Browser) -> None:
    """Alike ones together, with how often, when, where and in which inputs."""
    groups = browser.get("failures")["groups"]

    assert all(each["type"] == "ValueError" for each in groups)
    logged = max(groups, key=lambda each: len(each["functions"]))
    assert "translate.py" in logged["sample"]
    assert sum(logged["counts"]) == logged["count"]
    assert logged["inputs"] and set(logged["functions"]) <= {
        "translate",
        "resize",
        "summarize",
    }


def test_containers_have_starts_and_ends(browser: Browser, run: Filling) -> None:
    """With phases, reasons, and what they did; decisions with what they saw."""
    found = browser.get("containers")

    rows = {each["container"]["container_id"]: each for each in found["containers"]}
    killed = rows[run.ids["killed"]]
    assert killed["container"]["exit_reason"] == "crash"
    assert killed["container"]["exit_status"] == -9
    assert killed["interrupted"] >= 4 and killed["peak"] > 10
    assert killed["container"]["spawn_s"] == pytest.approx(0.2)
    assert {each["reason"] for each in found["decisions"]} >= {"from_zero", "demand"}
    load = next(each for each in found["load"] if each["function"] == "translate")
    assert max(load["limit"]) == 24 and max(load["target"]) == 20
    assert len(load["running"]) == len(load["limit"])


def test_lines_can_be_read_page_by_page(browser: Browser) -> None:
    """Backwards to the first and forwards again, each line once and in order."""
    page = browser.get("lines?limit=700")
    pages_back = [page["lines"]]
    while page["older"] is not None:
        page = browser.get(f"lines?limit=700&older={page['older']}")
        pages_back.append(page["lines"])
    back = [each["id"] for lines_of in reversed(pages_back) for each in lines_of]

    assert len(back) == len(set(back)) == browser.get("overview")["lines"]
    start = page["lines"][0]["cursor"]
    forward: list[int] = []
    while start is not None:
        page = browser.get(f"lines?limit=900&newer={start}")
        forward += [each["id"] for each in page["lines"] if each["id"] not in forward]
        start = page["newer"]
    assert forward == back


def test_lines_around_a_moment(browser: Browser) -> None:
    """Some from before and some from after, with ways to go on in both directions."""
    layout = browser.get("layout")
    middle = (layout["first_ms"] + layout["last_ms"]) / 2
    page = browser.get(f"lines?limit=60&around_ms={middle}")
    times = [each["at_ms"] for each in page["lines"]]

    assert times == sorted(times) and len(times) == 60
    assert times[0] < middle < times[-1]
    assert page["older"] and page["newer"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("level=error", lambda each: each["level"] in {"error", "critical"}),
        ("stream=stdout", lambda each: each["stream"] == "stdout"),
        ("stream=log", lambda each: each["stream"] is None),
        ("origin=none", lambda each: each["input_id"] is None),
        ("function=resize", lambda each: each["function"] == "resize"),
        ("text=no%20such%20lang", lambda each: "no such language" in each["exception"]),
        ("text=TOKENS%20count", lambda each: "tokens counted" in each["event"]),
    ],
)
def test_lines_are_filtered(browser: Browser, query: str, fits: Any) -> None:
    """By level, stream, origin, function, and by the words in text and traceback."""
    found = browser.get(f"lines?{query}")["lines"]

    assert found and all(fits(each) for each in found)


def test_hostile_text_arrives_as_it_was_written(browser: Browser) -> None:
    """As JSON text, cut if it is long, with all of it one question away."""
    found = browser.get("lines?level=warning&limit=1000&text=x")["lines"]
    texts = [each["event"] for each in found]
    long = next(each for each in found if each["event"].startswith("xxxx"))

    assert long["cut_chars"] > 4_000 and len(long["event"]) == 4_000
    whole = browser.get(f"lines/{long['id']}")
    assert whole["event"] == HOSTILE[3] and whole["cut_chars"] == 0
    assert any("<b>key</b>" in dict(each["fields"]) for each in found)
    everything = browser.get("lines?level=warning&limit=1000")["lines"]
    events = {each["event"] for each in everything} | set(texts)
    shown = [text for text in HOSTILE if text[:4_000] in events]
    assert len(shown) >= 5
    body = browser.ask("/api/lines?level=warning&limit=1000").body
    assert b"\x1b" not in body and b"\x00" not in body


ABSURD = [
    "tiles/5/1",
    "tiles/37/1",
    f"tiles/6/{10**30}",
    "load",
    "load?from_ms=5&to_ms=1&columns=5",
    "load?from_ms=0&to_ms=1&columns=100000",
    "load?from_ms=nan&to_ms=1&columns=1",
    "load?from_ms=0&to_ms=inf&columns=1",
    "lines?limit=0",
    "lines?limit=1000000",
    "lines?limit=x",
    "lines?level=loud",
    "lines?stream=stdin",
    "lines?origin=mars",
    "lines?older=1",
    "lines?newer=x.y",
    "lines?around_ms=-1",
    "lines?text=" + "a" * 1_001,
    "live/lines?after=-1",
    f"live/lines?after={10**30}",
]


@pytest.mark.parametrize("path", ABSURD)
def test_absurd_questions_are_refused_with_a_word(browser: Browser, path: str) -> None:
    """With the key, the value and what is allowed; nothing is computed for them."""
    found = browser.ask(f"/api/{path}")

    assert found.status in {400, 404}
    assert found.data["problem"]


def test_questions_that_are_too_long_are_refused(browser: Browser) -> None:
    """By us, or by the server that reads the request."""
    assert browser.ask("/api/lines?text=" + "a" * 5_000).status == 414
    assert browser.ask("/api/lines?text=" + "a" * 70_000).status in {400, 414, 431}


@pytest.mark.parametrize(
    "text",
    ["';drop table logs;--", '"', "a* OR b", "NEAR(a b)", "%", "\\", "(", "\x00"],
)
def test_a_search_is_text_and_no_language(browser: Browser, text: str) -> None:
    """Whatever is typed is looked for as it stands."""
    assert browser.ask(f"/api/lines?text={quote(text)}").status == 200
    assert browser.get("overview")["lines"] > 1_000


def test_an_empty_folder_is_no_error(own_view: tuple[Places, Any]) -> None:
    """Before the first agent has run, every page has an answer with nothing in it."""
    browser = Browser(own_view[1])

    assert browser.get("overview")["inputs"] == 0
    assert browser.get("layout")["first_ms"] is None
    assert browser.get("lines")["lines"] == []
    assert browser.get("failures")["groups"] == []
    assert browser.get("containers")["containers"] == []
    assert browser.get("now")["functions"] == []
    assert browser.get("tiles/20/1700000")["containers"] == []
