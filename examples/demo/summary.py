"""What was seen, on one page of at most 100 columns; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from examples.demo.books import Books
from examples.demo.director import Report
from examples.demo.figures import count, duration, listed, quantiles
from examples.demo.incidents import cancellations, kill
from examples.demo.observer import Function, Observer
from examples.demo.table import table
from examples.demo.theme import Theme
from telemetry.capture.terminal import escaped, fitted
from telemetry.core.outcome import Outcome
from telemetry.policy.bursts import Zone

WIDTH: Final = 96
_BAR: Final = 24
_ZONE_BAR: Final = 12
_MOST_ERRORS: Final = 3
_NONE: Final = "-"
_WHY: Final = (
    "cold_start: until another container is ready; "
    "max_containers: no more of them may start"
)

_OUTCOME_STYLES: Final = {
    Outcome.SUCCESS: "good",
    Outcome.ERROR: "bad",
    Outcome.CANCELLED: "warn",
    Outcome.TIMEOUT: "warn",
    Outcome.LOST: "bad",
}
_ZONE_STYLES: Final = {
    Zone.IDLE: "dim",
    Zone.NORMAL: "good",
    Zone.BURST: "warn",
    Zone.SATURATED: "bad",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the records do not know about the run.

    Attributes:
        source: Where the arrivals came from.
        elapsed_s: From the first arrival to the end of the last container.
        interrupted: Ctrl-C ended it.
        next_commands: What to try next, and what for.
    """

    source: str
    elapsed_s: float
    interrupted: bool
    next_commands: Sequence[tuple[str, str]]


def summary(
    observer: Observer, report: Report, books: Books, facts: Facts, theme: Theme
) -> str:
    """The page, with a line break at its end."""
    functions = [each for each in observer.functions.values() if each.submitted]
    sections = [
        _head(books, facts, theme),
        _section(
            "Inputs",
            [*_inputs(functions, theme), *_errors(report, theme)],
            theme,
        ),
        _section("Waiting and running", _latencies(functions, theme), theme),
        _section(
            "Concurrency in the fullest container",
            _concurrency(observer, functions, theme),
            theme,
        ),
        _section("Bursts", _bursts(functions, theme), theme),
        _section("Cold starts", _cold_starts(observer, theme), theme),
        _section(
            "Cancellations and timeouts",
            cancellations(observer, functions, theme),
            theme,
        ),
        _section("The kill", kill(observer, report, theme), theme),
        _section("Autoscaler", _decisions(functions, theme), theme),
        _section("Cost", _cost(functions, theme), theme),
        _section("What to try next", _next(facts, theme), theme),
        _section("Books", _books(books, facts, theme), theme),
    ]
    rows = [row for section in sections for row in section]
    return "\n".join(theme.plain(row) for row in rows) + "\n"


def _head(books: Books, facts: Facts, theme: Theme) -> list[str]:
    ended = ", interrupted" if facts.interrupted else ""
    right = (
        f"{count(books.submitted, 'input')} in {duration(facts.elapsed_s)}{ended}"
        f" · {facts.source}"
    )
    left = "What happened"
    line = "─" * max(WIDTH - len(left) - len(right) - 4, 3)
    return ["", f" {theme.paint(left, 'strong')} {theme.paint(line, 'dim')} {right}"]


def _section(title: str, rows: Iterable[str], theme: Theme) -> list[str]:
    return ["", f" {theme.paint(title, 'title')}", *(f"   {row}" for row in rows)]


def _inputs(functions: Sequence[Function], theme: Theme) -> list[str]:
    titles = ("submitted", *Outcome, "retried", "rescheduled")
    rows = [["", *(theme.paint(each, "dim") for each in titles)]]
    for each in functions:
        moved = each.interrupted["neighbour"] + each.interrupted["lost"]
        rows.append(
            [
                each.shape.name,
                f"{each.submitted:,}",
                *(
                    theme.paint(f"{number:,}", style) if number else _NONE
                    for outcome, style in _OUTCOME_STYLES.items()
                    for number in [each.settled[outcome]]
                ),
                _or_none(each.interrupted["retry"]),
                _or_none(moved),
            ]
        )
    return table(rows)


def _errors(report: Report, theme: Theme) -> list[str]:
    return [
        theme.paint(fitted(f"{name}: {times:,} of {escaped(text)}", WIDTH - 4), "bad")
        for (name, text), times in report.errors.most_common(_MOST_ERRORS)
    ]


def _or_none(number: int) -> str:
    return f"{number:,}" if number else _NONE


def _latencies(functions: Sequence[Function], theme: Theme) -> list[str]:
    titles = ("p50", "p95", "p99", "max")
    rows = [["", "", *(theme.paint(each, "dim") for each in titles)]]
    for each in functions:
        for name, what, values_s in (
            (each.shape.name, "wait", each.waits_s),
            ("", "run", each.runs_s),
        ):
            found = quantiles(values_s)
            shown = [_NONE] * 4 if found is None else list(map(duration, found))
            rows.append([name, what, *shown])
    return table(rows, left=2, gap=3)


def _concurrency(
    observer: Observer, functions: Sequence[Function], theme: Theme
) -> list[str]:
    rows = []
    for each in functions:
        shape = each.shape
        peak = max((one.peak for one in observer.of(each)), default=0)
        nouns = ("batch", "batches") if shape.batch > 1 else ("input", "inputs")
        row = [
            shape.name,
            theme.gauge(peak, shape.target, shape.limit),
            f"peak {peak}",
            f"target {shape.target}",
            f"limit {shape.limit}",
            f"{count(each.peak, *nouns)} in at most {shape.containers} containers",
        ]
        rows.append(row)
    found = table(rows, left=6)
    return found + [
        f"{each.shape.name}: {count(len(each.batches), 'batch', 'batches')} of "
        f"{each.batches.total() / len(each.batches):.1f} on average, "
        f"at most {max(each.batches.values())} of {each.shape.batch}"
        for each in functions
        if each.batches
    ]


def _bursts(functions: Sequence[Function], theme: Theme) -> list[str]:
    titles = ("bursts", "in all", "longest", "peak", "began with")
    rows = [["", *(theme.paint(each, "dim") for each in titles)]]
    for each in functions:
        if not each.bursts:
            continue
        lasted_s = [one.duration_s for one in each.bursts]
        reasons = Counter(one.reason.value for one in each.bursts)
        rows.append(
            [
                each.shape.name,
                f"{len(lasted_s):,}",
                duration(sum(lasted_s)),
                duration(max(lasted_s)),
                str(max(one.peak for one in each.bursts)),
                listed([f"{times:,} {why}" for why, times in reasons.most_common()]),
            ]
        )
    if len(rows) == 1:
        return ["none: nothing ran above its target"]
    return [*table(rows), theme.paint(_WHY, "dim")]


def _cold_starts(observer: Observer, theme: Theme) -> list[str]:
    ready = [each for each in observer.containers.values() if each.ready is not None]
    found = quantiles(each.cold_start_s for each in ready)
    if found is None:
        return ["none"]
    phases = {
        "spawn": sum(each.ready.spawn_s for each in ready if each.ready),
        "import": sum(each.ready.import_s for each in ready if each.ready),
        "enter": sum(each.ready.enter_s for each in ready if each.ready),
    }
    slowest = max(ready, key=lambda each: each.cold_start_s)
    total_s = sum(phases.values()) or 1.0
    head = (
        f"{count(len(ready), 'container')}, median {duration(found[0])}, slowest "
        f"{duration(found[-1])} ({slowest.pool})"
    )
    return [
        head,
        *table(
            [
                [
                    name,
                    theme.paint(theme.bar(phase_s / total_s, _BAR), "info"),
                    f"{phase_s / total_s:.0%}",
                    f"{duration(phase_s / len(ready))} on average",
                ]
                for name, phase_s in phases.items()
            ],
            left=2,
        ),
    ]


def _decisions(functions: Sequence[Function], theme: Theme) -> list[str]:
    order = ("up", "down", "hold")
    found = sorted(
        {each for function in functions for each in function.decisions},
        key=lambda each: (order.index(each[0]), each[1]),
    )
    if not found:
        return ["none"]
    firsts = [
        direction if place == 0 or found[place - 1][0] != direction else ""
        for place, (direction, _) in enumerate(found)
    ]
    rows = [
        ["", *(theme.paint(each, "info") for each in firsts)],
        ["", *(theme.paint(reason, "dim") for _, reason in found)],
    ]
    rows += [
        [each.shape.name, *(_or_none(each.decisions[one]) for one in found)]
        for each in functions
    ]
    return table(rows)


def _cost(functions: Sequence[Function], theme: Theme) -> list[str]:
    zones = [theme.paint(each.value, _ZONE_STYLES[each]) for each in Zone]
    titles = [theme.paint(each, "dim") for each in ("slot-s", "queue-s", "container-s")]
    rows = [["", *titles, *zones, ""]]
    for each in functions:
        measured = each.measured
        if measured is None:
            continue
        zones_s = [measured.zones_s.get(one, 0.0) for one in Zone]
        rows.append(
            [
                each.shape.name,
                f"{measured.slots_s:,.1f}",
                f"{measured.queue_s:,.1f}",
                f"{sum(zones_s):,.1f}",
                *(f"{each_s:,.1f}" if each_s else _NONE for each_s in zones_s),
                _zone_bar(zones_s, theme),
            ]
        )
    return table(rows) if len(rows) > 1 else ["not measured: the run was broken off"]


def _zone_bar(zones_s: Sequence[float], theme: Theme) -> str:
    total_s = sum(zones_s)
    if not total_s:
        return ""
    cells: list[str] = []
    passed_s, drawn = 0.0, 0
    glyphs = zip(Zone, zones_s, ("░", "█", "▓", "█"), strict=True)
    for zone, each_s, glyph in glyphs:
        passed_s += each_s
        end = round(passed_s / total_s * _ZONE_BAR)
        cells.append(theme.paint(glyph * (end - drawn), _ZONE_STYLES[zone]))
        drawn = end
    return "".join(cells)


def _next(facts: Facts, theme: Theme) -> list[str]:
    return table(
        [
            [theme.paint(command, "info"), theme.paint(why, "dim")]
            for command, why in facts.next_commands
        ],
        left=2,
    )


def _books(books: Books, facts: Facts, theme: Theme) -> list[str]:
    if not books.balanced:
        return [theme.paint(f"✗ {error}", "bad") for error in books.errors]
    seen = "" if facts.interrupted else ", as their callers saw"
    return [
        theme.paint("✓", "good") + f" {books.submitted:,} submitted, "
        f"{books.settled:,} settled once each{seen}; no container above its limit"
    ]
