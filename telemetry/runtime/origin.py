"""Where a call was made: the input whose body made it, and the trace it belongs to."""

from __future__ import annotations

from typing import Final, NamedTuple

from telemetry.capture.otel_context import outgoing
from telemetry.core.scope import current_input_id
from telemetry.core.trace_context import packed


class Origin(NamedTuple):
    """What an input inherits from where it was called.

    Attributes:
        input_id: The input whose body made the call, if one did.
        trace: The span that it hangs under, packed: see `trace_context.packed`; None
            when it begins a trace.
    """

    input_id: str | None
    trace: str | None


NOWHERE: Final = Origin(None, None)


def here() -> Origin:
    """The origin of a call that is made here and now."""
    span = outgoing()
    return Origin(current_input_id(), None if span is None else packed(span))
