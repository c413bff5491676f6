"""Real programs on loopback: started, waited for, stopped, killed, started again."""

from __future__ import annotations

import http.client
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from scripts import backends

HOST: Final = "127.0.0.1"
REQUIRED_VARIABLE: Final = "REQUIRE_BACKENDS"
"""Names of backends, with commas; a test that lacks one of them fails. CI sets it.
No name of ours in front: the toolkit warns of those that it does not read."""

ANY_VERSION: Final = frozenset({"promtool"})
"""Taken from PATH too, where they are not built: Debian's 2.42 reads all our rules."""

OK: Final = 200
READY_S: Final = 30.0
STOP_S: Final = 20.0
_PAUSE_S: Final = 0.02
_PORTS: Final = (10_000, 32_000)
"""Source: Linux, ip_local_port_range, begins at 32,768; macOS at 49,152."""
_ALL_IS_WELL: Final = re.compile(r"\tinfo\t|\blevel=INFO\b")
"""In lines of the Collector and of Prometheus."""


def need(program: str) -> Path:
    """Where the built *program* lies; without it the test is skipped, or fails."""
    found: Path | str | None = backends.find(program)
    if found is None and program in ANY_VERSION:
        found = shutil.which(program)
    if found is not None:
        return Path(found)
    (name,) = (b.name for b in backends.BACKENDS.values() if program in b.programs)
    lacking = f"NOT CHECKED: no {program}; `make backends` builds it, with Go"
    if name in os.environ.get(REQUIRED_VARIABLE, "").split(","):
        pytest.fail(f"{REQUIRED_VARIABLE} names {name}, and {lacking}")
    pytest.skip(lacking)


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment, nor calls from.

    Race: 1. a port of the range for callers is found free; 2. somebody's connection
    gets it; 3. the program cannot listen there. So it is one below that range.
    """
    while True:
        port = random.randrange(*_PORTS)
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            continue
        return port


def ask(
    port: int,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Status and body of the answer on loopback; POST when there is a *body*.

    Raises:
        OSError: Nobody answers.
    """
    line = http.client.HTTPConnection(HOST, port, timeout=STOP_S)
    try:
        method = "GET" if body is None else "POST"
        line.request(method, path, body, dict(headers or {}))
        answer = line.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{path} of port {port}: {error!r}") from error
    finally:
        line.close()


def wait_until(holds: Callable[[], object], what: str, deadline_s: float) -> None:
    """Polls until *holds* is true.

    Raises:
        TimeoutError: It was not within *deadline_s*.
    """
    until = time.monotonic() + deadline_s
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"{what}: not within {deadline_s} s")
        time.sleep(_PAUSE_S)


class Program:
    """A program with a log file, that can be started again as it was.

    Attributes:
        folder: Of its own; the log lies there.
        ready_path: Answers 200 on *ready_port* once the program works.
    """

    def __init__(self, folder: Path, ready_port: int, ready_path: str) -> None:
        self.folder = folder
        self._ready_port = ready_port
        self._ready_path = ready_path
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What to run; asked at each start."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it gets to see beside ours; asked at each start."""
        return {}

    @property
    def log(self) -> Path:
        """What it printed, over all its starts."""
        return self.folder / "log.txt"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it and waits until it works.

        Raises:
            RuntimeError: It ended instead; the text has the end of its log.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_settled, f"{type(self).__name__} is ready", READY_S)
        if not self.is_running:
            raise RuntimeError(f"it ended at once:\n{self.end_of_log()}")

    def _is_settled(self) -> bool:
        if not self.is_running:
            return True
        try:
            return ask(self._ready_port, self._ready_path)[0] == OK
        except OSError:
            return False

    def stop(self) -> int:
        """Asks it to end (SIGTERM), waits, and returns its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it in mid-instruction (SIGKILL)."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def end_of_log(self, lines: int = 40) -> str:
        """The last lines that it printed, but those that say that all is well."""
        text = self.log.read_text("utf-8").splitlines()
        told = [line for line in text if not _ALL_IS_WELL.search(line)]
        return "\n".join(told[-lines:])

    def discard(self) -> None:
        """Ends it and removes its data; its log goes to the captured output."""
        if self.is_running:
            self.kill()
        # pytest shows this beside a failure, and forgets it after a success.
        print(f"--- end of {self.log} ---\n{self.end_of_log()}")
        shutil.rmtree(self.folder, ignore_errors=True)
