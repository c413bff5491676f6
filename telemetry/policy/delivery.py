"""What an answer to a delivery means, when to try again, and how much to send at once.

Sources: the OTLP specification (https://opentelemetry.io/docs/specs/otlp/, "Failures"
of OTLP/gRPC and of OTLP/HTTP), and RFC 9110 for what it leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

REQUEST_BYTES: Final = 4_000_000
"""Bytes of a request, before compression. Source: gRPC takes 4 MiB unless it is told
otherwise; the Collector takes 20 MiB by HTTP."""
LEAST_BYTES: Final = 64 * 1024
"""What every receiver is taken to accept, whatever it found too large."""
MOST_ATTEMPTS: Final = 10
"""Attempts where it is not sure that another one helps: some three minutes."""
MOST_SPLITS: Final = 24
"""How often a request that was refused is cut to find what is bad in it. One bad
record among a million is found with 20 cuts; where all is refused, it costs 24."""
MOST_ASKED_S: Final = 900.0
"""The longest wait that a server may ask for."""


class Meaning(StrEnum):
    """What came of a request."""

    DELIVERED = "delivered"
    """It has arrived; some of its items may have been rejected."""
    RETRY = "retry"
    """Not now: the same request may well be taken later."""
    DOUBTFUL = "doubtful"
    """A fault over there: another attempt may help, and may not."""
    MISCONFIGURED = "misconfigured"
    """Nothing will be taken until somebody corrects a setting, here or there."""
    TOO_LARGE = "too_large"
    """The half of it may be taken."""
    REFUSED = "refused"
    """This request will never be taken."""


class Verdict(NamedTuple):
    """The answer to a request, as far as it matters.

    Attributes:
        text: What was said, for people; no secrets.
        asked_s: How long the server asked to wait, in seconds.
        rejected: Items that were not taken, of a request that was.
    """

    meaning: Meaning
    text: str = ""
    asked_s: float | None = None
    rejected: int = 0


class Step(StrEnum):
    """What to do with a request after its answer."""

    DONE = "done"
    WAIT = "wait"
    SPLIT = "split"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between attempts, in seconds.

    Attributes:
        first_s: After the first failure; it doubles from one to the next.
        most_s: The upper bound of that.
        slow_s: While a setting is wrong.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    slow_s: float = 60.0


def http_meaning(status: int, text: str = "") -> Meaning:
    """What an HTTP status means.

    3xx is no success: nobody has taken the request, and following a redirect would
    send data and headers where nobody said that they should go.

    Args:
        text: What was said beside it.
    """
    if status == _CLIENT_ERROR and _TOO_LARGE_HTTP in text.lower():
        return Meaning.TOO_LARGE
    for meaning, statuses in _HTTP.items():
        if status in statuses:
            return meaning
    if _OK <= status < _REDIRECT:
        return Meaning.DELIVERED
    if _REDIRECT <= status < _CLIENT_ERROR:
        return Meaning.MISCONFIGURED
    if _CLIENT_ERROR <= status < _SERVER_ERROR:
        return Meaning.REFUSED
    return Meaning.DOUBTFUL


def grpc_meaning(code: str, text: str = "", *, asked: bool = False) -> Meaning:
    """What a status of gRPC means.

    Args:
        code: Its name, such as ``UNAVAILABLE``.
        text: What was said beside it.
        asked: The server said when to come again (``RetryInfo``).
    """
    if code == "RESOURCE_EXHAUSTED":
        if _TOO_LARGE_TEXT in text.lower():
            return Meaning.TOO_LARGE
        # The specification: to be repeated only with RetryInfo. Without, it is not
        # known whether the server recovers; data is not thrown away for that at once.
        return Meaning.RETRY if asked else Meaning.DOUBTFUL
    if code == "INTERNAL" and _MALFORMED_TEXT in text.lower():
        return Meaning.REFUSED
    return _GRPC.get(code, Meaning.REFUSED)


def next_step(meaning: Meaning, attempt: int, *, splits: int = 0) -> Step:
    """What to do with a request; one that cannot be split is given up instead.

    Args:
        attempt: 1 for the first time that its answer is doubtful.
        splits: How often what it is a part of was split because it was refused.
    """
    if meaning is Meaning.DELIVERED:
        return Step.DONE
    if meaning in {Meaning.RETRY, Meaning.MISCONFIGURED}:
        return Step.WAIT
    if meaning is Meaning.DOUBTFUL:
        return Step.WAIT if attempt < MOST_ATTEMPTS else Step.GIVE_UP
    if meaning is Meaning.REFUSED and splits >= MOST_SPLITS:
        return Step.GIVE_UP
    return Step.SPLIT


def wait_s(pace: Pace, verdict: Verdict, attempt: int, random: float) -> float:
    """Seconds until the next attempt.

    Exponential, and between half of that and all of it, so that many senders do not
    come back as one. When the server has asked for a wait, that one, and a little more.

    Args:
        attempt: 1 after the first failure.
        random: From 0 to 1.
    """
    if verdict.meaning is Meaning.MISCONFIGURED:
        full_s = pace.slow_s
    else:
        # Beyond 2**64 the bound holds anyway, and a float would overflow.
        full_s = min(pace.first_s * 2.0 ** min(attempt - 1, 64), pace.most_s)
    if not verdict.asked_s or verdict.asked_s < 0:
        return full_s * (1 + random) / 2
    asked_s = min(verdict.asked_s, MOST_ASKED_S) * (1 + random / 10)
    return max(asked_s, pace.first_s / 2)


def smaller(limit_bytes: int, refused_bytes: int) -> int:
    """How much to send at once, after so much was too large."""
    return max(min(limit_bytes, refused_bytes // 2), LEAST_BYTES)


_OK: Final = 200
_REDIRECT: Final = 300
_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500

_HTTP: Final = {
    # 521 to 524: Cloudflare could not reach the server behind it.
    Meaning.RETRY: frozenset({408, 425, 429, 502, 503, 504, 521, 522, 523, 524}),
    # Who is asked for credentials, or for another protocol or other headers.
    Meaning.MISCONFIGURED: frozenset({401, 403, 407, 426, 431, 511}),
    Meaning.TOO_LARGE: frozenset({413}),
    Meaning.REFUSED: frozenset({501, 505}),
}
_GRPC: Final = {
    "OK": Meaning.DELIVERED,
    "CANCELLED": Meaning.RETRY,
    "DEADLINE_EXCEEDED": Meaning.RETRY,
    "ABORTED": Meaning.RETRY,
    "OUT_OF_RANGE": Meaning.RETRY,
    "UNAVAILABLE": Meaning.RETRY,
    "DATA_LOSS": Meaning.RETRY,
    "UNAUTHENTICATED": Meaning.MISCONFIGURED,
    "PERMISSION_DENIED": Meaning.MISCONFIGURED,
    "UNKNOWN": Meaning.DOUBTFUL,
    "INTERNAL": Meaning.DOUBTFUL,
}
_TOO_LARGE_TEXT: Final = "larger than max"
"""Source: grpc-go says "received message larger than max (N vs. M)" and "received
message after decompression larger than max", gRPC's core "Received message larger
than max"."""
_MALFORMED_TEXT: Final = "error unmarshalling request"
"""Source: grpc-go, of what is no message; other faults with this code may pass."""
_TOO_LARGE_HTTP: Final = "request body too large"
"""Source: the Collector answers 400 with Go's "http: request body too large"."""
