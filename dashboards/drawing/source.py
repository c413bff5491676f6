"""Where a picture gets its data: series of Prometheus, lines and spans of anybody.

A picture asks for what Grafana would ask for. `Source` is the seam: hand in functions
of your own, or `prometheus(url)` for a Prometheus that runs.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_TIMEOUT_S: Final = 60.0


class Series(NamedTuple):
    """One series.

    Attributes:
        points: Unix time in seconds, and the value.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Line(NamedTuple):
    """One log line."""

    unix_s: float
    level: str
    text: str
    fields: Mapping[str, str]


Query = Callable[[str, float, float, float], list[Series]]
"""Expression, start and end in Unix seconds, step in seconds. A step of 0 asks for the
end alone."""

Exemplars = Callable[[str, float, float], list[tuple[float, float]]]
"""Expression, start, end: times and values of single measurements."""


def _no_exemplars(_expr: str, _start_s: float, _end_s: float) -> list:  # type: ignore[type-arg]  # an empty one of any
    return []


def _no_counts(
    _query: str, _start_s: float, _end_s: float, _step_s: float
) -> list[Series]:
    return []


def _no_lines(_expr: str) -> list[Line]:
    return []


def _no_spans(_query: str) -> list[Mapping[str, object]]:
    return []


@dataclass(frozen=True, slots=True)
class Source:
    """All that a picture asks.

    Attributes:
        query: Of Prometheus.
        counts: Of Loki and Tempo: series that a query with a metric makes.
        lines: Of Loki: the newest lines that a LogQL query finds.
        spans: Of Tempo: rows that a TraceQL query finds, by Grafana's field names.
    """

    query: Query
    exemplars: Exemplars = _no_exemplars
    counts: Query = _no_counts
    lines: Callable[[str], list[Line]] = _no_lines
    spans: Callable[[str], list[Mapping[str, object]]] = _no_spans


def prometheus_query(url: str) -> Query:
    """Asks the Prometheus at *url*.

    Source: HTTP API of Prometheus, range and instant queries.
    """

    def query(expr: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        if step_s:
            asked = {"query": expr, "start": start_s, "end": end_s, "step": step_s}
            answer = _asked(f"{url}/api/v1/query_range", asked)
            return [_series(each, each["values"]) for each in answer["result"]]
        answer = _asked(f"{url}/api/v1/query", {"query": expr, "time": end_s})
        return [_series(each, [each["value"]]) for each in answer["result"]]

    return query


def prometheus_exemplars(url: str) -> Exemplars:
    """Asks the Prometheus at *url* for exemplars."""

    def exemplars(expr: str, start_s: float, end_s: float) -> list[tuple[float, float]]:
        asked = {"query": expr, "start": start_s, "end": end_s}
        found = _asked(f"{url}/api/v1/query_exemplars", asked)
        return [
            (float(each["timestamp"]), float(each["value"]))
            for series in found
            for each in series["exemplars"]
        ]

    return exemplars


def _series(found: dict, values: list) -> Series:  # type: ignore[type-arg]  # JSON
    points = [(float(when), float(value)) for when, value in values]
    return Series(found["metric"], points)


def _asked(url: str, arguments: Mapping[str, object]) -> dict:  # type: ignore[type-arg]  # JSON
    body = urllib.parse.urlencode(arguments).encode()
    with urllib.request.urlopen(url, body, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # the address that the user names
        found: dict = json.load(answer)["data"]  # type: ignore[type-arg]  # JSON
    return found
