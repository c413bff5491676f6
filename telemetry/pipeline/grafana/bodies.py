"""The JSON of dashboards and data sources: what of it is content, and what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from telemetry.policy.pushing import FINGERPRINT_LENGTH, Mark, mark_in

Body = dict[str, object]

MARK_KEY: Final = "inputTelemetry"
"""Where the mark lies in the ``jsonData`` of a data source, which has no tags."""

_OF_SERVER: Final = frozenset({"id", "uid", "version", "iteration"})
"""Keys of a dashboard that Grafana gives, and that are no content."""

_NAMES_OF_PARTS: Final = ("id", "refId", "name", "uid")
"""Keys by which parts of a list are told apart, in this order."""

_LONG: Final = 160


def content_of_dashboard(body: Mapping[str, object]) -> Body:
    """A dashboard without our mark and without what Grafana gives."""
    found = {key: value for key, value in body.items() if key not in _OF_SERVER}
    found["tags"] = [tag for tag in _tags(body) if mark_in(tag) is None]
    return found


def mark_of_dashboard(body: Mapping[str, object]) -> Mark | None:
    """Our mark on a dashboard."""
    return next((mark for tag in _tags(body) if (mark := mark_in(tag))), None)


def marked_dashboard(body: Mapping[str, object], mark: Mark) -> Body:
    """A dashboard with this mark, and with no other."""
    kept = [tag for tag in _tags(body) if mark_in(tag) is None]
    return {**body, "tags": [*kept, mark.text()]}


def _tags(body: Mapping[str, object]) -> list[str]:
    tags = body.get("tags")
    return [str(tag) for tag in tags] if isinstance(tags, list) else []


def content_of_source(body: Mapping[str, object], like: Mapping[str, object]) -> Body:
    """Of a data source what we have a word in: the keys that ours has.

    Credentials, flags and keys that somebody added there are theirs.
    """
    found: Body = {key: body.get(key) for key in like if key != "jsonData"}
    theirs, ours = _json_data(body), _json_data(like)
    found["jsonData"] = {key: theirs.get(key) for key in ours if key != MARK_KEY}
    return found


def mark_of_source(body: Mapping[str, object]) -> Mark | None:
    """Our mark on a data source."""
    return mark_in(str(_json_data(body).get(MARK_KEY, "")))


def marked_source(
    there: Mapping[str, object], ours: Mapping[str, object], mark: Mark
) -> Body:
    """Our data source on top of what is there, with this mark."""
    data = {**_json_data(there), **_json_data(ours), MARK_KEY: mark.text()}
    return {**there, **ours, "jsonData": data}


def _json_data(body: Mapping[str, object]) -> Body:
    data = body.get("jsonData")
    return data if isinstance(data, dict) else {}


def fingerprint(content: Mapping[str, object]) -> str:
    """The same for the same content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def differences(old: object, new: object) -> list[str]:
    """What makes *new* of *old*, for people: a path, then ``-`` and ``+`` lines."""
    return list(_differences(old, new, ""))


def _differences(old: object, new: object, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), _joined(path, key))
    elif _parts(old) is not None and _parts(new) is not None:
        before, after = _parts(old) or {}, _parts(new) or {}
        for name in dict.fromkeys([*before, *after]):
            there = _joined(path, name)
            yield from _differences(before.get(name), after.get(name), there)
    elif old != new:
        yield path or "."
        if old is not None:
            yield f"  - {_shown(old)}"
        if new is not None:
            yield f"  + {_shown(new)}"


def _parts(value: object) -> dict[str, object] | None:
    """The parts of a list by name; None when it is no list of named parts."""
    if not isinstance(value, list):
        return None
    found: dict[str, object] = {}
    for part in value:
        key = _name(part)
        if key is None or key in found:
            return None
        found[key] = part
    return found


def _name(part: object) -> str | None:
    if not isinstance(part, dict):
        return None
    key = next((key for key in _NAMES_OF_PARTS if key in part), None)
    if key is None:
        return None
    title = part.get("title")
    return f"{part[key]} {title!r}" if title else f"{part[key]}"


def _joined(path: str, key: str) -> str:
    return f"{path} / {key}" if path else key


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({len(text)} characters)"


def counted(lines: Sequence[str]) -> int:
    """How many places differ, of what `differences` says."""
    return sum(not line.startswith("  ") for line in lines)
