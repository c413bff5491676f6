"""How `InputCancellation` is raised inside a sync body, and nowhere else."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

from telemetry.core.errors import InputCancellation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

MAIN_THREAD_SIGNAL: Final = signal.SIGUSR1
"""Interrupts a body on the main thread, blocking calls included (as Modal does)."""

_set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
_set_async_exc.argtypes = (ctypes.c_ulong, ctypes.py_object)
_NULL: Final = ctypes.py_object()


class Interrupt(Protocol):
    """Raises in one thread. `send` and `clear` are called under the worker's lock.

    Attributes:
        raised_ns: When it was raised, ``time.monotonic_ns()``; 0 if it has not been
            since this was last set to 0.
    """

    raised_ns: int

    def send(self) -> None:
        """Raise `InputCancellation` in the thread, as soon as it runs Python code."""
        ...

    def clear(self) -> None:
        """Take back what was sent and has not been raised yet."""
        ...


class ThreadInterrupt:
    """For any thread: an asynchronous exception.

    Raised between two bytecodes; a blocking C call ends first. Source: CPython C
    API, ``PyThreadState_SetAsyncExc``.
    """

    def __init__(self) -> None:
        self._ident = threading.get_ident()
        self.raised_ns = 0

        class Raised(InputCancellation):
            """Notes that it was raised: the interpreter makes it only then."""

            def __init__(marked, *args: object) -> None:  # noqa: N805 - self is the maker
                super().__init__(*args)
                self.raised_ns = time.monotonic_ns()

            def __reduce__(marked) -> tuple[type[InputCancellation], tuple[()]]:  # noqa: N805 - as above
                return InputCancellation, ()

        Raised.__name__ = Raised.__qualname__ = InputCancellation.__name__
        Raised.__module__ = InputCancellation.__module__
        self._kind = Raised

    def send(self) -> None:
        """Raise in the thread that made this object."""
        _set_async_exc(self._ident, self._kind)

    def clear(self) -> None:
        """Take back what is pending."""
        _set_async_exc(self._ident, _NULL)


class SignalInterrupt:
    """For the main thread: a signal, so that ``time.sleep`` and reads end too.

    Args:
        wanted: Asked in the main thread when the signal has arrived: raise now?
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted = wanted
        self.raised_ns = 0
        signal.signal(MAIN_THREAD_SIGNAL, self._on_signal)

    def send(self) -> None:
        """Signal the main thread."""
        signal.pthread_kill(threading.main_thread().ident or 0, MAIN_THREAD_SIGNAL)

    def clear(self) -> None:
        """Nothing to take back: the handler asks before it raises."""

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if not self.raised_ns and self._wanted():
            self.raised_ns = time.monotonic_ns()
            raise InputCancellation
