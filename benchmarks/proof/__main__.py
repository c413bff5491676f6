"""Is what Prometheus answers what the runtime itself has counted?

    python -m benchmarks.proof [--trace FILE] [--speed N] [--away SECONDS]
                               [--pictures FOLDER] [--hold] [--json FILE] [--quick]

Plays the demo, or replays a trace, beside an app in which all goes wrong that does not
in the demo. An agent delivers to the gateway of ``collector/``, and that to a real
Prometheus 3 with all rules. Compared are: every metric with what ``on_record`` told;
every point on the wire with its sample; every query of the dashboards and every rule
with what must be there; the traces that were kept with those that had to be. The exit
code is 1 when anything differs. Needs the programs that ``make backends`` builds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.proof.ground import Ground, Played
from benchmarks.proof.judging import judge, tell, wait
from benchmarks.proof.stack import Pace, Stack, stack
from benchmarks.report import Report, parser
from dashboards.drawing import __main__ as drawing
from examples.demo.arrivals import parse_trace
from examples.demo.command import DURATION_S, SPEED, TRACE_SPEED

USUAL: Final = Pace(export_s=10, look_s=5, decision_s=15, lag_s=3)
QUICK: Final = Pace(export_s=0.5, look_s=1, decision_s=4, lag_s=30)
"""Also on a machine that has much else to do."""

QUICK_S: Final = 6.0
AWAY_AFTER_S: Final = 10.0
"""When Prometheus is killed, after the beginning."""


def main() -> int:
    """Play, wait until all has arrived, and judge."""
    given = _parsed()
    played = _played(given)
    pace = QUICK if given.quick else USUAL
    report = Report("Proof: the runtime and what Prometheus answers", given)
    with (
        tempfile.TemporaryDirectory(prefix="proof-") as folder,
        stack(Path(folder), pace) as running,
    ):
        ground = Ground(Path(folder) / "ours", running.gateway.http_endpoint, pace)
        dropped = ground.chatter()
        began_s = time.time()
        _play(ground, played, running, given.away)
        wait(running, ground, pace)
        if given.away:
            report.line(f"Prometheus was killed, and back after {given.away:g} s")
        verdict = judge(running, ground, pace, dropped)
        tell(verdict, report)
        if given.pictures:
            minutes = max((time.time() - began_s) / 60, 1)
            _draw(running.prometheus.url, minutes, given.pictures)
        if given.hold:
            input(f"Prometheus is at {running.prometheus.url}; Enter ends it ")
    report.close()
    print("all is as it should be" if verdict.is_right else "SOMETHING DIFFERS")
    return 0 if verdict.is_right else 1


def _parsed() -> argparse.Namespace:
    options = parser(__doc__, None)
    options.add_argument("--trace", type=Path, help="replay this CSV, all of it")
    options.add_argument("--speed", type=float, help="time compression of the arrivals")
    options.add_argument("--length", type=float, help="seconds of the demo")
    options.add_argument(
        "--away", type=float, default=0, help="Prometheus is killed for so many seconds"
    )
    options.add_argument("--pictures", type=Path, help="draw all dashboards there")
    options.add_argument("--hold", action="store_true", help="wait before the end")
    return options.parse_args()


def _played(given: argparse.Namespace) -> Played:
    if given.trace is None:
        length_s = given.length or (QUICK_S if given.quick else DURATION_S)
        return Played(None, length_s, given.speed or SPEED)
    speed = given.speed or TRACE_SPEED
    with given.trace.open(encoding="utf-8-sig", newline="") as lines:
        last_s = parse_trace(lines, str(given.trace))[-1].at_s
    return Played(given.trace, given.length or last_s / speed, speed)


def _play(ground: Ground, played: Played, running: Stack, away_s: float) -> None:
    with ground.replay(played) as playing:
        if away_s:
            time.sleep(AWAY_AFTER_S)
            running.prometheus.kill()
            time.sleep(away_s)
            running.prometheus.start()
    if playing.returncode:
        sys.exit(f"the replay has failed with {playing.returncode}")


def _draw(url: str, minutes: float, folder: Path) -> None:
    drawing.main(
        ["--prometheus", url, "--minutes", f"{minutes:.2f}", "--out", str(folder)]
    )


if __name__ == "__main__":
    sys.exit(main())
