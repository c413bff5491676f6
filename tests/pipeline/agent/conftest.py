"""A folder with an agent of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.agent.run import Ground

MakeGround = Callable[..., Ground]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[MakeGround]:
    """Makes a folder where an app can run; its agent ends with the test."""
    made: list[Ground] = []

    def make(**variables: str) -> Ground:
        folder = tmp_path / f"ours-{len(made)}"
        folder.mkdir()
        made.append(Ground(folder, variables))
        return made[-1]

    yield make
    for each in made:
        each.discard()
