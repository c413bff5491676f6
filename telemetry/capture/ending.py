"""The end of what was written: ``telemetry.flush`` and ``telemetry.shutdown``.

Both have one deadline for all there is to do, and never raise for what goes wrong
in it: what is left is what they answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from telemetry.capture import sink
from telemetry.capture.roads import registry
from telemetry.core.errors import InvalidError

MAX_TIMEOUT_S: Final = 3_600.0

Step = Callable[[float], bool]
"""Gets the seconds that are left, and answers whether nothing is left to do."""

_FLUSHES: Final[dict[str, Step]] = {}
_CLOSES: Final[dict[str, Step]] = {}


def on_flush(name: str, step: Step) -> None:
    """Let *step* pass on what it holds, at each flush and before each shutdown.

    Args:
        name: A step of the same name before is replaced.
    """
    _FLUSHES[name] = step


def on_shutdown(name: str, step: Step) -> None:
    """Let *step* end something, once, at the next shutdown; *name* as above."""
    _CLOSES[name] = step


def flush(timeout: float = 5) -> bool:
    """Wait until what was written so far has been passed on.

    Args:
        timeout: Seconds, from 0 to 3,600, for all of it.

    Returns:
        False when something is left.

    Raises:
        InvalidError: *timeout* is not such a number.
    """
    return _flushed(_deadline(timeout))


def shutdown(timeout: float = 5) -> bool:
    """Flush, and leave the program as it was before `configure`; safe to repeat.

    Lines that are logged afterwards are shown as before, and nothing else.

    Args:
        timeout: Seconds, from 0 to 3,600, for all of it.

    Returns:
        False when something is left.

    Raises:
        InvalidError: *timeout* is not such a number.
    """
    end = _deadline(timeout)
    registry.choose(())
    done = _flushed(end)
    while _CLOSES:
        # Race: 1. two threads shut down; 2. both see a step. Only one gets it.
        try:
            _name, step = _CLOSES.popitem()
        except KeyError:
            break
        done &= _ran(step, end)
    return done


def _flushed(end: float) -> bool:
    done = True
    for step in list(_FLUSHES.values()):
        done &= _ran(step, end)
    console = sink.current_console()
    return (console is None or _ran(console.flush, end)) and done


def _ran(step: Step, end: float) -> bool:
    try:
        return step(max(end - time.monotonic(), 0.0))
    except Exception as error:  # noqa: BLE001  # the program that ends is not harmed
        sink.failed(error, "flush")
        return False


def _deadline(timeout: object) -> float:
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or math.isnan(timeout)
        or not 0 <= timeout <= MAX_TIMEOUT_S
    ):
        raise InvalidError(
            f"timeout is {timeout!r}; it must be a number of seconds from 0 to "
            f"{MAX_TIMEOUT_S:.0f}"
        )
    return time.monotonic() + timeout
