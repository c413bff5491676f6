"""The fixtures with real backends; `tests/conftest.py` makes them known everywhere.

A test that asks for one is skipped where the program has not been built, and says so
in the summary; where ``REQUIRE_BACKENDS`` names it, the test fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.stack.collector import SINK, CollectorRun
from tests.stack.programs import need


class StartCollector(Protocol):
    """Starts a Collector that ends with the test."""

    def __call__(
        self, *configs: Path, variables: Mapping[str, str] | None = None
    ) -> CollectorRun:
        """Without *configs*: one that writes all that it takes to files."""


@pytest.fixture
def start_collector(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartCollector]:
    """Starts Collectors, as many as the test wants."""
    program = need("otelcol")
    runs: list[CollectorRun] = []

    def start(
        *configs: Path, variables: Mapping[str, str] | None = None
    ) -> CollectorRun:
        folder = tmp_path_factory.mktemp("collector")
        run = CollectorRun(program, folder, configs or (SINK,), variables)
        runs.append(run)
        run.start()
        return run

    yield start
    for run in runs:
        run.discard()


@pytest.fixture
def collector(start_collector: StartCollector) -> CollectorRun:
    """A Collector that writes all that it takes to files."""
    return start_collector()
