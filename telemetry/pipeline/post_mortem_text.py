"""A report about a black box, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from telemetry.capture.blackbox.listing import ALIVE, DIED, ENDED, BoxSummary
from telemetry.capture.line import Line
from telemetry.capture.pretty import Pretty
from telemetry.capture.terminal import escaped, id_colour
from telemetry.capture.wording import (
    ALARM,
    BAD,
    BOLD,
    DIM,
    GOOD,
    Ink,
    block,
    cell,
    clock,
    counted,
    day_and_time,
    duration,
    pairs,
    size,
    table,
)
from telemetry.core.ids import CONTAINER_PREFIX, short
from telemetry.core.outcome import Outcome
from telemetry.pipeline.post_mortem import Beside, Held, PostMortem
from telemetry.policy.loop_watch import THRESHOLD_S

_STATES: Final = {
    ALIVE: ("alive", GOOD),
    ENDED: ("ended in good order", DIM),
    DIED: ("died without a goodbye", BAD),
    "": ("cannot be read", BAD),
}
_BRIEF: Final = {ALIVE: "alive", ENDED: "ended", DIED: "died", "": "unreadable"}
_OUTCOMES: Final = {
    Outcome.SUCCESS: GOOD,
    Outcome.ERROR: BAD,
    Outcome.TIMEOUT: BAD,
    Outcome.LOST: BAD,
    Outcome.CANCELLED: ALARM,
}
_DROPPED: Final = {
    "evicted": "the budget was full and nobody had read them",
    "disk": "the disk was full",
    "oversize": "larger than an eighth of the budget",
    "closed": "written after the box was closed",
    "internal": "a fault of the toolkit",
}
_BESIDE_ROWS: Final = 20
_STACK_ROWS: Final = 30
_STACK_START: Final = "Stack (most recent call first):"
_ULID_CHARS: Final = 26


def report_text(found: PostMortem, ink: Ink) -> str:
    """Everything about one box; the most urgent first, the last lines last."""
    box = found.box
    words, style = _STATES[box.state]
    parts = [
        [f"{ink(cell(box.name, 64), BOLD)}  {ink(words, style)}", *_who(found, ink)],
        _running(found, ink),
        _loop(found, ink),
        _dropped(found, ink),
        _executions(found, ink),
        *[_beside(each, ink) for each in found.beside],
        _lines(found, ink),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def lines_text(lines: Iterable[Line], pretty: Pretty) -> str:
    """Lines as the console shows them."""
    return "".join(map(pretty, lines))


def pretty_for(ink: Ink) -> Pretty:
    """What draws lines with this ink."""
    return Pretty(colour=ink.colour, bar=ink.bar)


def end_text(box: BoxSummary, now_ns: int, ink: Ink) -> str:
    """What is said below the lines of a box that was followed to its end."""
    words, style = _STATES[box.state]
    said = f"{ink('--', DIM)} {cell(box.name, 64)} {ink(words, style)}"
    if box.state == DIED and box.slots:
        running = [
            f"{_id(each.input_id, ink)} for "
            f"{duration(max(now_ns - each.since_unix_ns, 0) / 1e9)}"
            for each in box.slots
        ]
        said += f", {counted(len(running), 'input')} running: {', '.join(running)}"
    return said + "\n"


def listing_text(boxes: list[BoxSummary], now_ns: int, ink: Ink) -> str:
    """The boxes of a folder, one row each."""
    header = ("box", "what", "pid", "state", "started", "size", "running", "dropped")
    rows = [
        (
            _box_name(each.name, ink),
            cell(each.problem, 48) or cell(each.what, 24),
            cell(each.identity.get("pid")),
            ink(_BRIEF[each.state], _STATES[each.state][1]),
            _ago(now_ns, each.started_unix_ns),
            size(each.size_bytes),
            counted(len(each.slots), "input") if each.slots else "",
            _number(sum(each.dropped.values()), ink),
        )
        for each in boxes
    ]
    return "\n".join(table(header, rows, ink, "llrllr")) + "\n"


def _who(found: PostMortem, ink: Ink) -> list[str]:
    who = found.box.identity
    function, app = cell(who.get("function")), cell(who.get("app"))
    return pairs(
        [
            ("function", f"{function} of {app}" if function and app else function),
            ("service", cell(who.get("service_name"), 64)),
            ("process", _process(found.box)),
            ("command", cell(who.get("command"), 72)),
            ("parent", cell(who.get("parent_box"), 64)),
            ("time", _times(found)),
            ("box", _contents(found)),
            ("", "" if who else ink("nothing here says whose box it is", ALARM)),
        ],
        ink,
    )


def _process(box: BoxSummary) -> str:
    who = box.identity
    named = (
        ("pid", cell(who.get("pid"))),
        ("of", cell(who.get("parent_pid"))),
        ("on", cell(who.get("host"))),
        ("Python", cell(who.get("python"))),
    )
    return ", ".join(f"{name} {value}" for name, value in named if value)


def _times(found: PostMortem) -> str:
    started_ns = found.box.started_unix_ns
    if not started_ns:
        return ""
    lasted = duration(max(found.until_ns - started_ns, 0) / 1e9)
    said = f"started {day_and_time(started_ns)}"
    if found.box.state == ALIVE:
        return f"{said}, {lasted} ago"
    ago = _ago(found.now_ns, found.last_ns)
    if found.box.state == ENDED:
        return f"{said}, ended {ago} after {lasted}"
    return f"{said}, last sign of life {lasted} later, {ago}"


def _contents(found: PostMortem) -> str:
    said = f"{size(found.box.size_bytes)} of {size(found.budget_bytes)}"
    if found.damaged:
        said += f", {counted(found.damaged, 'damaged record')}"
    return said


def _running(found: PostMortem, ink: Ink) -> list[str]:
    slots, state = found.box.slots, found.box.state
    when = {ALIVE: "running now", ENDED: "running when it ended"}
    title = when.get(state, "running when it died")
    if not slots:
        return [ink(f"No input was {title}" if state != ALIVE else "Idle", BOLD)]
    header = ("slot", "input", "function", "attempt", "for", "state", "thread")
    rows = [
        (
            str(each.slot),
            _id(each.input_id, ink),
            cell(each.function, 24),
            str(each.attempt) if each.attempt else "",
            duration(found.elapsed_s(each)),
            ink("cancelled", ALARM) if each.cancelled else "",
            f"{each.thread:#x}",
            *_voice(found, each.input_id),
        )
        for each in slots
    ]
    shown = table((*header, "lines", "last line"), rows, ink, "rllrrllrl")
    return [ink(f"{counted(len(slots), 'input')} {title}", BOLD), *shown]


def _voice(found: PostMortem, input_id: str) -> tuple[str, str]:
    voice = found.voices.get(input_id)
    if voice is None:
        return "0", "never"
    before = duration(max(found.until_ns - voice.last_unix_ns, 0) / 1e9)
    word = "ago" if found.box.state == ALIVE else "before the end"
    return f"{voice.lines:,}", f"{before} {word}"


def _loop(found: PostMortem, ink: Ink) -> list[str]:
    if not found.beat_ns and not found.held:
        return []
    busy_s = (found.until_ns - found.busy_since_ns) / 1e9 if found.busy_since_ns else 0
    total_s = found.box.pulse.blocked_ns / 1e9
    stuck = busy_s >= THRESHOLD_S and found.box.state != ENDED
    if stuck:
        word = "is" if found.box.state == ALIVE else "was"
        said = ink(f"{word} blocked for {duration(busy_s)}", BAD)
        said += f" (since {clock(found.busy_since_ns)})"
    elif total_s:
        said = "turned freely at the end"
    else:
        return []
    if total_s:
        said += f"; held for {duration(total_s)} in all before"
    rows = [f"{ink('Event loop', BOLD)} {said}"]
    rows += [_held(each, ink) for each in found.held[:-1]]
    for each in found.held[-1:]:
        rows += [_held(each, ink), *block(_head(each.stack, _STACK_ROWS), ink)]
    return rows


def _held(held: Held, ink: Ink) -> str:
    who = _id(held.input_id, ink) if held.input_id else "no input's code"
    return f"  {clock(held.unix_ns)}  {who} had held it for {duration(held.seconds)}"


def _dropped(found: PostMortem, ink: Ink) -> list[str]:
    rows = [
        (f"{count:,}", f"{_DROPPED.get(reason, '')} ({reason})")
        for reason, count in found.box.dropped.items()
        if count
    ]
    if not rows:
        return []
    total = counted(sum(found.box.dropped.values()), "record")
    return [ink(f"{total} dropped", ALARM), *pairs(rows, ink)]


def _executions(found: PostMortem, ink: Ink) -> list[str]:
    total = sum(found.outcomes.values())
    if not total:
        return []
    told = [
        f"{count:,} {ink(escaped(outcome), _style(outcome))}"
        for outcome, count in found.outcomes.most_common()
    ]
    title = f"{ink(counted(total, 'execution'), BOLD)} in the box: {', '.join(told)}"
    if total > len(found.executions):
        title += f"; the last {len(found.executions)}:"
    header = ("ended", "input", "function", "attempt", "took", "outcome", "error")
    rows = [
        (
            clock(each.ended_ns),
            _id(each.input_id, ink),
            cell(each.function, 24),
            str(each.attempt) if each.attempt else "",
            duration((each.ended_ns - each.started_ns) / 1e9),
            ink(cell(each.outcome), _style(each.outcome)),
            cell(each.error_text or each.error_type, 60),
        )
        for each in found.executions
    ]
    return [title, *table(header, rows, ink, "lllrr")]


def _beside(beside: Beside, ink: Ink) -> list[str]:
    suffix = beside.path.suffix
    if suffix == ".stack":
        _, start, last = beside.text.rpartition(_STACK_START)
        if not start:
            return []  # it was never asked
        title, text = "Stack of the blocked loop, most recent call first", last
        return [ink(title, BOLD), *block(_head(text.strip("\n"), _STACK_ROWS), ink)]
    rows = beside.text.splitlines()[-_BESIDE_ROWS:]
    title = f"Left in {'stdout' if suffix == '.out' else 'stderr'}"
    more = f" ({size(beside.size_bytes)}, the end of it)"
    return [ink(title, BOLD) + ink(more, DIM), *block("\n".join(rows), ink)]


def _lines(found: PostMortem, ink: Ink) -> list[str]:
    if not found.lines:
        return [ink("No lines", BOLD)]
    shown, total = len(found.lines), found.line_count
    title = ink(f"Last {counted(shown, 'line')}", BOLD)
    if shown < total:
        title += ink(f" of {total:,}: -n and --all show more", DIM)
    return [title, lines_text(found.lines, pretty_for(ink)).rstrip("\n")]


def _head(text: str, rows: int) -> str:
    every = text.splitlines()
    left = len(every) - rows
    return "\n".join(every if left <= 0 else [*every[:rows], f"... {left} rows more"])


def _style(outcome: str) -> str | None:
    return {str(each): style for each, style in _OUTCOMES.items()}.get(outcome)


def _id(identifier: str, ink: Ink) -> str:
    return ink(escaped(short(identifier)), id_colour(identifier))


def _box_name(name: str, ink: Ink) -> str:
    head, tail = name[: -len(short(name))], short(name)
    if name.startswith(CONTAINER_PREFIX) and len(name) > _ULID_CHARS:
        return ink(escaped(tail), id_colour(name))
    return escaped(head + tail)


def _ago(now_ns: int, then_ns: int) -> str:
    return f"{duration(max(now_ns - then_ns, 0) / 1e9)} ago" if then_ns else ""


def _number(count: int, ink: Ink) -> str:
    return ink(f"{count:,}", ALARM) if count else ""


def json_text(value: object, *, one_row: bool = False) -> str:
    """*value* as JSON for machines: one object, on rows of its own, or on one."""
    indent = None if one_row else 2
    return json.dumps(value, indent=indent, ensure_ascii=True, default=repr) + "\n"
