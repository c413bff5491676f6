"""How many messages a large body would become, counted before any of them is made.

Two bytes are enough for an empty message, which takes a hundred in memory: a body of
64 MiB can be three gigabytes of objects. So a large one is walked over first, field by
field, and left as soon as it holds too many.
"""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.otlp.wire import BYTES, fields
from telemetry.pipeline.outbox import Signal

_Way = tuple[frozenset[int], ...]

_ITEMS: Final = (frozenset({1}), frozenset({2}), frozenset({2}))
"""Resources, scopes, and records, spans or metrics: the fields that lead down."""
_KINDS: Final = frozenset({5, 7, 9, 10, 11})
"""The fields of ``Metric`` that hold data points, which are field 1 of each."""
_WAYS: Final[dict[Signal, _Way]] = {
    "logs": _ITEMS,
    "spans": _ITEMS,
    "metrics": (*_ITEMS, _KINDS, frozenset({1})),
}


def messages_in(signal: Signal, body: bytes, most: int) -> int:
    """Messages down to the items, those around them included.

    Returns:
        Their number; more than *most* as soon as there are more than that.

    Raises:
        MalformedError: The fields do not add up.
    """
    return _walk(body, 0, len(body), _WAYS[signal], most)


def _walk(body: bytes, start: int, end: int, way: _Way, most: int) -> int:
    if not way:
        return 0
    count = 0
    for number, kind, value, behind in fields(body, start, end):
        if kind == BYTES and number in way[0]:
            count += 1 + _walk(body, value, behind, way[1:], most - count)
            if count > most:
                break
    return count
