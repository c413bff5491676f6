"""A trace as a reader sees it: Perfetto's own classes, and the rules of its tracks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos

BEGIN, END, INSTANT, COUNT = 1, 2, 3, 4


class Slice(NamedTuple):
    """Something with a length. *depth*: how many others it lies in."""

    group: str
    row: str
    name: str
    start_ns: int
    end_ns: int
    depth: int
    args: dict[str, Any]


class Instant(NamedTuple):
    """Something without a length."""

    group: str
    row: str
    name: str
    unix_ns: int
    args: dict[str, Any]


@dataclass
class Seen:
    """What is in a trace."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    slices: list[Slice] = field(default_factory=list)
    instants: list[Instant] = field(default_factory=list)
    counters: dict[tuple[str, str], list[tuple[int, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def of(self, row: str, group: str = "") -> list[Slice]:
        """The slices of a row."""
        return [s for s in self.slices if s.row == row and group in s.group]


def read(data: bytes) -> Seen:
    """The trace in *data*; what a reader would not accept fails here."""
    trace = protos.Trace.FromString(data)
    _check_known(trace)
    seen = Seen()
    tracks: dict[int, Any] = {}
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id, "an anonymous packet is dropped"
        if packet.HasField("track_descriptor"):
            found = packet.track_descriptor
            assert tracks.setdefault(found.uuid, found) == found, "two of one uuid"
    groups = {
        uuid: track.process.process_name
        for uuid, track in tracks.items()
        if track.HasField("process")
    }
    ranked = sorted(tracks.values(), key=lambda t: t.sibling_order_rank)
    for name in groups.values():
        assert name not in seen.groups, "two groups of one name"
        seen.groups[name] = []
    for track in ranked:
        rows = seen.groups[groups[track.parent_uuid]] if track.parent_uuid else []
        if track.name not in rows:
            rows.append(track.name)
    _events(trace, tracks, groups, seen)
    return seen


def _check_known(message: Any) -> None:
    """Every field that was written is one of Perfetto's, at every depth."""
    assert len(UnknownFieldSet(message)) == 0, message
    for found, value in message.ListFields():
        if found.message_type is not None:
            for part in value if hasattr(value, "append") else [value]:
                _check_known(part)


def _events(
    trace: Any, tracks: dict[int, Any], groups: dict[int, str], seen: Seen
) -> None:
    events = [p for p in trace.packet if p.HasField("track_event")]
    open_: dict[int, list[tuple[Any, int]]] = defaultdict(list)
    # As the trace processor does: by time, and in the order of the file.
    for packet in sorted(events, key=lambda p: p.timestamp):
        event, at_ns = packet.track_event, packet.timestamp
        track = tracks[event.track_uuid]
        group, row = groups[track.parent_uuid], track.name
        if event.type == COUNT:
            assert track.HasField("counter")
            seen.counters[group, row].append((at_ns, event.double_counter_value))
        elif event.type == BEGIN:
            open_[event.track_uuid].append((event, at_ns))
        elif event.type == END:
            begun, start_ns = open_[event.track_uuid].pop()
            depth = len(open_[event.track_uuid])
            seen.slices.append(
                Slice(group, row, begun.name, start_ns, at_ns, depth, _args(begun))
            )
        else:
            assert event.type == INSTANT
            seen.instants.append(Instant(group, row, event.name, at_ns, _args(event)))
    assert not any(open_.values()), "something never ends"


def _args(event: Any) -> dict[str, Any]:
    return {
        each.name: getattr(each, each.WhichOneof("value"))
        for each in event.debug_annotations
    }
