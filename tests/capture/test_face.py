"""The face: what `import telemetry` promises."""

from __future__ import annotations

import types

import pytest

import telemetry


def test_all_is_sorted_and_there() -> None:
    """Every promised name exists, and the list is in order."""
    assert telemetry.__all__ == sorted(telemetry.__all__)
    assert [name for name in telemetry.__all__ if not hasattr(telemetry, name)] == []


def test_nothing_else_is_public() -> None:
    """What is public is promised; subpackages and typing aside."""
    public = {
        name
        for name, value in vars(telemetry).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and name not in {"annotations", "TYPE_CHECKING"}
    }

    assert public <= set(telemetry.__all__)


def test_version_is_a_text() -> None:
    """The version is looked up when asked for."""
    assert telemetry.__version__[0].isdigit()


def test_unknown_name_is_an_attribute_error() -> None:
    """A wrong name fails as it does on any module."""
    with pytest.raises(AttributeError, match="'telemetry' has no attribute 'nope'"):
        telemetry.nope  # noqa: B018
