"""What every road is: a way by which a line can be written, and how it is watched."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class RoadState(NamedTuple):
    """Whether a road is watched.

    Attributes:
        on: Lines that come this way know their input.
        note: What else there is to say, such as who has put what on top; or "".
    """

    on: bool
    note: str = ""


class Road(Protocol):
    """One way to write a line, or to carry the input's context along."""

    @property
    def name(self) -> str:
        """What ``configure(capture=...)`` calls it."""
        ...

    @property
    def covers(self) -> str:
        """What it is about, in a few words, for ``telemetry doctor``."""
        ...

    def install(self) -> None:
        """Watch this road from now on; nothing when it is watched already."""
        ...

    def uninstall(self) -> None:
        """Leave the program as it was; what others put on top since then stays."""
        ...

    def state(self) -> RoadState:
        """Whether it is watched now, as found and not as remembered."""
        ...
