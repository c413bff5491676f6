"""``telemetry export``: what is stored, as files for other tools."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from telemetry.capture.terminal import escaped
from telemetry.capture.wording import counted, counted_of
from telemetry.cli.asking import (
    add_window,
    answered,
    failed,
    opened,
    parser_of,
    place_of,
)
from telemetry.cli.meant import one_input
from telemetry.pipeline.exports import otlp_json, perfetto
from telemetry.pipeline.exports.selection import Progress, Selection

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from telemetry.cli.asking import Verbs
    from telemetry.pipeline.exports.selection import OnProgress

_EXAMPLES: Final = """examples:
  telemetry export --perfetto run.pftrace    open it at https://ui.perfetto.dev
  telemetry export --otlp-json run.jsonl --since 1h
  telemetry export --otlp-json - --input K7Q2ZD | gzip > one.jsonl.gz
  telemetry export --parquet FOLDER          a file for each table; needs pyarrow
"""
_SHOW_EVERY_S: Final = 0.2
_STDOUT: Final = "-"


def add_to(verbs: Verbs) -> None:
    """Add this verb to the command."""
    parser = parser_of(
        verbs,
        "export",
        "what is stored, as OTLP/JSON, Perfetto trace or Parquet",
        "Write what is stored to files for other tools.",
        _EXAMPLES,
    )
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--perfetto", metavar="FILE", help="a trace; - for stdout")
    form.add_argument("--otlp-json", metavar="FILE", help="OTLP, a request on a line")
    form.add_argument("--parquet", metavar="FOLDER", help="a file for each table")
    parser.add_argument("--function", help="of inputs of this function")
    parser.add_argument("--container", metavar="ID", help="of this container")
    parser.add_argument("--input", metavar="ID", help="of this input alone")
    add_window(parser)
    parser.set_defaults(run=run, verb="export")


@answered
def run(asked: argparse.Namespace) -> int:
    """Do it."""
    with opened(asked) as reader:
        input_id = None
        if asked.input is not None:
            found, why = one_input(reader, asked.input)
            if found is None:
                return failed(asked, why)
            input_id = found.input_id
    selection = Selection(
        asked.since, asked.until, asked.function, asked.container, input_id
    )
    progress = _Shown()
    written = _write(asked, selection, progress)
    progress.clear()
    said = ", ".join(
        counted_of(count, what) for what, count in written.items() if count
    )
    _say(f"wrote {said or counted(0, 'item')}")
    return 0


def _write(
    asked: argparse.Namespace, selection: Selection, progress: OnProgress
) -> Counter[str]:
    store = place_of(asked).store
    if asked.parquet is not None:
        from telemetry.pipeline.exports import parquet  # noqa: PLC0415  # its package is large, and may be missing

        return parquet.write(store, Path(asked.parquet), selection, progress)
    write: Callable[..., Counter[str]] = perfetto.write
    path = asked.perfetto
    if path is None:
        write, path = otlp_json.write, asked.otlp_json
    if path == _STDOUT:
        return write(store, sys.stdout.buffer, selection, progress)
    with Path(path).open("wb") as out:
        return write(store, out, selection, progress)


class _Shown:
    """How far it is, on a terminal, in one row that is written over."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown_s = time.monotonic()
        self._is_shown = False

    def __call__(self, now: Progress) -> None:
        now_s = time.monotonic()
        if not self._terminal or now_s - self._shown_s < _SHOW_EVERY_S:
            return
        self._shown_s, self._is_shown = now_s, True
        share = f" of {now.total:,}" if now.total else ""
        sys.stderr.write(f"\r\x1b[K{escaped(now.what)}: {now.done:,}{share}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the row away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")


def _say(text: str) -> None:
    sys.stderr.write(f"telemetry export: {escaped(text)}\n")
