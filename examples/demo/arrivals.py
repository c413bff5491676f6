"""When requests come, and how large they are: a model of them, and a parser.

The model has the shape of a public trace of a code-completion service (Azure Public
Dataset, "AzureLLMInferenceTrace_code", CC-BY 4.0; P. Patel et al., "Splitwise:
Efficient generative LLM inference using phase splitting", ISCA 2024): 73 % of its
seconds are empty, the 99th percentile second has 28 requests, the busiest 67.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_TIME, _CONTEXT, _GENERATED = COLUMNS

MOST_TOKENS: Final = 10_000_000
"""More than any model takes: a larger number is a broken file."""

_EXAMPLE: Final = "2023-11-16 18:17:03.9799600"
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(\.\d{1,9})?")

_WHOLE: Final = re.compile(r"[0-9]{1,12}")


class TraceError(ValueError):
    """A trace file is not what it should be; the message says where."""


@dataclass(frozen=True, slots=True)
class Request:
    """One arrival.

    Attributes:
        at_s: Seconds after the first second of the trace, uncompressed.
        context_tokens: What was sent: it costs little time each.
        generated_tokens: What is answered: it costs much time each.
    """

    at_s: float
    context_tokens: int
    generated_tokens: int


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A lognormal distribution, cut off at both ends."""

    median: float
    sigma: float
    least: float
    most: float

    def draw(self, random: Random) -> float:
        """One value."""
        value = self.median * random.lognormvariate(0.0, self.sigma)
        return min(max(value, self.least), self.most)


# The model: busy episodes and quiet gaps take turns. An episode has a level (requests
# per second), each of its seconds a factor of its own around that level, and within a
# second requests come evenly at random. Source of all figures: fitted to the trace
# that the module names, whose 121 episodes have a median of 5 s and a mean of 7.6 s,
# and its gaps 3 s and 21 s; busy seconds have log-mean 2.0 and log-deviation 0.73.
EPISODE_S: Final = LogNormal(median=5.0, sigma=0.95, least=1.0, most=40.0)
GAP_S: Final = LogNormal(median=4.0, sigma=1.8, least=1.0, most=220.0)
LEVEL: Final = LogNormal(median=7.4, sigma=0.6, least=1.0, most=40.0)
FACTOR: Final = LogNormal(median=1.0, sigma=0.42, least=0.2, most=3.0)
CONTEXT: Final = LogNormal(median=1_200.0, sigma=1.36, least=17.0, most=7_437.0)
GENERATED: Final = LogNormal(median=16.0, sigma=0.85, least=6.0, most=1_899.0)


def synthetic(duration_s: float, seed: int) -> list[Request]:
    """Requests of the model, in order; the first second is a busy one.

    Args:
        duration_s: Length of the trace, uncompressed.
        seed: The same seed gives the same requests.
    """
    random = Random(seed)
    requests: list[Request] = []
    second = 0
    while second < duration_s:
        level = LEVEL.draw(random)
        for _ in range(round(EPISODE_S.draw(random))):
            count = max(1, round(level * FACTOR.draw(random)))
            moments = sorted(second + random.random() for _ in range(count))
            requests += [_sized(at_s, random) for at_s in moments]
            second += 1
        second += round(GAP_S.draw(random))
    return [each for each in requests if each.at_s < duration_s]


def _sized(at_s: float, random: Random) -> Request:
    context, generated = CONTEXT.draw(random), GENERATED.draw(random)
    return Request(at_s, round(context), round(generated))


def parse_trace(lines: Iterable[str], name: str) -> list[Request]:
    """The requests of a trace in CSV, in order, the first at 0 s.

    Args:
        lines: The text, with a header that has `COLUMNS`.
        name: What messages call the file.

    Raises:
        TraceError: It is not such a file; the message names line and column.
    """
    rows = csv.reader(lines, strict=True)
    try:
        places = _header(next(rows, None), name)
        requests = [
            _request(row, places, f"{name}, line {rows.line_num}")
            for row in rows
            if row
        ]
    except csv.Error as error:
        raise TraceError(
            f"{name}, line {rows.line_num}: not CSV ({error}); {_wanted()}"
        ) from None
    if not requests:
        raise TraceError(f"{name} has a header and no requests; {_wanted()}")
    requests.sort(key=lambda each: each.at_s)
    first_s = requests[0].at_s
    return [replace(each, at_s=each.at_s - first_s) for each in requests]


def _wanted() -> str:
    return f"wanted are lines of {','.join(COLUMNS)}, and a header with these names"


def _header(row: Sequence[str] | None, name: str) -> dict[str, int]:
    if row is None:
        raise TraceError(f"{name} is empty; {_wanted()}")
    for column in COLUMNS:
        if column not in row:
            shown = ",".join(row)[:60]
            raise TraceError(
                f"{name}, line 1: the header has no column {column} "
                f"(it is {shown!r}); {_wanted()}"
            )
    return {column: row.index(column) for column in COLUMNS}


def _request(row: Sequence[str], places: dict[str, int], where: str) -> Request:
    if len(row) <= max(places.values()):
        missing = next(each for each in COLUMNS if places[each] >= len(row))
        raise TraceError(
            f"{where}, column {missing}: missing (the line has {len(row)} of "
            f"{max(places.values()) + 1} fields)"
        )
    return Request(
        _seconds(row[places[_TIME]], f"{where}, column {_TIME}"),
        _tokens(row[places[_CONTEXT]], f"{where}, column {_CONTEXT}"),
        _tokens(row[places[_GENERATED]], f"{where}, column {_GENERATED}"),
    )


def _seconds(text: str, where: str) -> float:
    match = _STAMP.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError(text)
        # By hand: datetime keeps six digits of the fraction, the traces have seven.
        whole = datetime.fromisoformat(match[1] + "+00:00").timestamp()
    except ValueError:
        raise TraceError(
            f"{where}: {text[:40]!r} is not a time; write it as {_EXAMPLE}"
        ) from None
    return whole + float(match[2] or 0)


def _tokens(text: str, where: str) -> int:
    count = text.strip()
    if _WHOLE.fullmatch(count) is None or int(count) > MOST_TOKENS:
        raise TraceError(
            f"{where}: {text[:40]!r} is not a number of tokens; allowed are whole "
            f"numbers from 0 to {MOST_TOKENS}"
        )
    return int(count)
