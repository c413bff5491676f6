"""One container in a trace: its life, its slots with inputs, how many ran at once.

resize ct-01M8...
life       starting (spawn, import, enter), ready; its exit
running    a curve; beside it target and limit
loop       when its event loop stood still, and who held it
waited     inputs that were to run here and could not yet
slot 0     inputs, one behind the other; in them the spans of their code
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Final

from telemetry.core import names
from telemetry.core.outcome import Outcome
from telemetry.pipeline.exports.lanes import Lanes
from telemetry.pipeline.exports.trace_file import Argument, TraceFile, uuid_of
from telemetry.pipeline.store.queries.all_rows import NumberedContainer, Run
from telemetry.pipeline.store.queries.pools import StoredStall
from telemetry.pipeline.store.queries.traces import StoredSpan

_LIFE, _RUNNING, _TARGET, _LIMIT, _LOOP, _WAITED, _SLOTS = range(7)
"""Ranks: the order of the rows."""
_NS_PER_S: Final = 1_000_000_000
_NO_WAIT: Final = (None, "none")
_PHASES: Final = ("spawn", "import", "enter")


class ContainerTracks:
    """The tracks of a container, or of a process that runs inputs without one.

    Args:
        name: What it is called in the trace.
        horizon_ns: When what has no end is drawn to end.
    """

    def __init__(self, file: TraceFile, name: str, horizon_ns: int) -> None:
        self._file = file
        self._name = name
        self._horizon_ns = horizon_ns
        self._group = uuid_of("group", name)
        self._slots: dict[int | None, Lanes] = {}
        self._waited = self._lanes("waited", _WAITED)
        self._loop = self._lanes("loop", _LOOP)
        self._running: list[int] | None = None
        self.hidden = 0
        file.process(self._group, name)

    def life(self, of: NumberedContainer) -> None:
        """How it came, and went."""
        track = self._track("life", "life", _LIFE)
        about: dict[str, Argument] = {
            "container": of.container_id,
            "pid": of.pid,
            "target_inputs": of.target,
            "max_inputs": of.max_inputs,
        }
        if of.starting_ns is not None:
            self._starting(track, of, about)
        if of.ready_ns is not None:
            end_ns = max(of.exited_ns or self._horizon_ns, of.ready_ns)
            self._file.slice_begin(track, of.ready_ns, "ready", "container", about)
            self._file.slice_end(track, end_ns)
            self._limits(of, of.ready_ns, end_ns)
        if of.exited_ns is not None:
            exit_: dict[str, Argument] = {
                "reason": of.exit_reason,
                "status": of.exit_status,
            }
            name = f"exited: {of.exit_reason or 'unknown'}"
            self._file.instant(track, of.exited_ns, name, "container", exit_)

    def run(self, run: Run, spans: Sequence[StoredSpan]) -> None:
        """An execution, and the spans of its code. In the order of their starts."""
        end_ns = run.ended_ns or run.process_ended_ns or self._horizon_ns
        end_ns = max(end_ns, run.started_ns)
        self._wait(run)
        self._count(run.started_ns, end_ns)
        lanes = self._slot(run.slot)
        track = lanes.add(run.started_ns, end_ns, _title(run), "input", _about(run))
        for span in spans:
            lanes.add(span.started_ns, span.ended_ns, span.name, "span", _said(span))
        asked_ns = run.cancel_requested_ns or 0
        if track is not None and run.started_ns <= asked_ns <= end_ns:
            name = f"cancelled: {run.cancel_cause}"
            self._file.instant(track, asked_ns, name, "cancellation", _asked(run))

    def stall(self, stall: StoredStall) -> None:
        """Its event loop stood still."""
        about: dict[str, Argument] = {
            "held by": stall.input_id or ", ".join(stall.candidates) or None,
            "line": stall.line,
            "suffered": ", ".join(stall.suffered) or None,
            "stack": stall.stack,
        }
        end_ns = stall.began_ns + round(stall.seconds * _NS_PER_S)
        self._loop.add(stall.began_ns, end_ns, "blocked", "loop", about)

    def finish(self) -> None:
        """Nothing more comes."""
        self._count(None, 0)
        for lanes in (self._waited, self._loop, *self._slots.values()):
            lanes.finish()
            self.hidden += lanes.hidden

    def _starting(
        self, track: int, of: NumberedContainer, about: dict[str, Argument]
    ) -> None:
        start_ns = of.starting_ns or 0
        end_ns = of.ready_ns or of.exited_ns or self._horizon_ns
        self._file.slice_begin(track, start_ns, "starting", "container", about)
        at_ns = start_ns
        for phase, seconds in zip(
            _PHASES, (of.spawn_s, of.import_s, of.enter_s), strict=True
        ):
            if seconds is None or at_ns >= end_ns:
                continue
            self._file.slice_begin(track, at_ns, phase, "container", {})
            at_ns = min(at_ns + round(seconds * _NS_PER_S), end_ns)
            self._file.slice_end(track, at_ns)
        self._file.slice_end(track, max(start_ns, end_ns))

    def _limits(self, of: NumberedContainer, start_ns: int, end_ns: int) -> None:
        for name, rank, value in (
            ("target", _TARGET, of.target),
            ("limit", _LIMIT, of.max_inputs),
        ):
            if value is not None:
                counter = self._counter(name, rank)
                self._file.count(counter, start_ns, value)
                self._file.count(counter, end_ns, 0)

    def _wait(self, run: Run) -> None:
        if not run.wait_s or run.wait_reason in _NO_WAIT:
            return
        start_ns = run.started_ns - round(run.wait_s * _NS_PER_S)
        about: dict[str, Argument] = {"input": run.input_id, "attempt": run.attempt}
        name = run.wait_reason or "waited"
        self._waited.add(start_ns, run.started_ns, name, "queue", about)

    def _count(self, start_ns: int | None, end_ns: int) -> None:
        """One more runs from *start_ns* on; None when no more do."""
        if self._running is None:
            self._running = []
            self._counter("running", _RUNNING)
        counter = uuid_of(self._name, "running")
        running = self._running
        while running and (start_ns is None or running[0] <= start_ns):
            self._file.count(counter, heappop(running), len(running))
        if start_ns is not None:
            heappush(running, end_ns)
            self._file.count(counter, start_ns, len(running))

    def _slot(self, slot: int | None) -> Lanes:
        lanes = self._slots.get(slot)
        if lanes is None:
            name = "inputs" if slot is None else f"slot {slot}"
            rank = _SLOTS + (0 if slot is None else slot)
            lanes = self._slots[slot] = self._lanes(name, rank)
        return lanes

    def _lanes(self, name: str, rank: int) -> Lanes:
        return Lanes(
            self._file, lambda number: self._track(f"{name} {number}", name, rank)
        )

    def _track(self, key: str, name: str, rank: int) -> int:
        uuid = uuid_of(self._name, key)
        self._file.track(uuid, self._group, name, rank)
        return uuid

    def _counter(self, name: str, rank: int) -> int:
        uuid = uuid_of(self._name, name)
        self._file.counter(uuid, self._group, name, rank, "inputs")
        return uuid


def _title(run: Run) -> str:
    """The function, and what became of it where that is not what was hoped for."""
    name = run.function or run.input_id
    return name if run.ending in {None, Outcome.SUCCESS} else f"{name}: {run.ending}"


def _about(run: Run) -> dict[str, Argument]:
    return {
        "input": run.input_id,
        "attempt": run.attempt,
        "ending": run.ending or "unfinished",
        "outcome": run.outcome,
        "zone": run.zone,
        "concurrency": run.concurrency,
        "wait_s": run.wait_s,
        "wait_reason": run.wait_reason,
        "burst": None if run.burst is None else bool(run.burst),
        "cold start": None if run.cold is None else bool(run.cold),
        "batch": run.batch_size if (run.batch_size or 0) > 1 else None,
        "call": run.call_id,
        "parent": run.parent,
        "error": run.error_text or run.error_type,
        "loop blocked s": run.blocked_s,
        "trace": None if run.trace_id is None else run.trace_id.hex(),
    }


def _asked(run: Run) -> dict[str, Argument]:
    return {
        "input": run.input_id,
        "cause": run.cancel_cause,
        "phase": run.cancel_phase,
        "mechanism": run.cancel_mechanism,
        "observed": run.cancel_observed,
    }


def _said(span: StoredSpan) -> dict[str, Argument]:
    known: dict[str, Argument] = {
        "span": span.span_id,
        "scope": span.scope,
        "status": span.status_text or None,
    }
    for name, value in span.attributes.items():
        if name not in names.ATTRIBUTES or not name.startswith("input."):
            plain = isinstance(value, str | int | float | bool)
            known[name] = value if plain else str(value)
    return known
