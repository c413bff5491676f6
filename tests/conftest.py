"""Settings of the whole suite."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from opentelemetry import trace

from telemetry.capture import open_scopes
from telemetry.capture.settings import in_force
from telemetry.core.scope import SCOPE

# Real backends, for whoever asks.
pytest_plugins = ["tests.stack.fixtures"]

# The same examples on every run, and no clock: a busy machine fails no test.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def own_directory() -> Iterator[Path]:
    """Black boxes of the suite lie in a folder of its own, in memory if possible."""
    memory = Path("/dev/shm")  # noqa: S108  # mkdtemp makes a private folder there
    parent = memory if os.access(memory, os.W_OK) else None
    found = Path(tempfile.mkdtemp(prefix="telemetry-tests-", dir=parent))
    os.environ["TELEMETRY_DIR"] = str(found)
    # Tests that want an agent start one: else each app would leave a process behind.
    os.environ["TELEMETRY_AGENT"] = "none"
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test that leaves settings, an input or a span to the next ones fails."""
    before = _for_all()
    yield
    assert _for_all() == before


def _for_all() -> tuple[object, ...]:
    span = trace.get_current_span().get_span_context()
    return in_force(), SCOPE.get(None), span, open_scopes.now().scopes
