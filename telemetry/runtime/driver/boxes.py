"""Reads the black boxes of an app's containers, and passes their lines on.

A container writes no line to anybody: it leaves them in its box, and the driver looks
there. So a line costs the container no system call, and the last ones of a container
that was killed are read like all others. One thread owns all of this.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from telemetry.capture import sink
from telemetry.capture.blackbox.places import SUFFIX, is_written
from telemetry.capture.blackbox.reader import BoxReader, NotABoxError
from telemetry.capture.blackbox.records import LINE_KINDS, line_of
from telemetry.capture.blackbox.stacks import STACK_SUFFIX
from telemetry.capture.line import stamp
from telemetry.capture.plain import plain_text
from telemetry.capture.tailing import leftover, trim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from telemetry.capture.line import Line

BUSY_S: Final = 0.02
"""Seconds between two looks while lines come."""

QUIET_S: Final = 0.1
"""Seconds between two looks when nothing has come for a while."""

_QUIET_LOOKS: Final = 50

_LINES_PER_STEP: Final = 250
LOOK_S: Final = 0.005
"""Seconds of a look that one box may take: a chatty container must keep neither the
others' lines from being shown nor the dispatcher from its work. What it writes beyond
that stays in its box, and gives way there when that is full."""

_LAST_LINES: Final = 20_000
"""Most lines that are shown of a container that is gone."""

_UNREAD_BYTES: Final = 16 << 20
"""What may lie in a container's file of a descriptor that it does not get to read:
twice what it would keep itself, see `telemetry.capture.roads.descriptors`."""

_CHILDREN_EVERY_S: Final = 0.5
"""Children that bodies fork have boxes of their own, which nobody announces."""


class Boxes:
    """The boxes of the containers of one app. Belongs to one thread.

    Args:
        directory: Where containers make their boxes.
        show: Takes each line.
        taking: The boxes are ours: what was shown gives way to what comes, and a box
            is removed with its container. Otherwise they are an agent's, and so is
            what is left of a container: we look on, and change nothing.

    Attributes:
        on_output: Told which container has written to its descriptors, and should
            look at what that is.
    """

    def __init__(
        self, directory: Path, show: Callable[[Line], None], *, taking: bool = True
    ) -> None:
        self._directory = directory
        self._show = show
        self._taking = taking
        self._missed: dict[str, int] = {}
        self.on_output: Callable[[str], object] = _nobody
        self._output_bytes: dict[Path, int] = {}
        self._expected: set[str] = set()
        self._readers: dict[str, BoxReader] = {}
        self._quiet = 0
        self._children_s = 0.0
        self._looked_s = 0.0

    def expect(self, container_id: str) -> None:
        """A container is about to make its box."""
        self._expected.add(container_id)

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the next look; None when there is nothing to look at."""
        if not self._expected and not self._readers:
            return None
        wait_s = BUSY_S if self._quiet < _QUIET_LOOKS else QUIET_S
        return max(self._looked_s + wait_s - now_s, 0.0)

    def look(self) -> None:
        """Pass on what was written since the last look."""
        now_s = self._looked_s = time.monotonic()
        if now_s - self._children_s >= _CHILDREN_EVERY_S:
            self._children_s = now_s
            self._find_children()
        for name in list(self._expected):
            self._open(name)
        self._look_at_outputs()
        lines = sum(self._read_for(name, LOOK_S) for name in list(self._readers))
        self._quiet = 0 if lines else self._quiet + 1

    def ended(self, container_id: str, *, died: bool) -> None:
        """A container is gone: pass on its last lines.

        The box of one that died is kept, for ``telemetry blackbox``.
        """
        self._open(container_id)
        self._expected.discard(container_id)
        self._find_children()
        for name in [n for n in self._readers if n.partition(".")[0] == container_id]:
            self._read_out(name)
            path = self._readers[name].path
            # A child of a body may outlive the container, and is read to its end.
            if name != container_id and _lives(path):
                continue
            if name == container_id:
                self._pass_on_output(name)
            self._readers.pop(name).close()
            self._missed.pop(name, None)
            if self._taking and not died:
                path.unlink(missing_ok=True)
                path.with_suffix(STACK_SUFFIX).unlink(missing_ok=True)

    def close(self) -> None:
        """Pass on what is left, and let go."""
        for name in list(self._expected):
            self._open(name)
        for name, reader in list(self._readers.items()):
            self._read_out(name)
            reader.close()
        self._readers.clear()

    def _look_at_outputs(self) -> None:
        # The container itself has no thread that looks from time to time: that
        # would take from its loop, while here it costs two calls for each look.
        for name in self._readers:
            grown = False
            for path in self._outputs(name):
                size = _size_bytes(path)
                if size > self._output_bytes.get(path, 0):
                    grown = True
                    if size > _UNREAD_BYTES:
                        _trim(path)
                self._output_bytes[path] = size
            if grown:
                self.on_output(name)

    def _pass_on_output(self, name: str) -> None:
        """What a container has not got to record: its last words, if it died."""
        running = tuple(each.input_id for each in self._readers[name].slots())
        for path in self._outputs(name):
            self._output_bytes.pop(path, None)
            try:
                texts = leftover(path)
            except OSError:
                continue  # it had no such file
            if self._taking:
                path.unlink(missing_ok=True)
            if texts:
                self._show(
                    stamp(
                        "warning" if path.suffix == ".err" else "info",
                        plain_text("\n".join(texts)),
                        stream="stderr" if path.suffix == ".err" else "stdout",
                        candidates=running,
                        container_id=name,
                        thread="",
                    )
                )

    def _outputs(self, name: str) -> tuple[Path, Path]:
        return self._directory / f"{name}.out", self._directory / f"{name}.err"

    def _open(self, name: str) -> None:
        if name in self._readers:
            return
        path = self._directory / f"{name}{SUFFIX}"
        try:
            self._readers[name] = BoxReader(path, taking=self._taking)
        except (FileNotFoundError, NotABoxError):
            return  # not made yet, or not all of it
        except OSError as error:
            sink.failed(error, "box")
        self._expected.discard(name)

    def _find_children(self) -> None:
        parents = {name.partition(".")[0] for name in self._readers}
        for path in self._directory.glob(f"*.*{SUFFIX}"):
            name = path.name.removesuffix(SUFFIX)
            parent, _, child = name.partition(".")
            if child and parent in parents and name not in self._readers:
                self._open(name)

    def _read_for(self, name: str, seconds: float) -> int:
        until_s = time.monotonic() + seconds
        lines = 0
        while found := self._read(name):
            lines += found
            if found < _LINES_PER_STEP or time.monotonic() >= until_s:
                break
        return lines

    def _read_out(self, name: str) -> None:
        """Pass on what is left of a box, as far as anybody would read it."""
        for _ in range(_LAST_LINES // _LINES_PER_STEP):
            if not self._read(name):
                return
        self._say_missed(name, self._readers[name].skip())

    def _read(self, name: str) -> int:
        reader = self._readers[name]
        records = reader.poll(_LINES_PER_STEP)
        for record in records:
            if record[0] in LINE_KINDS:
                try:
                    line = line_of(record)
                except (LookupError, TypeError, ValueError) as error:
                    sink.failed(error, "box")
                else:
                    self._show(msgspec.structs.replace(line, shown=False))
        if not self._taking:
            missed = reader.missed()
            self._say_missed(name, missed - self._missed.get(name, 0))
            self._missed[name] = missed
        elif records:
            reader.taken()
        return len(records)

    def _say_missed(self, name: str, lines: int) -> None:
        if lines > 0:
            self._show(
                stamp(
                    "warning",
                    "lines were not shown: there were too many",
                    {"lines": lines, "container_id": name},
                    logger=__name__,
                )
            )


def _nobody(_container_id: str) -> None:
    """Who is told of output until somebody wants to be."""


def _trim(path: Path) -> None:
    # The container drops what is too much as it reads; this is for one that does not
    # get to read, as C code holds its interpreter lock and writes.
    try:
        trim(path, _UNREAD_BYTES)
    except OSError as error:
        sink.failed(error, "output")


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _lives(path: Path) -> bool:
    try:
        return is_written(path)
    except OSError:
        return False
