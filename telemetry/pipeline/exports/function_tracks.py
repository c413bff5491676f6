"""One function in a trace: its bursts, and what the autoscaler wanted and had."""

from __future__ import annotations

from telemetry.pipeline.exports.lanes import Lanes
from telemetry.pipeline.exports.trace_file import TraceFile, uuid_of
from telemetry.pipeline.store.queries.pools import StoredBurst, StoredDecision

_BURSTS, _DECISIONS, _WANT, _HAVE = range(4)


class FunctionTracks:
    """The tracks of a function; each is made when there is something on it."""

    def __init__(self, file: TraceFile, function: str) -> None:
        self._file = file
        self._name = f"function {function}"
        self._group = uuid_of("group", self._name)
        self._bursts = Lanes(
            file, lambda n: self._track(f"bursts {n}", "bursts", _BURSTS)
        )
        self._decisions: int | None = None
        file.process(self._group, self._name)

    def burst(self, burst: StoredBurst) -> None:
        """A stretch above target. In the order of their starts."""
        self._bursts.add(
            burst.started_ns,
            burst.ended_ns,
            burst.reason,
            "burst",
            {"peak": burst.peak, "containers": burst.containers},
        )

    def decision(self, decision: StoredDecision) -> None:
        """The autoscaler changed its mind. In the order of time."""
        if self._decisions is None:
            self._decisions = self._track("decisions", "decisions", _DECISIONS)
            for name, rank in (("wanted", _WANT), ("there", _HAVE)):
                uuid = uuid_of(self._name, name)
                self._file.counter(uuid, self._group, name, rank, "containers")
        self._file.instant(
            self._decisions,
            decision.unix_ns,
            decision.reason,
            "autoscaler",
            {
                "want": decision.want,
                "have": decision.have,
                "demand": decision.demand,
            },
        )
        for name, value in (("wanted", decision.want), ("there", decision.have)):
            self._file.count(uuid_of(self._name, name), decision.unix_ns, value)

    def finish(self) -> None:
        """Nothing more comes."""
        self._bursts.finish()

    def _track(self, key: str, name: str, rank: int) -> int:
        uuid = uuid_of(self._name, key)
        self._file.track(uuid, self._group, name, rank)
        return uuid
