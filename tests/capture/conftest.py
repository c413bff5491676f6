"""Fixtures of the capture floor: strict failures, and lines caught in a list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from telemetry.capture import settings, sink
from telemetry.capture.line import Line


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test puts in force for the process is taken back."""
    raising = sink.raise_failures(enabled=True)
    console, before = sink.current_console(), settings.in_force()
    yield
    sink.set_sink(None)
    # No roads: a test that wants some installs them.
    settings.apply(replace(before, capture=frozenset()))
    settings._IN_FORCE.settings = before
    sink.set_console(console)
    sink.raise_failures(enabled=raising)


@pytest.fixture
def lines() -> list[Line]:
    """The lines that were emitted, in order."""
    caught: list[Line] = []
    sink.set_sink(caught.append)
    return caught
