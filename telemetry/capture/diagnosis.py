"""What the toolkit does in this process, and what is wrong; for a person to read.

    from telemetry.capture.diagnosis import report
    report().problems

Nothing here fails because something else does: a road or a folder that cannot be
looked at is reported as such.
"""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from telemetry.capture import settings, sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.listing import ALIVE, BoxSummary, summaries
from telemetry.capture.blackbox.places import base_directory, private_directory
from telemetry.capture.known_variables import OURS, Variable, variables
from telemetry.capture.plain import type_name
from telemetry.capture.roads import registry
from telemetry.capture.roads.road import Road
from telemetry.core.errors import InvalidError

PACKAGES: Final = (
    "structlog",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp",
    "uvloop",
    "tqdm",
    "rich",
    "ray",
    "modal",
)
"""Packages that make a difference to us, by their names on the index."""

_DISTRIBUTION: Final = "input-telemetry"


class Problem(NamedTuple):
    """Something that is wrong, and what to do."""

    what: str
    remedy: str


class RoadReport(NamedTuple):
    """A road as it was found.

    Attributes:
        wanted: The settings in force ask for it.
        failure: Why it cannot be looked at or watched, or "".
    """

    name: str
    on: bool
    wanted: bool
    covers: str = ""
    note: str = ""
    failure: str = ""


class Folder(NamedTuple):
    """The folder of everything that is ours.

    Attributes:
        made: It is there.
        failure: Why it cannot be used, or "".
    """

    path: Path
    made: bool
    mode: str = ""
    failure: str = ""


class BoxCounts(NamedTuple):
    """The boxes in the folder; ``dropped`` by reason, over all of them."""

    living: int
    dead: int
    unreadable: int
    size_bytes: int
    dropped: dict[str, int]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The report.

    Attributes:
        problems: What is wrong, the worst first; empty when nothing is.
        packages: Versions by name; None where it is not installed.
        box: Path of the black box of this process; None when it has none.
        lost: Lines that this process has lost, by reason.
        configured: The settings come from ``configure()`` with no arguments, called
            only for this report.
    """

    version: str
    python: str
    platform: str
    problems: list[Problem]
    folder: Folder
    roads: list[RoadReport]
    packages: dict[str, str | None]
    variables: list[Variable]
    boxes: BoxCounts
    box: Path | None
    lost: dict[str, int]
    configured: bool

    def data(self) -> dict[str, Any]:
        """The report as plain values; paths are texts."""
        plain = asdict(self)
        for name in ("problems", "roads", "variables"):
            plain[name] = [each._asdict() for each in getattr(self, name)]
        plain["folder"] = {**self.folder._asdict(), "path": str(self.folder.path)}
        plain["boxes"] = self.boxes._asdict()
        plain["box"] = None if self.box is None else str(self.box)
        return plain


def report(environ: Mapping[str, str] = os.environ) -> Diagnosis:
    """What is so in this process, as it is now; nothing is changed."""
    return _report(environ, [], configured=False)


def fresh_report(environ: Mapping[str, str] = os.environ) -> Diagnosis:
    """What ``telemetry.configure()`` does in a program with this environment.

    It is called here, and undone: for a process that does nothing else. The box that
    it opens is removed.
    """
    problems: list[Problem] = []
    try:
        settings.apply(settings.resolve(environ))
    except InvalidError as error:
        problems.append(Problem(str(error), "correct it; configure() raises this"))
    try:
        return _report(environ, problems, configured=not problems)
    finally:
        registry.choose(())
        box = current.current_box()
        if box is not None:
            current.close_box()
            box.path.unlink(missing_ok=True)


def own_version() -> str:
    """Of the toolkit; ``0+unknown`` when it runs from a source tree."""
    return _version(_DISTRIBUTION) or "0+unknown"


def _report(
    environ: Mapping[str, str], problems: list[Problem], *, configured: bool
) -> Diagnosis:
    box = current.current_box()
    # What is in force is somebody else's where this environment could not be applied.
    known = configured or not problems
    folder = _folder(environ, settings.in_force().directory if known else None)
    own = None if box is None else box.path
    boxes = _counts([each for each in _boxes(folder) if each.path != own])
    roads = [_road(name) for name in registry.MODULES]
    found = variables(environ)
    lost = {reason: count for reason, count in sink.dropped().items() if count}
    problems = [
        *problems,
        *_of_folder(folder),
        *_of_roads(roads),
        *_of_variables(found),
        *_of_losses(boxes, lost),
    ]
    return Diagnosis(
        version=own_version(),
        python=f"{platform.python_version()} ({platform.python_implementation()})",
        platform=platform.platform(),
        problems=problems,
        folder=folder,
        roads=roads,
        packages={name: _version(name) for name in PACKAGES},
        variables=found,
        boxes=boxes,
        box=own,
        lost=lost,
        configured=configured,
    )


def _road(name: str) -> RoadReport:
    wanted = name in settings.in_force().capture
    try:
        # One by one, and not by `registry.states`: one that fails hides no other.
        module = import_module(f"telemetry.capture.roads.{registry.MODULES[name]}")
        road = cast("Road", module.ROAD)
        on, note = road.state()
        return RoadReport(name, on, wanted, road.covers, note)
    except Exception as error:  # noqa: BLE001  # of one road; the others are reported
        return RoadReport(
            name, on=False, wanted=wanted, failure=f"{type_name(error)}: {error}"
        )


def _folder(environ: Mapping[str, str], given: str | None) -> Folder:
    path = base_directory(given or environ.get(settings.DIRECTORY_VARIABLE) or None)
    try:
        mode = f"{stat.S_IMODE(path.lstat().st_mode):o}"
    except FileNotFoundError:
        return Folder(path, made=False)
    except OSError as error:
        return Folder(path, made=False, failure=error.strerror or type_name(error))
    try:
        private_directory(path)  # it is there: nothing is made
    except (InvalidError, OSError) as error:
        return Folder(path, made=True, mode=mode, failure=str(error))
    if not os.access(path, os.W_OK | os.X_OK):
        return Folder(path, made=True, mode=mode, failure="it cannot be written to")
    return Folder(path, made=True, mode=mode)


def _boxes(folder: Folder) -> list[BoxSummary]:
    try:
        return summaries(folder.path)
    except OSError:
        return []


def _counts(boxes: list[BoxSummary]) -> BoxCounts:
    dropped: dict[str, int] = {}
    for box in boxes:
        for reason, count in box.dropped.items():
            if count:
                dropped[reason] = dropped.get(reason, 0) + count
    living = sum(box.state == ALIVE for box in boxes)
    unreadable = sum(not box.state for box in boxes)
    size_bytes = sum(box.size_bytes for box in boxes)
    dead = len(boxes) - living - unreadable
    return BoxCounts(living, dead, unreadable, size_bytes, dropped)


def _of_folder(folder: Folder) -> list[Problem]:
    if not folder.failure:
        return []
    remedy = (
        f"chmod 700 {folder.path}, or name another folder with "
        f"{settings.DIRECTORY_VARIABLE}"
    )
    return [Problem(f"no black box can be written: {folder.failure}", remedy)]


def _of_roads(roads: list[RoadReport]) -> list[Problem]:
    found: list[Problem] = []
    watched = any(road.on for road in roads)  # else nobody has called configure()
    for road in roads:
        if road.failure:
            what = f"the road '{road.name}' fails: {road.failure}"
            remedy = f"leave it out of {settings.CAPTURE_VARIABLE}, and report this"
            found.append(Problem(what, remedy))
        elif watched and road.wanted and not road.on:
            what = f"the road '{road.name}' is wanted, and is off"
            remedy = (
                road.note or "see what was reported on stderr when it was installed"
            )
            found.append(Problem(what, remedy))
    return found


def _of_variables(found: list[Variable]) -> list[Problem]:
    problems: list[Problem] = []
    for each in found:
        if not each.known:
            remedy = f"known are: {', '.join(OURS)}"
            if each.nearest:
                remedy = f"did you mean {each.nearest}?"
            problems.append(Problem(f"nothing reads {each.name}", remedy))
    return problems


def _of_losses(boxes: BoxCounts, lost: dict[str, int]) -> list[Problem]:
    found: list[Problem] = []
    if lost:
        what = f"this process has lost {_reasons(lost)}"
        found.append(Problem(what, "the first one was reported on stderr"))
    if boxes.dropped:
        what = f"processes have dropped {_reasons(boxes.dropped)}"
        remedy = (
            "'telemetry blackbox' says which; evicted: raise TELEMETRY_BUDGET_BYTES"
        )
        found.append(Problem(what, remedy))
    return found


def _reasons(counts: Mapping[str, int]) -> str:
    each = [f"{count:,} ({reason})" for reason, count in counts.items()]
    return f"lines: {', '.join(each)}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
