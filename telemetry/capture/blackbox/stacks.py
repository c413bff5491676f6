"""What a blocked loop is at, told on demand of somebody outside.

Two signals, which only a reader of the box sends, and only while the loop is blocked.
The first one has a handler in Python, which runs as soon as the interpreter can. It
knows the input by its context, and writes that and its stack into a file beside the
box, and into the box. The second one is for when no answer comes, because a C call
holds the interpreter lock: there, `faulthandler` writes the stack, in the signal's own
C handler.

`faulthandler` is not asked first, because it reads the frames as they are when the
signal comes. In the midst of running bytecode they may not be whole, and it crashes:
CPython 3.12.1 did within 30,000 signals. (Source: github.com/python/cpython/issues,
123967 and 116008.) Inside of a C call they are at rest.

Both let the kernel go on with the system calls for which it can (read, write, recv,
locks). Those that it never goes on with (nanosleep, poll, select) end early in C code
that does not look for EINTR; in Python they do not (PEP 475).
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from telemetry.capture import sink
from telemetry.capture.blackbox import current
from telemetry.capture.blackbox.records import BLOCKED, NO_INPUT, encode, identity_head
from telemetry.capture.blackbox.stack_text import ANSWER, NOBODY, START, frame_line
from telemetry.core.errors import InvalidError
from telemetry.core.scope import SCOPE, InputScope

SIGNAL_VARIABLE: Final = "TELEMETRY_STACK_SIGNAL"
"""Number of the second signal; the first is the next number. 0: none is used."""

IGNORED: Final = ("SIGURG", "SIGINFO")
"""For systems without real-time signals: the kernel ignores these where they are not
handled. Source: signal(3) of macOS."""

STACK_SUFFIX: Final = ".stack"

_MAX_FRAMES: Final = 100
"""As many as `faulthandler` shows."""


class StackSignals(NamedTuple):
    """What to send, and to whom: the first line of the file, as JSON.

    Attributes:
        tell: Makes the process say which input is at it, and where.
        dump: Makes it write its stack, when it does not answer to the other one.
        thread: ``threading.get_ident()`` of the thread that both are about.
    """

    pid: int
    dump: int
    tell: int
    thread: int


class StackTeller:
    """Answers the two signals in this process; for its main thread's loop.

    Args:
        box_path: The box; the stacks go to a file beside it.
        busy_ns: For how long the loop has been at what it does now: what comes
            late, when it turns again, is not recorded.
        threshold_ns: From when on a loop counts as blocked.
    """

    def __init__(
        self, box_path: Path, busy_ns: Callable[[], int], threshold_ns: int
    ) -> None:
        self.path: Final = box_path.with_suffix(STACK_SUFFIX)
        self._busy_ns = busy_ns
        self._threshold_ns = threshold_ns
        self._pid = os.getpid()
        self._fd = -1
        self.signals: StackSignals | None = None

    def install(self, environ: Mapping[str, str] = os.environ) -> bool:
        """Answer from now on, unless that is off or no signal is free.

        Only the main thread can, because only it may set signal handlers.

        Raises:
            InvalidError: The variable names no signal.
        """
        if self.signals is not None:
            return True
        numbers = free_signals(environ)
        on_main = threading.current_thread() is threading.main_thread()
        if not numbers or not on_main:
            return False
        dump, tell = numbers
        thread = threading.get_ident()
        found = StackSignals(self._pid, dump, tell, thread)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            faulthandler.register(dump, file=self._fd, all_threads=False)
            # chain=True would end every system call of C code with EINTR.
            signal.signal(tell, self._on_tell)
            signal.siginterrupt(tell, False)  # noqa: FBT003  # takes no keyword
            os.write(self._fd, json.dumps(found._asdict()).encode() + b"\n")
        except (OSError, ValueError) as error:
            sink.failed(error, "stacks")
            return False
        self.signals = found
        return True

    def uninstall(self) -> None:
        """Answer no more, and remove the file. Main thread."""
        found, self.signals = self.signals, None
        if found is None:
            return
        self.path.unlink(missing_ok=True)
        faulthandler.unregister(found.dump)
        if signal.getsignal(found.tell) == self._on_tell:
            signal.signal(found.tell, signal.SIG_DFL)
        os.close(self._fd)

    def _on_tell(self, _number: int, frame: FrameType | None) -> None:
        held_ns = self._busy_ns()
        # A child that was forked has the handler, and neither the loop nor the box.
        if held_ns < self._threshold_ns or os.getpid() != self._pid:
            return
        scope = SCOPE.get()
        try:
            who = NOBODY if scope is None else scope.input_id
            stack = stack_of(frame)
            text = f"{START}\n{stack}\n{ANSWER}{json.dumps(who)}\n"
            os.write(self._fd, text.encode("utf-8", "replace"))
            current.put(scope, blocked_record(scope, held_ns, stack))
        except Exception as error:  # noqa: BLE001  # never into what it interrupts
            sink.failed(error, "stacks")


def blocked_record(scope: InputScope | None, held_ns: int, stack: str) -> bytes:
    """The record of one who holds the loop; see `records.BLOCKED`."""
    head = NO_INPUT if scope is None else identity_head(scope)
    return encode((BLOCKED, head, time.time_ns(), held_ns / 1e9, stack))


def stack_of(frame: FrameType | None) -> str:
    """The stack as `faulthandler` would write it; no file is read for it."""
    rows: list[str] = []
    while frame is not None and len(rows) < _MAX_FRAMES:
        code = frame.f_code
        rows.append(frame_line(code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    return "\n".join(rows)


def free_signals(environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Two signals that nobody uses in this process: to dump, and to tell.

    Raises:
        InvalidError: The variable names no signal.
    """
    wanted = environ.get(SIGNAL_VARIABLE) or ""
    known = {int(number) for number in signal.valid_signals()}
    if wanted:
        if not wanted.isdecimal() or int(wanted) not in known | {0}:
            raise InvalidError(
                f"{SIGNAL_VARIABLE} is {wanted!r}; it must be the number of a signal, "
                f"from 1 to {max(known)}, or 0 for none"
            )
        first = int(wanted)
        pairs = [(first, first + 1)] if first else []
    else:
        pairs = _usual_pairs()
    for dump, tell in pairs:
        if _is_free(dump) and _is_free(tell):
            return dump, tell
    return None


def _usual_pairs() -> list[tuple[int, int]]:
    if hasattr(signal, "SIGRTMIN"):
        start, end = int(signal.SIGRTMIN) + 8, int(signal.SIGRTMAX)
        return [(number, number + 1) for number in range(start, end, 2)]
    harmless = [int(getattr(signal, name)) for name in IGNORED if hasattr(signal, name)]
    return [(harmless[0], harmless[1])] if len(harmless) == len(IGNORED) else []


def _is_free(number: int) -> bool:
    try:
        return signal.getsignal(number) == signal.SIG_DFL
    except ValueError:
        return False
