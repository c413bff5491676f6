"""Which traces the gateway kept, and which it had to keep, by the agent's store."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from benchmarks.proof.ground import Ground
from tests.stack.received import ReceivedSpan

# As collector/gateway.yaml has them, and docs/collector.md tells.
LONG_WAIT_S: Final = 1.0
BLOCKED_S: Final = 0.25
SLOW_S: Final = 5.0
SHARE: Final = 0.10

_OUTCOMES: Final = ("error", "timeout", "cancelled", "lost")
_ZONES: Final = ("burst", "saturated")
_SIGMAS: Final = 4.0
"""How far the share of the rest may be off, in standard deviations: once in 16,000."""


class Sampling(NamedTuple):
    """What became of the traces.

    Attributes:
        reasons: Why traces had to be kept, and how many of each; a trace may have
            several.
        lost: Those that had to be kept and were not.
        torn: Kept ones that have not all of their spans, or others.
    """

    interesting: int
    reasons: Counter[str]
    lost: list[str]
    rest: int
    rest_kept: int
    torn: list[str]

    @property
    def share(self) -> float:
        """How many of the rest were kept."""
        return self.rest_kept / self.rest if self.rest else SHARE

    @property
    def slack(self) -> float:
        """How far the share may be off by chance."""
        return _SIGMAS * math.sqrt(SHARE * (1 - SHARE) / max(self.rest, 1))


def sampling(ground: Ground, arrived: Iterable[ReceivedSpan]) -> Sampling:
    """Compare what arrived behind the gateway with what the store has."""
    whole: dict[str, set[str]] = {}
    for trace, span in ground.ask(
        "select lower(hex(trace_id)), lower(hex(span_id)) from spans"
    ):
        whole.setdefault(trace, set()).add(span)
    kept: dict[str, set[str]] = {}
    for each in arrived:
        kept.setdefault(each.trace_id, set()).add(each.span_id)
    reasons: dict[str, set[str]] = {}
    for trace, why in _reasons(ground):
        if trace in whole:  # one that was rejected has none
            reasons.setdefault(trace, set()).add(why)
    return Sampling(
        len(reasons),
        Counter(why for each in reasons.values() for why in each),
        [f"{t}: {', '.join(sorted(w))}" for t, w in reasons.items() if t not in kept],
        len(whole.keys() - reasons),
        len(kept.keys() - reasons),
        [
            f"{trace}: {len(spans)} spans of {len(whole.get(trace, ()))}"
            for trace, spans in kept.items()
            if spans != whole.get(trace)
        ],
    )


def _reasons(ground: Ground) -> Iterator[tuple[str, str]]:
    """Traces that somebody will look for, each with a reason."""
    for trace, outcome in ground.ask(_SETTLED):
        if outcome in _OUTCOMES:
            yield trace, outcome
    for trace, zone, cold, attempt, wait_s, blocked_s in ground.ask(_EXECUTIONS):
        if zone in _ZONES:
            yield trace, zone
        for holds, why in (
            (cold, "cold start"),
            (attempt, "second attempt"),
            (wait_s is not None and wait_s >= LONG_WAIT_S, "waited long"),
            (blocked_s is not None and blocked_s >= BLOCKED_S, "held up"),
        ):
            if holds:
                yield trace, why
    for trace, name, lasted_ns in ground.ask(_TRACES):
        if name:
            yield trace, "container start"
        if lasted_ns >= SLOW_S * 1e9:
            yield trace, "slow"


_SETTLED: Final = "select trace_id, outcome from v_inputs where trace_id <> ''"
_EXECUTIONS: Final = """
select lower(hex(i.trace_id)), e.zone, e.cold, e.attempt, e.wait_s, i.blocked_s
from executions e join inputs i on i.id = e.input where i.trace_id is not null
"""
_TRACES: Final = """
select lower(hex(trace_id)), max(name = 'container.start'),
    max(ended_ns) - min(started_ns)
from spans group by trace_id
"""
