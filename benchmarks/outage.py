"""Is anything lost while the Collector is away and agents are killed?

    python -m benchmarks.outage [--lines N] [--away SECONDS] [--kills N] [--quick]

An app writes lines; a real Collector is killed and comes back later; meanwhile and
afterwards the agent is killed with SIGKILL again and again, each time right after it
has begun to work. Then everything must be in the store exactly once, and at the
Collector at least once; the exit code is 1 otherwise. Needs the Collector that
``make backends`` builds.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.report import Report, parser
from telemetry.pipeline.agent.lock import holder
from telemetry.pipeline.agent.places import Places, places
from telemetry.pipeline.agent.status import living_agent
from tests.stack.collector import CollectorRun
from tests.stack.programs import need

_SEED: Final = 7
_DEADLINE_S: Final = 300.0
_LOOK_S: Final = 0.02


class Found(NamedTuple):
    """What is where, in the end."""

    written: int
    stored: int
    distinct: int
    arrived: int
    named: int
    spans: int
    spans_named: int
    killed: int
    seconds: float

    @property
    def again(self) -> int:
        """Spans that came to the Collector more than once."""
        return self.spans - self.spans_named


class Ground:
    """The folder of the run, and those who work in it."""

    def __init__(self, folder: Path, collector: CollectorRun) -> None:
        folder.mkdir(mode=0o700)
        self.place: Final[Places] = places(folder)
        self.collector: Final = collector
        self.environ: Final = {
            **os.environ,
            "TELEMETRY_DIR": str(folder),
            "TELEMETRY_RECEIVE": "none",
            "TELEMETRY_AGENT": "auto",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http_endpoint,
        }

    def app(self, lines: int, per_s: float) -> subprocess.Popen[str]:
        """Start the app."""
        command = [
            sys.executable,
            "-m",
            "benchmarks.outage_app",
            str(lines),
            str(per_s),
        ]
        return subprocess.Popen(
            command, env=self.environ, text=True, stdout=subprocess.PIPE
        )

    def kill_agent(self) -> bool:
        """Kill the agent, if one works by now."""
        status = living_agent(self.place)
        if status is None:
            return False
        os.kill(status.pid, signal.SIGKILL)
        return True

    def drain(self) -> None:
        """Let an agent deliver all that is left."""
        until_s = time.monotonic() + _DEADLINE_S
        while holder(self.place.lock) is not None:
            if time.monotonic() >= until_s:
                raise TimeoutError("an agent goes on")
            time.sleep(_LOOK_S)
        command = [sys.executable, "-m", "telemetry", "agent", "--once"]
        for _ in range(10):
            done = subprocess.run(
                command, env=self.environ, check=False, capture_output=True
            )
            if not done.returncode:
                return
        raise TimeoutError("not everything could be delivered")

    def ask(self, question: str) -> int:
        """The first value of the answer of the store."""
        uri = f"{self.place.store.as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            return int(connection.execute(question).fetchone()[0])
        finally:
            connection.close()


def run(ground: Ground, lines: int, away_s: float, kills: int) -> Found:
    """The whole story."""
    chance = random.Random(_SEED)
    started_s = time.monotonic()
    length_s = away_s * 1.5
    killed = 0
    with ground.app(lines, lines / length_s) as app:
        time.sleep(away_s / 10)
        ground.collector.kill()
        gone_s = time.monotonic()
        is_away = True
        next_s = time.monotonic()
        while app.poll() is None or killed < kills:
            now_s = time.monotonic()
            if is_away and now_s - gone_s >= away_s:
                ground.collector.start()
                is_away = False
            if killed < kills and now_s >= next_s and ground.kill_agent():
                killed += 1
                next_s = now_s + chance.uniform(0.2, 1.5) * length_s / kills / 2
            if app.poll() is not None and holder(ground.place.lock) is None:
                break  # nobody is left to kill
            time.sleep(_LOOK_S)
        written = int(app.communicate()[0])
        if is_away:
            ground.collector.start()
    ground.drain()
    logs, spans = ground.collector.logs(), ground.collector.spans()
    named = Counter(each.attributes["log.record.uid"] for each in logs)
    ids = {(each.trace_id, each.span_id) for each in spans}
    return Found(
        written,
        ground.ask("select count(*) from logs where event = 'written'"),
        ground.ask(
            "select count(*) from (select distinct execution, fields from logs "
            "where event = 'written')"
        ),
        sum(each.body == "written" for each in logs),
        len(named),
        len(spans),
        len(ids),
        killed,
        time.monotonic() - started_s,
    )


def main() -> int:
    """Run it, and judge."""
    arguments = parser(__doc__, None)
    arguments.add_argument("--lines", type=int, default=200_000)
    arguments.add_argument("--away", type=float, default=60.0)
    arguments.add_argument("--kills", type=int, default=20)
    options = arguments.parse_args()
    if options.quick:
        options.lines, options.away, options.kills = 4_000, 4.0, 2
    report = Report("outage: the Collector away, agents killed", options)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "collector").mkdir()
        collector = CollectorRun(need("otelcol"), Path(folder) / "collector")
        collector.start()
        try:
            ground = Ground(Path(folder) / "ours", collector)
            found = run(ground, options.lines, options.away, options.kills)
            stored_all = ground.ask("select count(*) from logs")
            spans_stored = ground.ask("select count(*) from spans")
        finally:
            collector.discard()
    again, twice = found.arrived - found.written, found.stored - found.distinct
    rows = [
        ("lines written", f"{found.written:,}", ""),
        ("lines in the store", f"{found.stored:,}", f"{twice:,} twice"),
        ("lines at the Collector", f"{found.arrived:,}", f"{again:,} more than once"),
        ("spans in the store", f"{spans_stored:,}", ""),
        ("spans at the Collector", f"{found.spans:,}", f"{found.again:,} again"),
        ("agents killed", f"{found.killed}", f"in {found.seconds:.0f} s"),
    ]
    report.table("what is where", ("what", "count", ""), rows)
    report.keep("what is where", found._asdict())
    report.close()
    right = (
        found.stored == found.distinct == found.written
        and found.named == stored_all
        and found.spans_named == spans_stored
    )
    print("nothing is lost" if right else "SOMETHING IS LOST")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
