"""The black boxes of a folder at a glance: their heads alone are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from telemetry.capture.blackbox.box_head import SlotState
from telemetry.capture.blackbox.layout import Pulse
from telemetry.capture.blackbox.places import SUFFIX, is_written
from telemetry.capture.blackbox.reader import BoxReader, NotABoxError

_T = TypeVar("_T")

ALIVE: Final = "alive"
ENDED: Final = "ended"
"""In good order: its process said goodbye."""
DIED: Final = "died"
"""Without a goodbye: killed, crashed, or the machine went."""

_BYTES_PER_BLOCK: Final = 512
"""Source: ``st_blocks`` of stat(2) counts these, whatever the disk's own are."""


class BoxSummary(NamedTuple):
    """One box, as its head tells.

    Attributes:
        state: `ALIVE`, `ENDED` or `DIED`; "" where it cannot be read.
        identity: See `telemetry.capture.blackbox.current`; empty when unreadable.
        size_bytes: What it takes on the disk.
        problem: Why it cannot be read, or "".
    """

    path: Path
    state: str
    identity: dict[str, Any]
    pulse: Pulse
    slots: list[SlotState]
    dropped: dict[str, int]
    size_bytes: int
    problem: str = ""

    @property
    def name(self) -> str:
        """Of the file, without its suffix."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def started_unix_ns(self) -> int:
        """When its process began to write; 0 where that is not known."""
        return whole_number(self.identity.get("started_unix_ns"))

    @property
    def what(self) -> str:
        """The function, or else the service, or else the command."""
        for key in ("function", "service_name", "command"):
            found = self.identity.get(key)
            if isinstance(found, str) and found and found != _NO_SERVICE:
                return found
        return ""


_NO_SERVICE: Final = "unknown_service"
_NO_PULSE: Final = Pulse(0, 0, 0, 0)


def box_paths(directory: Path) -> list[Path]:
    """The boxes in *directory* and in the folders right below it."""
    return sorted({*directory.glob(f"*{SUFFIX}"), *directory.glob(f"*/*{SUFFIX}")})


def summaries(directory: Path) -> list[BoxSummary]:
    """All boxes of `box_paths`, the newest first."""
    found = [each for path in box_paths(directory) if (each := summary(path))]
    return sorted(found, key=lambda each: each.started_unix_ns, reverse=True)


def summary(path: Path) -> BoxSummary | None:
    """One box; None where it is gone by now."""
    try:
        size_bytes = path.stat().st_blocks * _BYTES_PER_BLOCK
        lives = is_written(path)
        with BoxReader(path) as reader:
            return summary_of(reader, lives=lives)
    except FileNotFoundError:
        return None
    except (NotABoxError, OSError, ValueError, OverflowError) as error:
        size_bytes = 0
        problem = str(error).removeprefix(f"{path} ")
        return BoxSummary(path, "", {}, _NO_PULSE, [], {}, size_bytes, problem)


def summary_of(reader: BoxReader, *, lives: bool) -> BoxSummary:
    """The head of an open box; never raises, whatever stands in it.

    Args:
        lives: As `is_written` said before the box was opened. Asked later, a writer
            that says goodbye in between would look as if it had been killed.
    """
    pulse = sound(reader.pulse, _NO_PULSE)
    state = ALIVE if lives else ENDED if pulse.ended_unix_ns else DIED
    try:
        size_bytes = reader.path.stat().st_blocks * _BYTES_PER_BLOCK
    except OSError:
        size_bytes = 0
    unknown: dict[str, Any] = {}
    identity = sound(lambda: dict(reader.identity()), unknown)
    return BoxSummary(
        reader.path,
        state,
        identity,
        pulse,
        sound(reader.slots, []),
        sound(reader.dropped, {}),
        size_bytes,
    )


def sound(read: Callable[[], _T], default: _T) -> _T:
    """What *read* gives; *default* where a damaged file does not let it."""
    try:
        return read()
    except Exception:  # noqa: BLE001  # a file may hold anything
        return default


def whole_number(value: object) -> int:
    """*value* if it is a positive int that a clock may have given, else 0."""
    return value if type(value) is int and 0 < value < _END_NS else 0


_END_NS: Final = 1 << 63


def matching(paths: Iterable[Path], wanted: str) -> list[Path]:
    """The boxes that *wanted* may mean: by name, its beginning or its end.

    A short id is the end of a long one. An exact name excludes all others.
    """
    names = {path: path.name.removesuffix(SUFFIX) for path in paths}
    asked = wanted.removesuffix(SUFFIX).casefold()
    exact = [path for path, name in names.items() if name.casefold() == asked]
    if exact:
        return exact
    return [
        path
        for path, name in names.items()
        if name.casefold().startswith(asked) or name.casefold().endswith(asked)
    ]
