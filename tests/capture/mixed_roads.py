"""A program that writes on every road at once, from tasks and threads: run with -m.

Arguments: the folder for its boxes, how many tasks and as many threads, lines per
road, and whether its output goes nowhere but into the box, as in a container. Each
line is a mark that says whose it is, by which road, and which one of them. What the
program's own tracer has made of its spans goes to ``spans.json``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import telemetry
from telemetry.capture.roads import streams

HERE: Final = (
    *("get_logger", "logging", "extra", "structlog", "print", "stderr", "warnings"),
    *("span", "thread", "submit", "map", "worker"),
)
"""Roads that every input takes."""
TASKS: Final = ("to_thread", "run_in_executor", "callback", "child_task")
"""Those that only tasks take."""
CHILDREN: Final = ("child", "child_print")
"""Those of the inputs that start a process of their own."""

_CHILD: Final = """
import sys, telemetry
folder, mark, printed, lines = sys.argv[1:]
telemetry.configure("child", console=None, directory=folder)
for number in range(int(lines)):
    telemetry.get_logger().info(f"{mark}{number}")
    print(f"{printed}{number}")
"""

log, app, foreign = (
    telemetry.get_logger("ours"),
    logging.getLogger("app"),
    structlog.get_logger("foreign"),
)


def prepare(folder: str) -> None:
    """Make a process ready to be recorded."""
    warnings.simplefilter("always")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    telemetry.configure("mixed", console=None, directory=folder)


def say(mark: str) -> None:
    """Leave a line, wherever this is called."""
    log.info(mark)


def here(marked: Callable[[str], str], *, is_task: bool) -> None:
    """One line on each of the roads that end where they began."""
    log.info(marked("get_logger"), step=1, secs=0.25)
    app.info("%s", marked("logging"))
    app.warning(marked("extra"), extra={"step": 1})
    foreign.info(marked("structlog"))
    print(marked("print"))
    print(marked("stderr"), file=sys.stderr)
    warnings.warn(marked("warnings"), stacklevel=1)
    with trace.get_tracer("app").start_as_current_span(marked("span")):
        log.info(marked("span"))
    thread = threading.Thread(target=say, args=(marked("thread"),))
    thread.start()
    if not is_task:
        thread.join()


class Program:
    """All of its inputs, which begin at the same moment."""

    def __init__(self, folder: str, count: int, lines: int) -> None:
        self.folder, self.lines = folder, lines
        self.count = count
        self.barrier = threading.Barrier(count + 1)
        self.threads = ThreadPoolExecutor(8)
        self.processes = ProcessPoolExecutor(
            2, get_context("spawn"), initializer=prepare, initargs=(folder,)
        )

    def child(self, name: str) -> None:
        """The first inputs of each kind start a process, which knows its input."""
        if name.endswith("-0"):
            arguments = (f"{name}|child|", f"{name}|child_print|", str(self.lines))
            command = [sys.executable, "-c", _CHILD, self.folder, *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def thread(self, number: int) -> None:
        """An input on a thread of its own."""
        name = f"in-thread-{number}"
        with telemetry.input_scope("mixed", input_id=name):
            self.barrier.wait()
            for line in range(self.lines):

                def marked(road: str, line: int = line) -> str:
                    return f"{name}|{road}|{line}"

                here(marked, is_task=False)
                self.threads.submit(say, marked("submit")).result()
                list(self.threads.map(say, [marked("map")]))
                self.processes.submit(say, marked("worker")).result()
            self.child(name)

    async def task(self, number: int) -> None:
        """An input on the loop."""
        name, loop = f"in-task-{number}", asyncio.get_running_loop()
        with telemetry.input_scope("mixed", input_id=name):
            for line in range(self.lines):

                def marked(road: str, line: int = line) -> str:
                    return f"{name}|{road}|{line}"

                here(marked, is_task=True)
                await asyncio.sleep(0)
                await asyncio.to_thread(say, marked("to_thread"))
                await loop.run_in_executor(self.threads, say, marked("run_in_executor"))
                loop.call_soon(say, marked("callback"))
                await asyncio.wrap_future(self.threads.submit(say, marked("submit")))
                await asyncio.to_thread(
                    lambda found: list(self.threads.map(say, [found])), marked("map")
                )
                await asyncio.create_task(asyncio.to_thread(say, marked("child_task")))
                await asyncio.wrap_future(self.processes.submit(say, marked("worker")))
            await asyncio.to_thread(self.child, name)

    async def tasks(self) -> None:
        """All inputs of the loop, beside the threads."""
        self.barrier.wait()
        await asyncio.gather(*(self.task(number) for number in range(self.count)))

    def run(self) -> None:
        """All of it."""
        workers = [
            threading.Thread(
                target=self.thread, args=(number,), name=f"worker-{number}"
            )
            for number in range(self.count)
        ]
        for worker in workers:
            worker.start()
        asyncio.run(self.tasks())
        for worker in workers:
            worker.join()
        self.threads.shutdown()
        self.processes.shutdown()


def main() -> None:
    """Run, and say what has become of the spans."""
    folder, count, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    prepare(folder)
    streams.ROAD.swallow = sys.argv[4] == "container"
    Program(folder, count, lines).run()
    spans = {
        span.name: [
            (span.attributes or {}).get("input.id"),
            format(span.context.trace_id, "032x"),
            format(span.context.span_id, "016x"),
        ]
        for span in exporter.get_finished_spans()
    }
    Path(folder, "spans.json").write_text(json.dumps(spans), "utf-8")
    telemetry.shutdown()


if __name__ == "__main__":
    main()
