"""Which telemetry names dashboards and Collector files use, and which are unknown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from telemetry.core import names

SUFFIXES: Final = frozenset({".json", ".py", ".rules", ".yaml", ".yml"})

OF_TOOLS: Final = frozenset({"input_series"})
"""Words of promtool's own test files that begin like one of our names."""

_DOTTED: Final = re.compile(r"(?<![\w.])(?:input|faas)\.[a-z_]+(?:\.[a-z_]+)*")
_PROMETHEUS: Final = re.compile(r"(?<![\w.])[\w:]*\b(?:input|faas)_[a-z0-9][\w:]*")
_RECORDED: Final = re.compile(
    r"""^\s*-?\s*["']?record["']?:\s*["']?([\w:]+)""", re.MULTILINE
)


def known_names() -> frozenset[str]:
    """Every name of the contract, with dots and as Prometheus and Loki write it."""
    dotted = {m.name for m in names.METRICS} | names.ATTRIBUTES | names.EVENTS
    series = {s for m in names.METRICS for s in names.prometheus_names(m)}
    # A query may name a histogram without its suffix, in metadata or a regex.
    series |= {s.removesuffix("_bucket") for s in series}
    labels = {name.replace(".", "_") for name in names.ATTRIBUTES | names.EVENTS}
    return frozenset(dotted | series | labels | names.FIELDS | OF_TOOLS)


def unknown_names(folders: list[Path]) -> list[str]:
    """Where files under *folders* use a name that nothing emits or records."""
    texts = {
        path: path.read_text("utf-8")
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in SUFFIXES
    }
    recorded = {name for text in texts.values() for name in _RECORDED.findall(text)}
    known = known_names() | recorded
    return [
        f"{path}:{number}: {name}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        for name in used_names(line)
        if name not in known
    ]


def used_names(line: str) -> list[str]:
    """The names with our prefixes in a line, as written."""
    found = _DOTTED.findall(line) + _PROMETHEUS.findall(line)
    return [name.rstrip(":") for name in found]
