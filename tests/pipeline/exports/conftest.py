"""A store with a bit of everything in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry.pipeline.store.intake import Intake
from telemetry.pipeline.store.writing import Store

Fill = Callable[[Intake], None]


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[Fill], Path]:
    """Make a store, have it filled in one transaction, and give its path."""

    def make(fill: Fill) -> Path:
        path = tmp_path / "store.sqlite"
        with Store(path) as store:
            intake = Intake(store)
            with store.transaction():
                fill(intake)
        return path

    return make
