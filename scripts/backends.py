"""Builds the Collector and Prometheus, from source, once, for tests and for people.

    python scripts/backends.py                    what is there, and where
    python scripts/backends.py build              what is missing
    python scripts/backends.py build collector    only this one
    python scripts/backends.py build --if-go      without Go, say so and exit 0

Go fetches the sources at pinned versions; the Collector is put together by its
official builder from ``collector/builder.yaml``. The programs are kept in
``$XDG_CACHE_HOME/input-telemetry`` (``~/.cache`` when unset), each under what it was
made of: a changed manifest makes a new one.

Exit status: 0 all there, 1 a build failed, 2 wrong usage, 3 no Go to build with.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MANIFEST: Final = Path(__file__).resolve().parents[1] / "collector" / "builder.yaml"

PROMETHEUS: Final = "v0.316.0"
"""Prometheus 3.16.0: as a Go module, its major version is 0. The first releases
with OTLP metrics of our names are 3.0, the last that had to be patched 3.14."""

OLDEST_GO: Final = (1, 21)
"""Since then Go fetches the newer Go that a module asks for (1.26 these do)."""

FAILED: Final = 1
NO_GO: Final = 3


class MissingToolError(Exception):
    """What is needed to build is not on this machine."""


class BuildError(Exception):
    """A build went wrong; the text says where."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Something that can be built.

    Attributes:
        made_of: All that decides what comes out.
        programs: The executables that come out.
        takes: How long it takes on two cores with empty caches, for the message.
        build: Puts the programs into a folder; the second one is for scratch files.
    """

    name: str
    made_of: str
    programs: tuple[str, ...]
    takes: str
    build: Callable[[Path, Path], None]

    @property
    def folder(self) -> Path:
        """Where its programs are kept."""
        target = f"{sys.platform} {platform.machine()}"
        key = hashlib.sha256(f"{self.made_of} {target}".encode()).hexdigest()[:12]
        return cache_directory() / f"{self.name}-{key}"

    @property
    def is_there(self) -> bool:
        """Whether it has been built."""
        return all((self.folder / program).is_file() for program in self.programs)


def cache_directory() -> Path:
    """Where built programs are kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "input-telemetry"


def find(program: str) -> Path | None:
    """The built *program*; None when it has not been built."""
    for backend in BACKENDS.values():
        if program in backend.programs and backend.is_there:
            return backend.folder / program
    return None


def make(backend: Backend) -> Path:
    """The folder with the programs of *backend*, which are built if need be.

    Raises:
        MissingToolError: There is no Go, or it is too old.
        BuildError: Go or the builder failed.
    """
    if backend.is_there:
        return backend.folder
    require_go()
    cache_directory().mkdir(parents=True, exist_ok=True)
    with locked(backend.folder.with_suffix(".lock")):
        if backend.is_there:  # by another process, while this one waited
            return backend.folder
        print(f"building {backend.name}, once: {backend.takes}", flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=cache_directory()) as scratch:
            made = Path(scratch, "made")
            made.mkdir()
            backend.build(made, Path(scratch))
            shutil.rmtree(backend.folder, ignore_errors=True)
            made.rename(backend.folder)  # whole, or not there at all
        print(f"built {backend.folder} in {time.monotonic() - began:.0f} s", flush=True)
    return backend.folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; it goes away with the process that has it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def require_go() -> None:
    """Looks for a Go that can build.

    Raises:
        MissingToolError: There is none.
    """
    if shutil.which("go") is None:
        raise MissingToolError("go is not on PATH; it is at https://go.dev/dl/")
    answer = subprocess.run(
        ["go", "env", "GOVERSION"], capture_output=True, text=True, check=False
    )
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GO:
        raise MissingToolError(
            f"go {answer.stdout.strip() or answer.stderr.strip()} is too old; "
            f"needed is {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer"
        )


def build_collector(made: Path, scratch: Path) -> None:
    """Has the official builder put the Collector together."""
    version = manifest_version()
    builder = f"go.opentelemetry.io/collector/cmd/builder@{version}"
    _run(["go", "install", builder], scratch, GOBIN=str(scratch))
    _run([str(scratch / "builder"), f"--config={MANIFEST}"], scratch)
    shutil.move(scratch / "otelcol" / "otelcol", made / "otelcol")


def manifest_version() -> str:
    """The Collector's version, as the manifest has it.

    Raises:
        BuildError: The manifest names no OTLP receiver.
    """
    found = re.search(r"/otlpreceiver (v[\d.]+)", MANIFEST.read_text("utf-8"))
    if found is None:
        raise BuildError(f"no otlpreceiver in {MANIFEST}, which gives the version")
    return found[1]


def build_prometheus(made: Path, scratch: Path) -> None:
    """Builds Prometheus and promtool, without service discovery and web pages."""
    module = "github.com/prometheus/prometheus/cmd"
    # What `prometheus --version` says is put in by the linker.
    version = PROMETHEUS.replace("v0.3", "3.")
    stamp = f"-X github.com/prometheus/common/version.Version={version}"
    options = ["-trimpath", "-tags=remove_all_sd,netgo", f"-ldflags=-s -w {stamp}"]
    paths = [f"{module}/{name}@{PROMETHEUS}" for name in ("prometheus", "promtool")]
    _run(["go", "install", *options, *paths], scratch, GOBIN=str(made))


def _run(command: list[str], folder: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise BuildError(f"{' '.join(command)}\nexit {done.returncode}:\n{tail}")


BACKENDS: Final = {
    backend.name: backend
    for backend in (
        Backend(
            "collector",
            MANIFEST.read_text("utf-8"),
            ("otelcol",),
            "about 4 minutes on two cores",
            build_collector,
        ),
        Backend(
            "prometheus",
            PROMETHEUS,
            ("prometheus", "promtool"),
            "about 4 minutes on two cores",
            build_prometheus,
        ),
    )
}


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Builds the Collector and Prometheus from source, once.",
        epilog="exit status: 0 all there, 1 a build failed, 3 no Go to build with",
    )
    verbs = parser.add_subparsers(dest="verb")
    building = verbs.add_parser("build", help="build what is missing")
    building.add_argument(
        "names", nargs="*", choices=[*BACKENDS, []], metavar="|".join(BACKENDS)
    )
    building.add_argument(
        "--if-go", action="store_true", help="without Go, say so and exit 0"
    )
    asked = parser.parse_args(arguments)
    if asked.verb is None:
        for backend in BACKENDS.values():
            print(f"{backend.name}: {backend.folder if backend.is_there else 'none'}")
        return 0
    return _build(asked.names or list(BACKENDS), if_go=asked.if_go)


def _build(wanted: list[str], *, if_go: bool) -> int:
    for name in wanted:
        try:
            make(BACKENDS[name])
        except MissingToolError as error:
            print(f"{name} cannot be built here: {error}", file=sys.stderr)
            return 0 if if_go else NO_GO
        except BuildError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
