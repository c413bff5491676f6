"""A store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.records import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A store with nothing in it."""
    made = Kept(tmp_path / "store.sqlite")
    yield made
    made.store.close()


@pytest.fixture
def reader(kept: Kept) -> Iterator[Reader]:
    """Somebody who asks it."""
    with kept.asking() as made:
        yield made
