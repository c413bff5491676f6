from __future__ import annotations

from types import ModuleType

import pytest

from telemetry import runtime
from telemetry.core import errors
from telemetry.runtime import exception


@pytest.mark.parametrize("face", [runtime, exception])
def test_all_is_sorted(face: ModuleType) -> None:
    """The list of what is offered is in order, without repetition."""
    assert face.__all__ == sorted(set(face.__all__))


@pytest.mark.parametrize("face", [runtime, exception])
def test_all_exists(face: ModuleType) -> None:
    """What is listed is there, and documented."""
    for name in face.__all__:
        assert getattr(face, name).__doc__, name


def test_every_error_is_shown() -> None:
    """Users find every class of the tree."""
    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }

    assert tree == set(exception.__all__)
    assert all(getattr(exception, name) is getattr(errors, name) for name in tree)
