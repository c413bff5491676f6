"""Fixtures of the capture floor: strict failures, and lines caught in a list."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from telemetry.capture import sink
from telemetry.capture.line import Line
from tests.settings_kept import settings_kept


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test puts in force for the process is taken back."""
    with settings_kept():
        yield


@pytest.fixture
def lines() -> list[Line]:
    """The lines that were emitted, in order."""
    caught: list[Line] = []
    sink.set_sink(caught.append)
    return caught
