"""A report about a black box, for machines: plain values, full ids."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from telemetry.capture.blackbox.listing import BoxSummary
from telemetry.capture.json_lines import json_line
from telemetry.pipeline.post_mortem import PostMortem


def summary_data(box: BoxSummary) -> dict[str, Any]:
    """The head of a box. Times are Unix nanoseconds, but where a name says more."""
    return {
        "name": box.name,
        "path": str(box.path),
        "state": box.state or "unreadable",
        "problem": box.problem or None,
        "identity": msgspec.to_builtins(box.identity),
        "ended_unix_ns": box.pulse.ended_unix_ns or None,
        "size_bytes": box.size_bytes,
        "slots": [each._asdict() for each in box.slots],
        "dropped": box.dropped,
    }


def report_data(found: PostMortem) -> dict[str, Any]:
    """Everything that the text says, and the ids in full."""
    data = summary_data(found.box)
    for row, slot in zip(data["slots"], found.box.slots, strict=True):
        voice = found.voices.get(slot.input_id)
        row["elapsed_s"] = found.elapsed_s(slot)
        row["lines"] = voice.lines if voice else 0
        row["last_line_unix_ns"] = voice.last_unix_ns if voice else None
    return data | {
        "budget_bytes": found.budget_bytes,
        "read_unix_ns": found.now_ns,
        "last_sign_of_life_unix_ns": found.last_ns or None,
        "loop": {
            "beat_unix_ns": found.beat_ns or None,
            "busy_since_unix_ns": found.busy_since_ns or None,
            "blocked_s": found.box.pulse.blocked_ns / 1e9,
            "held": [each._asdict() for each in found.held],
        },
        "damaged": found.damaged,
        "outcomes": dict(found.outcomes),
        "executions": [msgspec.structs.asdict(each) for each in found.executions],
        "beside": {
            each.path.name: {"size_bytes": each.size_bytes, "end": each.text}
            for each in found.beside
        },
        "line_count": found.line_count,
        "lines": [json.loads(json_line(line)) for line in found.lines],
    }
