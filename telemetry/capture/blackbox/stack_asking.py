"""Asks a process from outside what its blocked loop is at; see `stacks`."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Final

from telemetry.capture.blackbox.places import is_written
from telemetry.capture.blackbox.stack_text import Dump, parse_dump
from telemetry.capture.blackbox.stacks import IGNORED, STACK_SUFFIX, StackSignals

_MAX_READ_BYTES: Final = 1024 * 1024


class StackAsker:
    """Sends the two signals to one process, and reads its answers.

    Args:
        box_path: Of the process, which lives. Its number is held from now on where
            the system can do that, so that no other process ever gets its signals.
    """

    def __init__(self, box_path: Path, pid: int) -> None:
        self._box_path = box_path
        self._path = box_path.with_suffix(STACK_SUFFIX)
        self._pid = pid
        self._pidfd = _held(pid)
        self._fd = -1
        self._signals: StackSignals | None = None
        self._start = 0

    @property
    def thread(self) -> int | None:
        """Ident of the loop's thread; None while the process has not said it."""
        self._open()
        return None if self._signals is None else self._signals.thread

    def ask(self) -> bool:
        """Ask who is at it, and where; False when the process cannot answer."""
        self._open()
        found = self._signals
        if found is None or not self._handles(found.tell):
            return False
        self._forget_answers()
        return self._send(found.tell)

    def insist(self) -> bool:
        """Ask for the stack, since no answer has come; False when that cannot be.

        For a process that is inside of a C call: see `stacks`. One that has not even
        taken the first signal has not been running, and will answer when it does.
        """
        found = self._signals
        if found is None or not self._handles(found.dump) or self._waits(found.tell):
            return False
        return self._send(found.dump)

    def answer(self) -> tuple[Dump, str] | None:
        """What it has said so far since it was asked, also as text; None: nothing."""
        if self._fd < 0:
            return None
        data = os.pread(self._fd, _MAX_READ_BYTES, self._start)
        if not data:
            return None
        text = data.decode("utf-8", "replace")
        return parse_dump(text), text

    def close(self, *, remove: bool = False) -> None:
        """Let go of the process; of one that is gone, remove what it left."""
        if remove:
            self._path.unlink(missing_ok=True)
        for fd in (self._fd, self._pidfd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._pidfd = -1
        self._signals = None

    def _open(self) -> None:
        if self._signals is not None:
            return
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return  # it answers to no signal
        first, newline, _ = os.pread(fd, 512, 0).partition(b"\n")
        try:
            found = StackSignals(**json.loads(first))
        except (ValueError, TypeError):
            found = None
        if not newline or found is None or found.pid != self._pid:
            os.close(fd)
            return
        self._fd, self._signals = fd, found
        self._start = len(first) + 1

    def _forget_answers(self) -> None:
        # The process adds to the file, wherever its end is; so it stays small.
        os.ftruncate(self._fd, self._start)

    def _handles(self, number: int) -> bool:
        """Whether the process will survive that signal.

        A body may have taken the handler away, or be another program by now; then
        the signal would end it.
        """
        caught = self._mask("SigCgt")
        if caught is None:
            return number in {getattr(signal, name, 0) for name in IGNORED}
        return bool(caught >> (number - 1) & 1)

    def _waits(self, number: int) -> bool:
        """Whether that signal was sent, and has not been taken yet."""
        waiting = (self._mask("ShdPnd") or 0) | (self._mask("SigPnd") or 0)
        return bool(waiting >> (number - 1) & 1)

    def _mask(self, name: str) -> int | None:
        """A set of signals of the process; None where the system does not tell."""
        try:
            status = Path(f"/proc/{self._pid}/status").read_text("utf-8")
            return int(status.partition(f"{name}:")[2].split(None, 1)[0], 16)
        except (OSError, IndexError, ValueError):
            return None

    def _send(self, number: int) -> bool:
        # Race: 1. the process ends; 2. its parent reaps it; 3. another one gets its
        # number; 4. we send. A held number stays its own; else the lock on its box
        # tells that it lives, which leaves microseconds.
        try:
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)
            elif is_written(self._box_path):
                os.kill(self._pid, number)
            else:
                return False
        except OSError:
            return False
        return True


def _held(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
