"""Draws the dashboards: ``python -m dashboards.drawing [--prometheus URL]``.

Without an address, the pictures show a simulated service, whose samples a real
Prometheus holds and answers for: `make backends` builds it.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dashboards.drawing import picture, samples
from dashboards.drawing.filling import EXPORT_S, Range
from dashboards.drawing.source import (
    Source,
    prometheus_exemplars,
    prometheus_query,
)
from dashboards.drawing.synthetic.server import simulated
from dashboards.generate import FOLDER
from scripts import backends

_OUT: Final = Path("docs/images/dashboards")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; 2 where there is no Prometheus to ask."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.drawing")
    parser.add_argument("--prometheus", metavar="URL", help="one that runs")
    parser.add_argument("--end", type=float, help="in Unix seconds (now)")
    parser.add_argument("--minutes", type=float, default=60, help="back from the end")
    parser.add_argument("--out", type=Path, default=_OUT, help=f"a folder ({_OUT})")
    parser.add_argument("--only", metavar="UID", help="this dashboard")
    asked = parser.parse_args(arguments)
    end_s = (asked.end or time.time()) // EXPORT_S * EXPORT_S
    with _prometheus(asked.prometheus, end_s) as url:
        if url is None:
            sys.stderr.write("no Prometheus: give --prometheus, or run make backends\n")
            return 2
        source = Source(
            query=prometheus_query(url),
            exemplars=prometheus_exemplars(url),
            counts=samples.counts,
            lines=lambda expr: samples.lines(end_s, expr),
            spans=samples.spans,
        )
        for path in sorted(FOLDER.glob(f"{asked.only or '*'}.json")):
            board = json.loads(path.read_text("utf-8"))
            names = {each["name"] for each in board["templating"]["list"]}
            values = {k: v for k, v in samples.VALUES.items() if k in names}
            if path.stem != "input-explorer":
                values = {}
            minutes = min(3, asked.minutes) if values else asked.minutes
            shown = Range(end_s - 60 * minutes, end_s, values=values)
            picture.draw(board, source, shown, asked.out / f"{path.stem}.png")
            sys.stdout.write(f"{asked.out / path.stem}.png\n")
    return 0


@contextmanager
def _prometheus(url: str | None, end_s: float) -> Iterator[str | None]:
    program = backends.find("prometheus")
    if url is not None or program is None:
        yield url and url.rstrip("/")
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        tempfile.TemporaryDirectory(prefix="dashboards-") as folder,
        simulated(program.parent, Path(folder), port, end_s) as own,
    ):
        yield own


if __name__ == "__main__":
    sys.exit(main())
