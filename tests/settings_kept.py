"""What a test puts in force for the whole process, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from telemetry.capture import settings, sink


@contextmanager
def settings_kept() -> Iterator[None]:
    """Within it failures of ours raise; what it configures ends with it."""
    raising = sink.raise_failures(enabled=True)
    console, before = sink.current_console(), settings.in_force()
    try:
        yield
    finally:
        sink.set_sink(None)
        # No roads: a test that wants some installs them.
        settings.apply(replace(before, capture=frozenset()))
        settings._IN_FORCE.settings = before
        sink.set_console(console)
        sink.raise_failures(enabled=raising)
