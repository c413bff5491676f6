"""A store in which an afternoon has passed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.pipeline.store.queries.reading import Reader
from tests.pipeline.store.queries.afternoon import fill
from tests.pipeline.store.records import Kept


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """See `afternoon`; nobody changes it."""
    made = Kept(Path(tmp_path_factory.mktemp("store")) / "store.sqlite")
    fill(made)
    yield made
    made.store.close()


@pytest.fixture
def asked(store: Kept) -> Iterator[Reader]:
    """Somebody who asks it."""
    with store.asking() as made:
        yield made
