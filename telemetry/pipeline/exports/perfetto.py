"""The store as a trace for https://ui.perfetto.dev: who ran where and when.

Containers are groups, slots are rows in them, inputs are slices with everything that
is known of them; see `container_tracks`. Each function has a group of its own with its
bursts and what the autoscaler wanted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

from telemetry.core import names
from telemetry.pipeline.exports.container_tracks import ContainerTracks
from telemetry.pipeline.exports.function_tracks import FunctionTracks
from telemetry.pipeline.exports.selection import (
    ALL,
    QUESTION_S,
    OnProgress,
    Progress,
    Selection,
    silent,
)
from telemetry.pipeline.exports.trace_file import TraceFile
from telemetry.pipeline.store.queries.all_rows import (
    NumberedContainer,
    Run,
    RunCursor,
    containers_after,
    execution_times,
    reach,
    runs_after,
)
from telemetry.pipeline.store.queries.pools import (
    StoredBurst,
    StoredDecision,
    StoredStall,
    bursts,
    decisions,
    stalls,
)
from telemetry.pipeline.store.queries.reading import MOST_ROWS, Reader
from telemetry.pipeline.store.queries.traces import StoredSpan, spans_of_traces

_RUNS_AT_ONCE: Final = 500
_OURS: Final = names.PROVIDER
"""The scope of the spans that are drawn as executions, waits and lives already."""


def write(
    store: Path,
    out: BinaryIO,
    selection: Selection = ALL,
    on_progress: OnProgress = silent,
) -> Counter[str]:
    """Write what is selected to *out*.

    Returns:
        How many ``executions`` that were, ``containers``, ``spans``, ``bursts``,
        and ``hidden`` ones, for which there was no place.

    Raises:
        StoreError: The store cannot be read.
        OSError: *out* cannot be written.
    """
    with Reader(store, timeout_s=QUESTION_S) as reader:
        writer = _Writer(reader, TraceFile(out), selection, on_progress)
        writer.containers()
        writer.others()
        writer.functions()
        return writer.written


class _Writer:
    """One trace that is being written."""

    def __init__(
        self,
        reader: Reader,
        file: TraceFile,
        selection: Selection,
        on_progress: OnProgress,
    ) -> None:
        self._reader = reader
        self._file = file
        self._selection = selection
        self._on_progress = on_progress
        self._total = _count_of(reader, "executions")
        self._done = 0
        self.written: Counter[str] = Counter()
        times = execution_times(reader)
        self._since_ns = selection.since_ns or 0
        self._horizon_ns = min(selection.until_ns or times.last_ns, times.last_ns)
        file.begin(max(times.first_ns, self._since_ns) or 1)

    def containers(self) -> None:
        """Each container with its executions."""
        stalled = self._stalls()
        number = 0
        while page := containers_after(
            self._reader,
            number,
            function=self._selection.function,
            container_id=self._selection.container_id,
        ):
            number = page[-1].number
            for each in page:
                if self._is_within(each):
                    self._container(each, stalled.get(each.container_id, ()))

    def others(self) -> None:
        """What ran without a container, by process."""
        if self._selection.container_id is not None:
            return
        found: dict[str, ContainerTracks] = {}
        for page in self._runs(None):
            spans = self._spans(page)
            for run in page:
                name = f"process {run.process or 'unknown'}"
                if name not in found:
                    found[name] = self._tracks(name)
                self._draw(found[name], run, spans)
            self._tell()
        for tracks in found.values():
            self._finish(tracks)

    def functions(self) -> None:
        """Bursts, and what the autoscaler wanted, by function."""
        wanted = self._selection
        if wanted.container_id or wanted.input_id:
            return
        found: dict[str, FunctionTracks] = {}

        def tracks(function: str | None) -> FunctionTracks:
            name = function or "unknown"
            if name not in found:
                found[name] = FunctionTracks(self._file, name)
            return found[name]

        for burst in _oldest_first(bursts, self._reader, wanted):
            tracks(burst.function).burst(burst)
            self.written["bursts"] += 1
        for decision in _oldest_first(decisions, self._reader, wanted):
            tracks(decision.function).decision(decision)
            self.written["decisions"] += 1
        for each in found.values():
            each.finish()

    def _container(
        self, container: NumberedContainer, stalled: Sequence[StoredStall]
    ) -> None:
        name = f"{container.function or 'unknown'} {container.container_id}"
        tracks: ContainerTracks | None = None
        if self._selection.input_id is None:
            tracks = self._tracks(name)
        for page in self._runs(container.number):
            spans = self._spans(page)
            if tracks is None and page:
                tracks = self._tracks(name)
            for run in page:
                self._draw(tracks, run, spans)
            self._tell()
        if tracks is None:
            return
        tracks.life(container)
        for stall in stalled:
            tracks.stall(stall)
        self.written["containers"] += 1
        self._finish(tracks)

    def _tracks(self, name: str) -> ContainerTracks:
        return ContainerTracks(self._file, name, self._horizon_ns)

    def _draw(
        self,
        tracks: ContainerTracks | None,
        run: Run,
        spans: Mapping[_RunKey, Sequence[StoredSpan]],
    ) -> None:
        if tracks is None:
            return
        of_run = spans.get((run.input_id, run.attempt), ())
        tracks.run(run, of_run)
        self.written["executions"] += 1
        self.written["spans"] += len(of_run)

    def _finish(self, tracks: ContainerTracks) -> None:
        tracks.finish()
        self.written["hidden"] += tracks.hidden

    def _runs(self, container: int | None) -> Iterator[list[Run]]:
        """The executions of a container that are wanted, a page at a time."""
        after = RunCursor(0, 0)
        while page := runs_after(
            self._reader,
            container,
            after,
            until_ns=self._selection.until_ns,
            input_id=self._selection.input_id,
            limit=_RUNS_AT_ONCE,
        ):
            after = RunCursor(page[-1].started_ns, page[-1].number)
            self._done += len(page)
            yield [run for run in page if self._is_wanted(run)]

    def _is_wanted(self, run: Run) -> bool:
        """Whether it is of the function, and was not over before the time began."""
        end_ns = run.ended_ns or run.process_ended_ns or self._horizon_ns
        function = self._selection.function
        return end_ns >= self._since_ns and function in {None, run.function}

    def _is_within(self, container: NumberedContainer) -> bool:
        until_ns = self._selection.until_ns
        began_ns = container.starting_ns or container.ready_ns or 0
        return (container.exited_ns or self._horizon_ns) >= self._since_ns and (
            until_ns is None or began_ns < until_ns
        )

    def _spans(self, runs: Iterable[Run]) -> dict[_RunKey, list[StoredSpan]]:
        """The spans of code in these executions, in the order of their starts."""
        ids = list({run.trace_id for run in runs if run.trace_id is not None})
        found: dict[_RunKey, list[StoredSpan]] = defaultdict(list)
        for span in spans_of_traces(self._reader, ids) if ids else ():
            if span.input_id is not None and span.scope != _OURS:
                found[span.input_id, span.attempt or 0].append(span)
        return found

    def _stalls(self) -> dict[str, list[StoredStall]]:
        found: dict[str, list[StoredStall]] = defaultdict(list)
        for stall in _oldest_first(stalls, self._reader, self._selection):
            found[stall.container_id or ""].append(stall)
        return found

    def _tell(self) -> None:
        written = self.written["executions"]
        total = max(self._total, self._done)
        self._on_progress(Progress("executions", self._done, total, written))


_RunKey = tuple[str, int]
_T = TypeVar("_T", bound="StoredBurst | StoredDecision | StoredStall")


class _Ask(Protocol[_T]):
    def __call__(
        self,
        reader: Reader,
        *,
        function: str | None,
        since_ns: int | None,
        until_ns: int | None,
        limit: int,
    ) -> list[_T]: ...


def _oldest_first(ask: _Ask[_T], reader: Reader, wanted: Selection) -> list[_T]:
    """The newest ten thousand of what is wanted, in the order of time."""
    found = ask(
        reader,
        function=wanted.function,
        since_ns=wanted.since_ns,
        until_ns=wanted.until_ns,
        limit=MOST_ROWS,
    )
    return found[::-1]


def _count_of(reader: Reader, table: str) -> int:
    first, last = reach(reader, table)
    return last - first + 1 if last else 0
