"""Pictures of dashboards: every kind of panel is drawn, with data and without."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from dashboards.drawing import picture, samples
from dashboards.drawing.filling import Range
from dashboards.drawing.frame import Frame
from dashboards.drawing.source import (
    Series,
    Source,
    prometheus_exemplars,
    prometheus_query,
)
from dashboards.drawing.synthetic import exporting, ruling, shop
from dashboards.drawing.synthetic.pool import STEP_S
from dashboards.drawing.units import written
from tests.dashboards.committed import UIDS, Json, load, panels

SHOWN: Final = Range(1_000_000, 1_003_600, points=40, values=samples.VALUES)
LABELS: Final = {
    "input_function": "translate",
    "input_container_id": "ct-1",
    "input_zone": "burst",
    "input_reason": "cold_start",
}


def answered(expr: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
    """Two series for each query: of what it groups by, and buckets for a heat map."""
    times = np.arange(start_s, end_s + 1, step_s) if step_s else np.array([end_s])
    bounds = ("0.1", "1", "+Inf") if "by (le)" in expr else ("",)
    found = []
    for place, bound in enumerate(bounds):
        labels = {**LABELS, **({"le": bound} if bound else {})}
        points = [(float(when), 1.0 + place + when % 3) for when in times]
        found.append(Series(labels, points))
    return found


FULL: Final = Source(
    query=answered,
    exemplars=lambda _expr, start_s, _end_s: [(start_s + 60, 1.5)],
    counts=samples.counts,
    lines=lambda expr: samples.lines(SHOWN.end_s, expr),
    spans=samples.spans,
)
EMPTY: Final = Source(query=lambda *_asked: [])


def one_of_each() -> Json:
    """A dashboard with the first panel of each kind that ours have."""
    found = {panel["type"]: panel for uid in UIDS for panel in panels(uid)}
    rows = [
        {**panel, "gridPos": {"x": 0, "y": 8 * place, "w": 12, "h": 8}}
        for place, panel in enumerate(found.values())
    ]
    return {**load("input-explorer"), "panels": rows}


def test_board_is_drawn(tmp_path: Path) -> None:
    """As large as its grid, and with more in each panel than its frame."""
    path = tmp_path / "board.png"
    board = one_of_each()
    picture.draw(board, FULL, SHOWN, path)

    with Image.open(path) as image:
        assert image.size == (24 * 62 + 32, len(board["panels"]) * 8 * 36 + 108)
        pixels = np.asarray(image.convert("RGB"))
    for place, panel in enumerate(board["panels"]):
        top = 92 + place * 8 * 36
        colours = np.unique(pixels[top + 30 : top + 270, 16:740].reshape(-1, 3), axis=0)
        assert len(colours) > 5, panel["type"]


def test_panels_say_why_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without data, every panel that asks shows its own words."""
    said: list[int] = []

    def note(frame: Frame) -> None:
        said.append(int(frame.panel["id"]))

    monkeypatch.setattr(Frame, "say_nothing", note)
    board = one_of_each()
    picture.draw(board, EMPTY, SHOWN, tmp_path / "x.png")

    asking = [panel["id"] for panel in board["panels"] if panel.get("targets")]
    assert sorted(said) == sorted(asking)


def test_every_kind_of_panel_can_be_drawn() -> None:
    """No dashboard has one that the pictures leave out."""
    used = {panel["type"] for uid in UIDS for panel in panels(uid)}

    assert used <= picture.KINDS.keys()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00042, "s", "420 us"),
        (0.0123, "s", "12.3 ms"),
        (0.25, "s", "250 ms"),
        (2.5, "s", "2.5 s"),
        (90, "s", "1.5 min"),
        (1.5e9, "ns", "1.5 s"),
        (0.987, "percentunit", "98.7%"),
        (1536, "bytes", "1.5 KiB"),
        (1234, "short", "1.2 K"),
        (3, "reqps", "3 req/s"),
        (0.5, "none", "0.5"),
        (float("nan"), "s", "-"),
        (float("inf"), "s", "Inf"),
    ],
)
def test_values_are_written_as_grafana_does(value: float, unit: str, text: str) -> None:
    """Near enough to compare a picture with a screen."""
    assert written(value, unit) == text


def test_rate_interval_follows_grafana() -> None:
    """Four export intervals at least, and one more than the step."""
    assert Range(0, 3_600).rate_s == 60
    assert Range(0, 86_400).rate_s == 360 + 15
    assert Range(0, 60).filled("[$__rate_interval] ${function:regex}") == "[60s] .+"


@contextmanager
def prometheus(answers: Mapping[str, Any]) -> Iterator[str]:
    """A server that answers as Prometheus does, and the addresses asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, parse_qs(text)))
            body = json.dumps({"data": answers[self.path]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    asked: list[tuple[str, dict[str, list[str]]]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    (query,) = {each[1]["query"][0] for each in asked}
    assert query == 'up{a="b&c"}'


def test_real_prometheus_can_be_asked() -> None:
    """Ranges, moments and exemplars, by its HTTP API."""
    matrix = {"result": [{"metric": {"a": "b"}, "values": [[1, "2"], [2, "NaN"]]}]}
    vector = {"result": [{"metric": {}, "value": [9, "1.5"]}]}
    exemplars = [{"exemplars": [{"timestamp": 3.5, "value": "0.25", "labels": {}}]}]
    answers = {
        "/api/v1/query_range": matrix,
        "/api/v1/query": vector,
        "/api/v1/query_exemplars": exemplars,
    }
    expr = 'up{a="b&c"}'
    with prometheus(answers) as url:
        (ranged,) = prometheus_query(url)(expr, 0, 10, 5)
        (now,) = prometheus_query(url)(expr, 0, 10, 0)
        single = prometheus_exemplars(url)(expr, 0, 10)

    assert ranged.labels == {"a": "b"} and ranged.points[0] == (1.0, 2.0)
    assert now.points == [(9.0, 1.5)]
    assert single == [(3.5, 0.25)]


def test_simulated_service_counts_what_it_does() -> None:
    """Zones add up to the life of containers, and what began has settled or runs."""
    pool = shop.pools()[0]
    lived_s = 0.0
    for step in range(int(120 / STEP_S)):
        pool.step(step * STEP_S)
        lived_s += STEP_S * len(pool.ready(step * STEP_S))

    counts = Counter[str]()
    for (metric, *_), amount in pool.counts.items():
        counts[metric] += amount
    assert counts["zone"] == pytest.approx(lived_s)
    assert counts["started"] == counts["completed"] + pool.active
    assert counts["slots"] > 0


def test_simulated_samples_are_openmetrics() -> None:
    """One sample a line, and an end, as promtool wants it."""
    lines = list(exporting.openmetrics(shop.pools(), 1_000, 45))

    assert lines[-1] == "# EOF"
    assert any(line.startswith("input_slots_active{") for line in lines)
    assert all(len(line.rsplit(" ", 2)) == 3 for line in lines[:-1])


def test_rules_are_evaluated_behind_what_they_ask_for() -> None:
    """A level uses only what the levels before it have recorded."""
    known: set[str] = set()
    *recording, alerts = ruling.levels()
    for level in recording:
        for rule in level:
            names = set(ruling.RECORDED.findall(rule["expr"]))
            assert names <= known, rule
        known |= {rule["record"] for rule in level}

    assert all("alert" in rule for rule in alerts)
