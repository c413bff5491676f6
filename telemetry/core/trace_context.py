"""W3C trace context as data, and the ids of an input's spans.

The ids of the spans that the runtime makes are derived from the input's id, and
not drawn: so the driver, the container and whoever reads the black box of a dead
one name the same span alike, and nothing has to be sent along.

Source of the formats: W3C Trace Context Level 2 (www.w3.org/TR/trace-context-2) and
W3C Baggage (www.w3.org/TR/baggage).
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from telemetry.core.ids import INPUT_PREFIX

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
BAGGAGE: Final = "baggage"
"""Names of the headers. In an environment they are written in capitals."""

EXECUTION: Final = 0
"""Kind of a derived span: one execution of an input. See `derived_span_id`."""
QUEUE: Final = 1
"""Kind of a derived span: the wait of an input from enqueue to dispatch."""
CLIENT: Final = 2
"""Kind of a derived span: the call, at the caller."""

_KINDS: Final = 4
_OF_TRACE: Final = -1
"""Number of the output that is in the id of the trace: spans count from 0."""

_PARENT: Final = re.compile(
    "([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL
)
_INVALID_VERSION: Final = "ff"
_SAMPLED: Final = 0x01
_RANDOM: Final = 0x02
# Source: W3C Baggage, limits; of a tracestate at least 512 characters are carried.
_HEADER_CHARS: Final = 8_192
_SEPARATOR: Final = "\n"  # in no header

_MASK_64: Final = (1 << 64) - 1
_TRACE_ID_END: Final = 1 << 128
_GOLDEN: Final = 0x9E3779B97F4A7C15
_HASH_BYTES: Final = 16

_ULID_CHARS: Final = 26
_OWN_ID_CHARS: Final = len(INPUT_PREFIX) + _ULID_CHARS
# Crockford's alphabet as the digits of int(text, 32); anything else is no digit.
_DIGITS: Final = bytearray(b"!" * 256)
_DIGITS[ord("0") : ord("9") + 1] = b"0123456789"
for _number, _letter in enumerate(b"ABCDEFGHJKMNPQRSTVWXYZ"):
    _DIGITS[_letter] = ord("A") + _number
_TABLE: Final = bytes(_DIGITS)


class TraceParent(NamedTuple):
    """The span under which an input hangs.

    Attributes:
        trace_id: 128 bits, not 0.
        span_id: 64 bits, not 0.
        sampled: Whether the caller keeps this trace.
        state: The ``tracestate`` header, verbatim.
        random: The caller says that the last 56 bits of the trace id are random,
            and nothing else; samplers further on may lean on it.
        baggage: The ``baggage`` header that came along, verbatim.
    """

    trace_id: int
    span_id: int
    sampled: bool = True
    state: str = ""
    random: bool = False
    baggage: str = ""


def parse_traceparent(
    header: object, state: object = "", baggage: object = ""
) -> TraceParent | None:
    """What a ``traceparent`` header says; None when it is not valid.

    Args:
        header: Its value, of any type: it comes from strangers.
        state: The value of ``tracestate`` beside it.
        baggage: The value of ``baggage``. Where one of the two is nothing that a
            header can hold it is left out; neither makes the parent invalid.
    """
    if not isinstance(header, str):
        return None
    match = _PARENT.fullmatch(header.strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    # A higher version may say more behind its first 55 characters; 00 may not.
    if version == _INVALID_VERSION or (more is not None and version == "00"):
        return None
    trace, span, bits = int(trace_id, 16), int(span_id, 16), int(flags, 16)
    if not trace or not span:
        return None
    return TraceParent(
        trace,
        span,
        bool(bits & _SAMPLED),
        _header_value(state),
        bool(bits & _RANDOM),
        _header_value(baggage),
    )


def _header_value(value: object) -> str:
    if not isinstance(value, str) or len(value) > _HEADER_CHARS:
        return ""
    return value if value.isascii() and value.isprintable() else ""


def traceparent(parent: TraceParent) -> str:
    """The value of the ``traceparent`` header, version 00."""
    flags = (_SAMPLED if parent.sampled else 0) | (_RANDOM if parent.random else 0)
    return f"00-{parent.trace_id:032x}-{parent.span_id:016x}-{flags:02x}"


def packed(parent: TraceParent) -> str:
    """*parent* as one text, for a message; `unpacked` reads it."""
    header = traceparent(parent)
    if not parent.state and not parent.baggage:
        return header
    return _SEPARATOR.join((header, parent.state, parent.baggage))


@lru_cache(maxsize=256)
def unpacked(text: str) -> TraceParent | None:
    """The parent that `packed` made a text of; None for any other text.

    The inputs of one call come with one text, so it is mostly known already.
    """
    return parse_traceparent(*text.split(_SEPARATOR, 2))


def execution_span(
    input_id: str, attempt: int, parent: TraceParent | None
) -> TraceParent:
    """The span of one execution of an input, in the trace of *parent*.

    A root begins a trace whose id is derived from the input's, and is sampled. It
    does not claim a random trace id, but is as good as one for those who sample by it.

    Args:
        attempt: From 0: each execution is a span of its own.
        parent: Where the trace comes from, whichever span of it; None for a root.
    """
    span_id = _mixed(_bits(input_id), attempt * _KINDS)
    if parent is None:
        return TraceParent(_trace_id(input_id), span_id)
    return TraceParent(parent[0], span_id, *parent[2:])


def client_span(input_id: str, parent: TraceParent | None) -> TraceParent:
    """The caller's span of an input: what its queue span hangs under."""
    span_id = _mixed(_bits(input_id), CLIENT)
    if parent is None:
        return TraceParent(_trace_id(input_id), span_id)
    return TraceParent(parent[0], span_id, *parent[2:])


def start_span(container_id: str, phase: int = 0) -> TraceParent:
    """The span of a container's start, which begins a trace, or of a phase of it.

    Args:
        phase: From 1, in the order of the phases; 0 for the whole.
    """
    return TraceParent(_trace_id(container_id), _mixed(_bits(container_id), phase))


def derived_span_id(input_id: str, attempt: int, kind: int) -> int:
    """Id of a span that belongs to an execution of an input; 64 bits, never 0.

    Args:
        attempt: From 0. The caller's span is there once: attempt 0.
        kind: `EXECUTION`, `QUEUE` or `CLIENT`.
    """
    return _mixed(_bits(input_id), attempt * _KINDS + kind)


@lru_cache(maxsize=1_024)
def _bits(input_id: str) -> int:
    """128 bits, not 0, that stand for *input_id*: its ULID, or else a hash."""
    if len(input_id) == _OWN_ID_CHARS and input_id.startswith(INPUT_PREFIX):
        try:
            bits = int(input_id[3:].encode().translate(_TABLE), 32)
            if 0 < bits < _TRACE_ID_END:
                return bits
        except ValueError:
            pass
    text = input_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=_HASH_BYTES).digest(), "big") or 1


@lru_cache(maxsize=1_024)
def _trace_id(input_id: str) -> int:
    """The trace that *input_id* begins: when its id was made, and then noise.

    The ids of a burst count up, and differ in their last bits only. Samplers take those
    for random ones, or hash all with FNV, which leaves such ids side by side: all
    traces of a burst would be kept, or none.
    """
    bits = _bits(input_id)
    return bits & ~_MASK_64 | _mixed(bits, _OF_TRACE)


def _mixed(bits: int, number: int) -> int:
    """The *number*-th output of a generator that is seeded with the low 64 bits.

    Ids of a burst differ in their last bits only; their span ids differ in all.

    Source: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
    generators, OOPSLA 2014; constants of variant 13 by Stafford).
    """
    z = (bits + (number + 1) * _GOLDEN) & _MASK_64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return z ^ (z >> 31) or 1
