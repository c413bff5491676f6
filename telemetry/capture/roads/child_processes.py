"""Child programs: whatever goes through ``subprocess.Popen``.

While an input's scope is open, a child gets three variables more: ``TELEMETRY_INPUT``
(see `telemetry.capture.inherited`), ``TRACEPARENT`` and, if there is one,
``TRACESTATE``. A Python child that imports `telemetry` knows its input by that, and
any program that reads the W3C variables hangs its spans under ours. The mapping that
the caller gives as ``env=`` is copied and never changed; an empty one gets them, too.

``subprocess.run`` and the like, ``asyncio.create_subprocess_*`` and ``os.popen`` go
through ``Popen``; uvloop starts children by itself, and is covered beside it. Not
covered: ``os.system``, ``os.spawn*``, ``os.posix_spawn`` and ``os.exec*``, whose
environment is that of the whole process.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from telemetry.capture.inherited import MAX_CHARS, VARIABLE, identity_text
from telemetry.capture.otel_context import outgoing
from telemetry.capture.roads.patching import (
    Function,
    Layer,
    Parameters,
    Patch,
    combined,
)
from telemetry.capture.roads.road import RoadState
from telemetry.capture.sink import failed
from telemetry.core.scope import SCOPE, InputScope
from telemetry.core.trace_context import (
    TRACEPARENT,
    TRACESTATE,
    execution_span,
    traceparent,
)

# Source of the names: OpenTelemetry, "Environment Variables as Context Propagation
# Carriers".
TRACEPARENT_VARIABLE: Final = TRACEPARENT.upper()
TRACESTATE_VARIABLE: Final = TRACESTATE.upper()

_UVLOOP_METHODS: Final = ("subprocess_exec", "subprocess_shell")
_OURSELVES: Final = "telemetry.runtime"
_MAX_STATE_CHARS: Final = 8_192


def environment_for_child(
    scope: InputScope, given: Mapping[Any, Any] | None
) -> dict[Any, Any]:
    """What a child of *scope* gets: *given*, or this process's, and our variables.

    A ``TRACEPARENT`` that differs from our own environment's was put there by the
    caller, and stays.

    Args:
        given: Names and values, as text or as bytes; it is not changed.
    """
    environ: dict[Any, Any] = dict(os.environ if given is None else given)
    for name in (VARIABLE, os.fsencode(VARIABLE)):
        environ.pop(name, None)
    environ[VARIABLE] = identity_text(scope, max_chars=MAX_CHARS)
    if given is None or not _has_trace_of_its_own(given):
        for name in (TRACEPARENT_VARIABLE, TRACESTATE_VARIABLE):
            environ.pop(name, None)
            environ.pop(os.fsencode(name), None)
        # The user's own span where one is open, or else the input's.
        span = outgoing() or execution_span(scope.input_id, scope.attempt, scope.parent)
        environ[TRACEPARENT_VARIABLE] = traceparent(span)
        if _is_header(span.state):
            environ[TRACESTATE_VARIABLE] = span.state
    return environ


def _has_trace_of_its_own(given: Mapping[Any, Any]) -> bool:
    name = TRACEPARENT_VARIABLE
    value = given.get(name, given.get(os.fsencode(name)))
    return value is not None and os.fsdecode(value) != os.environ.get(name)


def _is_header(state: str) -> bool:
    fits = 0 < len(state) <= _MAX_STATE_CHARS
    return fits and state.isascii() and state.isprintable()


def _making(layer: Layer) -> Function:
    original = layer.original
    parameters = Parameters(original)

    @functools.wraps(original)
    def __init__(self: subprocess.Popen[Any], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, N807  # takes the place of that method
        scope = SCOPE.get() if layer.on else None
        if scope is not None and not _is_container():
            given = parameters.value("env", args, kwargs)
            if given is None or isinstance(given, Mapping):
                try:
                    environ = environment_for_child(scope, given)
                except Exception as error:  # noqa: BLE001  # the child is started all the same
                    failed(error, "child")
                else:
                    args, kwargs = parameters.replaced("env", environ, args, kwargs)
        original(self, *args, **kwargs)

    return __init__


def _starting(layer: Layer) -> Function:
    """For the two methods of uvloop's loops, which take ``env`` as a keyword."""
    original = layer.original

    @functools.wraps(original)
    def start(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # takes the place of that method
        scope = SCOPE.get() if layer.on else None
        given = kwargs.get("env")
        if scope is not None and (given is None or isinstance(given, Mapping)):
            try:
                kwargs["env"] = environment_for_child(scope, given)
            except Exception as error:  # noqa: BLE001  # the child is started all the same
                failed(error, "child")
        return original(*args, **kwargs)

    return start


def _is_container() -> bool:
    # Two frames up: who makes the Popen. A container serves many inputs.
    caller = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001  # inspect's costs a hundred times more
    return isinstance(caller, str) and f"{caller}.".startswith(f"{_OURSELVES}.")


class _ChildProcesses:
    """The road of child programs."""

    name: Final = "subprocess"
    covers: Final = (
        "subprocess, asyncio.create_subprocess_*, os.popen: by the environment; "
        "not os.system, os.spawn*, os.posix_spawn"
    )

    def __init__(self) -> None:
        self._patches: tuple[Patch, ...] = (
            Patch(subprocess.Popen, "__init__", _making),
        )

    def install(self) -> None:
        """Watch `subprocess.Popen`, and the loops of uvloop where that is loaded."""
        uvloop = sys.modules.get("uvloop")
        if uvloop is not None and len(self._patches) == 1:
            self._patches += tuple(
                Patch(uvloop.Loop, name, _starting) for name in _UVLOOP_METHODS
            )
        for patch in self._patches:
            patch.install()

    def uninstall(self) -> None:
        """Children that run keep what they were told; new ones are told nothing."""
        for patch in reversed(self._patches):
            patch.uninstall()

    def state(self) -> RoadState:
        """Whether children are started through us."""
        return combined(self._patches)


ROAD: Final = _ChildProcesses()
