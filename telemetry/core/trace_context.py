"""W3C trace context as data, and the ids of an input's spans.

The ids of the spans that the runtime makes are derived from the input's id, and
not drawn: so the driver, the container and whoever reads the black box of a dead
one name the same span alike, and nothing has to be sent along.
"""

from __future__ import annotations

from typing import NamedTuple


class TraceParent(NamedTuple):
    """The span under which an input hangs.

    Attributes:
        trace_id: 128 bits, not 0.
        span_id: 64 bits, not 0.
        sampled: Whether the caller keeps this trace.
        state: The ``tracestate`` header, verbatim.
    """

    trace_id: int
    span_id: int
    sampled: bool = True
    state: str = ""
