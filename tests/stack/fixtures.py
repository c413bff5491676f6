"""The fixtures with real backends; `tests/conftest.py` makes them known everywhere.

A test that asks for one is skipped where the program has not been built, and says so
in the summary; where ``REQUIRE_BACKENDS`` names it, the test fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.stack.collector import SINK, CollectorRun
from tests.stack.programs import need
from tests.stack.prometheus import PrometheusRun


class StartCollector(Protocol):
    """Starts a Collector that ends with the test."""

    def __call__(
        self, *configs: Path, variables: Mapping[str, str] | None = None
    ) -> CollectorRun:
        """Without *configs*: one that writes all that it takes to files."""


@contextmanager
def collectors(folders: pytest.TempPathFactory) -> Iterator[StartCollector]:
    """Starts Collectors, and ends them at the end of the block."""
    program = need("otelcol")
    runs: list[CollectorRun] = []

    def start(
        *configs: Path, variables: Mapping[str, str] | None = None
    ) -> CollectorRun:
        folder = folders.mktemp("collector")
        run = CollectorRun(program, folder, configs or (SINK,), variables)
        runs.append(run)
        run.start()
        return run

    try:
        yield start
    finally:
        for run in runs:
            run.discard()


@pytest.fixture
def start_collector(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartCollector]:
    """Starts Collectors, as many as the test wants."""
    with collectors(tmp_path_factory) as start:
        yield start


@pytest.fixture
def collector(start_collector: StartCollector) -> CollectorRun:
    """A Collector that writes all that it takes to files."""
    return start_collector()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusRun]:
    """A Prometheus 3 for the whole session: tests use a service name of their own."""
    run = PrometheusRun(need("prometheus"), tmp_path_factory.mktemp("prometheus"))
    run.start()
    yield run
    run.discard()
