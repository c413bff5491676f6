"""The command: its arguments, a replay with trouble in it, and what came of it."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import telemetry
from examples.demo import looking
from examples.demo.arrivals import Request, TraceError, parse_trace, synthetic
from examples.demo.books import audit
from examples.demo.director import Director, Plan, Report, Watch, plan
from examples.demo.lines import show
from examples.demo.looking import where_to_look
from examples.demo.observer import Event, Observer
from examples.demo.status import Progress, status
from examples.demo.summary import Facts, summary
from examples.demo.theme import Accents, Theme, can_show_unicode
from examples.demo.workload import SHAPES, app
from telemetry.capture.console import Console, wants_colour
from telemetry.capture.sink import current_console, set_console

DURATION_S: Final = 20.0
SPEED: Final = 10.0
TRACE_SPEED: Final = 60.0
SEED: Final = 1418
"""Any will do; with this one the default length has busy and quiet stretches."""

MOST_SPEED: Final = 1_000.0
MOST_DURATION_S: Final = 3_600.0

_RUN_AS: Final = "python -m examples.demo"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 1 when its books do not balance.

    Raises:
        KeyboardInterrupt: After Ctrl-C, once the summary of what there was is shown.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        requests, source = _requests(given)
    except (OSError, TraceError, UnicodeDecodeError) as error:
        parser.error(f"--trace: {_told(given.trace, error)}")
    length_s = _length_s(given, requests)
    replay = plan(requests, given.speed, length_s)
    _prepare_console(given)
    started_s = time.monotonic()
    observer, report, interrupted = _run(replay, quiet=given.quiet)
    facts = Facts(
        source=source,
        elapsed_s=time.monotonic() - started_s,
        interrupted=interrupted,
        next_commands=_next_commands(given),
    )
    books = audit(observer, report, callers=not interrupted)
    page = summary(observer, report, books, facts, _theme(sys.stdout, given))
    try:
        print(page, end="", flush=True)
    except BrokenPipeError:
        # Whoever read it has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if interrupted:
        raise KeyboardInterrupt
    return 0 if books.balanced else 1


def _run(replay: Plan, *, quiet: bool) -> tuple[Observer, Report, bool]:
    observer = Observer(SHAPES)
    theme = _console_theme()
    watch = Watch(observer, _silent if quiet else lambda event: show(event, theme))
    console = current_console()

    def on_tick(progress: Progress) -> None:
        if console is not None and theme is not None:
            rows = watch.ask(lambda seen: status(seen, progress, theme))
            console.set_status(rows)

    director = Director(replay, watch, on_tick)
    interrupted = False
    try:
        asyncio.run(_replay(director, watch, guide=theme is not None or not quiet))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        if console is not None:
            console.clear_status()
            console.flush(1.0)
    return observer, director.report, interrupted


async def _replay(director: Director, watch: Watch, *, guide: bool) -> None:
    async with app.run(on_record=watch.on_record, shutdown_grace=10):
        if guide:  # for a person, wherever the lines go, and before all else
            print(f"\n  {await where_to_look()}\n", file=sys.stderr, flush=True)
        await director.run()


def _silent(event: Event) -> None:
    """Says nothing: for ``--quiet``."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_RUN_AS,
        description="Replay bursty arrivals through three functions, with trouble.",
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="replay this CSV (TIMESTAMP, ContextTokens, GeneratedTokens) "
        "and not the model",
    )
    parser.add_argument(
        "--speed",
        type=lambda text: _number("--speed", text, MOST_SPEED),
        metavar="N",
        help=f"time compression, above 0 and at most {MOST_SPEED:g} "
        f"(default: {SPEED:g}, with --trace {TRACE_SPEED:g})",
    )
    parser.add_argument(
        "--duration",
        type=lambda text: _number("--duration", text, MOST_DURATION_S),
        metavar="S",
        help="real seconds of the replay, above 0 and at most "
        f"{MOST_DURATION_S:g} (default: {DURATION_S:g}, with --trace all of it)",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=SEED,
        help=f"of the model: a whole number from 0 (default: {SEED})",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="no log lines, only status and summary"
    )
    parser.add_argument(
        "--no-colour",
        "--no-color",
        action="store_true",
        help="no colours (NO_COLOR=1 does the same)",
    )
    return parser


def _number(key: str, text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(
            f"{key} is {text!r}; it must be a number above 0 and at most {most:g}"
        )
    return value


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise argparse.ArgumentTypeError(
            f"--seed is {text!r}; it must be a whole number "
            "from 0, of at most 18 digits"
        )
    return int(text)


def _requests(given: argparse.Namespace) -> tuple[list[Request], str]:
    """The arrivals, and what the summary says of them; settles the speed, too."""
    if given.trace is None:
        given.speed = given.speed or SPEED
        trace_s = (given.duration or DURATION_S) * given.speed
        requests = synthetic(trace_s, given.seed)
        return requests, f"model, seed {given.seed}, speed {given.speed:g}"
    given.speed = given.speed or TRACE_SPEED
    with given.trace.open(encoding="utf-8-sig", newline="") as lines:
        requests = parse_trace(lines, str(given.trace))
    return requests, f"{given.trace.name[-40:]}, speed {given.speed:g}"


def _length_s(given: argparse.Namespace, requests: Sequence[Request]) -> float:
    if given.trace is None:
        return float(given.duration or DURATION_S)
    whole_s: float = requests[-1].at_s / given.speed
    # Even one request is followed by the scenes, which need their time.
    return float(given.duration or max(whole_s, 1.0))


def _questions() -> list[tuple[str, str]]:
    ours = looking.command()
    return [
        (f"{ours} inputs --burst --order slowest", "what became of which input"),
        (f"{ours} trace ID", "the life of one: waits, attempts, who ran beside it"),
        (f"{ours} view", "the same in a browser"),
    ]


def _told(file: Path, error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot read {file}: {error.strerror}; give a CSV file"
    if isinstance(error, UnicodeDecodeError):
        return f"{file} is not text in UTF-8, at byte {error.start}; give a CSV file"
    return str(error)


def _theme(stream: object, given: argparse.Namespace) -> Theme:
    terminal = bool(getattr(stream, "isatty", lambda: False)())
    return Theme(
        colour=not given.no_colour and wants_colour(os.environ, terminal=terminal),
        unicode=can_show_unicode(getattr(stream, "encoding", None)),
    )


def _prepare_console(given: argparse.Namespace) -> None:
    # Nothing of this program is critical: the containers do not even make the lines.
    telemetry.configure("demo", level="CRITICAL" if given.quiet else "INFO")
    console = current_console()
    if console is None:
        return
    theme = _theme(sys.stderr, given)
    stream = Accents(sys.stderr) if theme.colour and theme.unicode else sys.stderr
    colour = False if given.no_colour else None
    set_console(Console(console.style, stream=stream, colour=colour))


def _console_theme() -> Theme | None:
    """How the console shows things; None for JSON, and for no console."""
    console = current_console()
    if console is None or console.style == "json":
        return None
    terminal = sys.stderr.isatty()
    if console.style == "auto" and not terminal:
        return None
    return Theme(
        colour=wants_colour(os.environ, terminal=terminal),
        unicode=can_show_unicode(sys.stderr.encoding),
    )


def _next_commands(given: argparse.Namespace) -> list[tuple[str, str]]:
    make = shutil.which("make") is not None and Path("Makefile").is_file()

    def command(arguments: str) -> str:
        return f"make demo ARGS='{arguments}'" if make else f"{_RUN_AS} {arguments}"

    if given.trace is not None:
        slower = command(f"--trace FILE --speed {given.speed / 2:g}")
        return [
            *_questions(),
            (slower, "the same at half the pace"),
            (command("--quiet"), "the model, and only the summary"),
        ]
    return [
        *_questions(),
        (command(f"--speed {2 * given.speed:g}"), "twice the pace: more in the time"),
        (command(f"--seed {given.seed + 1} --duration 40"), "other bursts, for longer"),
        (command("--trace FILE"), "arrivals of your own, or the public trace"),
    ]
