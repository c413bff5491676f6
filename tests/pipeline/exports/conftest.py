"""A store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.store.records import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A store with nothing in it."""
    made = Kept(tmp_path / "store.sqlite")
    yield made
    made.store.close()
