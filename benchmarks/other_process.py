"""A part of a benchmark in a process of its own, which does what it is asked to.

What a program has loaded, and which threads it has, changes what everything in it
costs. So each side of such a comparison gets a process, and they take turns.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module
from typing import Any, Final, Self

Actions = Mapping[str, Callable[..., object]]
"""What can be asked for; arguments and answers are fit for JSON."""

_END_S: Final = 10.0


class OtherProcess:
    """Runs what *target* gives; ends with the block.

    Args:
        target: ``module:function``; the function gets an `ExitStack`, which is closed
            as the process ends, and returns its `Actions`.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid: Final = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The end of what it can be asked is the end of the process.
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except BrokenPipeError:
                pass  # it has ended already; whoever asked was told
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, action: str, *arguments: object) -> Any:  # noqa: ANN401 - as JSON is
        """Have it do something, and wait for the answer.

        Raises:
            RuntimeError: It has ended; it has said why on stderr.
        """
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        try:
            process.stdin.write(json.dumps([action, *arguments]) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the process of {self._target} has ended")
        return json.loads(answer)


def serve(target: str) -> None:
    """In that process: do what is asked, one thing after the other."""
    # Our answers get a descriptor of their own: what is printed goes to stderr.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = target.partition(":")
    with ExitStack() as stack:
        actions: Actions = getattr(import_module(module), name)(stack)
        gc.collect()
        gc.freeze()
        for line in sys.stdin:
            action, *arguments = json.loads(line)
            answers.write(json.dumps(actions[action](*arguments)) + "\n")
            answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
