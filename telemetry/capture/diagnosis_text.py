"""The doctor's report, for people: what is wrong first."""

from __future__ import annotations

from textwrap import wrap
from typing import Final

from telemetry.capture.diagnosis import Diagnosis, RoadReport
from telemetry.capture.terminal import escaped, padded
from telemetry.capture.wording import (
    BAD,
    BOLD,
    DIM,
    GOOD,
    Ink,
    counted,
    pairs,
    size,
)

_COVERS_COLUMNS: Final = 72
_STATE_COLUMNS: Final = 3


def diagnosis_text(found: Diagnosis, ink: Ink) -> str:
    """The whole report."""
    parts = [
        _problems(found, ink),
        _where(found, ink),
        _roads(found, ink),
        _variables(found, ink),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _problems(found: Diagnosis, ink: Ink) -> list[str]:
    if not found.problems:
        return [ink("Nothing is wrong", GOOD)]
    rows = [ink(counted(len(found.problems), "problem"), BAD)]
    for problem in found.problems:
        rows.append(f"  {ink('!', BAD)} {escaped(problem.what)}")
        rows.append(f"    {ink(escaped(problem.remedy), DIM)}")
    return rows


def _where(found: Diagnosis, ink: Ink) -> list[str]:
    installed = [
        f"{name} {number}" for name, number in found.packages.items() if number
    ]
    absent = [name for name, number in found.packages.items() if not number]
    folder = found.folder
    made = f"private, mode {folder.mode}" if folder.made else "not made yet"
    return [
        ink("Here", BOLD),
        *pairs(
            [
                ("telemetry", escaped(found.version)),
                ("Python", found.python),
                ("platform", found.platform),
                ("packages", ", ".join(installed[:3])),
                ("", ", ".join(installed[3:])),
                ("without", ", ".join(absent)),
                ("folder", f"{escaped(str(folder.path))} ({folder.failure or made})"),
                ("boxes", _boxes(found)),
                ("own box", "" if found.configured else escaped(str(found.box or ""))),
            ],
            ink,
        ),
    ]


def _boxes(found: Diagnosis) -> str:
    boxes = found.boxes
    said = f"{boxes.living} of living processes, {boxes.dead} of dead ones"
    if boxes.unreadable:
        said += f", {boxes.unreadable} unreadable"
    total = sum(boxes.dropped.values())
    dropped = f", {counted(total, 'record')} dropped" if total else ""
    return f"{said}; {size(boxes.size_bytes)}{dropped}"


def _roads(found: Diagnosis, ink: Ink) -> list[str]:
    title = "Roads" + (" after telemetry.configure()" if found.configured else " now")
    width = max((len(road.name) for road in found.roads), default=0)
    shown = [ink(title, BOLD)]
    for road in found.roads:
        covers = escaped(road.failure or road.covers)
        first, *more = wrap(covers, _COVERS_COLUMNS) or [""]
        name = f"{_state(road, ink)}  {padded(road.name, width)}"
        shown.append(f"  {name}  {first}")
        indent = " " * (2 + _STATE_COLUMNS + 2 + width + 2)
        shown += [indent + row for row in more]
        shown += [indent + ink(row, DIM) for row in _note(road)]
    return shown


def _note(road: RoadReport) -> list[str]:
    return wrap(f"({escaped(road.note)})", _COVERS_COLUMNS) if road.note else []


def _state(road: RoadReport, ink: Ink) -> str:
    if road.failure:
        return ink("bad", BAD)
    if road.on:
        return ink("on ", GOOD)
    return ink("off", BAD if road.wanted else DIM)


def _variables(found: Diagnosis, ink: Ink) -> list[str]:
    rows = [
        (each.name, escaped(each.value) or ink("(empty: as good as not set)", DIM))
        for each in found.variables
    ]
    if not rows:
        return [ink("No variable of the environment is set that is read here", BOLD)]
    return [ink("Environment", BOLD), *pairs(rows, ink)]
