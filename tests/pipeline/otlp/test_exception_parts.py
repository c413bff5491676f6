"""Type and message are told from a traceback, or not at all."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import pytest

from telemetry.pipeline.otlp.exception_parts import exception_parts


class OwnError(Exception):
    """One that is not built in."""


def fail() -> None:
    """The first of a chain."""
    raise ValueError("first")


def chained() -> None:
    """Two, the second of which counts."""
    try:
        fail()
    except ValueError as error:
        raise KeyError("second") from error


def during() -> None:
    """Two, the second while the first was handled."""
    try:
        fail()
    except ValueError:
        raise OwnError  # noqa: B904  # that it says where it comes from is the test


def quoting() -> None:
    """A message that quotes another traceback."""
    raise OwnError(
        "it said:\nTraceback (most recent call last):\n  File x\nKeyError: 1"
    )


def grouped() -> None:
    """A group, which is several."""
    raise ExceptionGroup("many", [ValueError("1")])


@pytest.mark.parametrize(
    ("raising", "expected"),
    [
        (fail, ("ValueError", "first")),
        (chained, ("KeyError", "'second'")),
        (during, ("tests.pipeline.otlp.test_exception_parts.OwnError", "")),
        (
            quoting,
            (
                "tests.pipeline.otlp.test_exception_parts.OwnError",
                "it said:\nTraceback (most recent call last):\n  File x\nKeyError: 1",
            ),
        ),
        (lambda: json.loads("{"), ("json.decoder.JSONDecodeError", None)),
        (lambda: compile("1 +", "f", "exec"), ("SyntaxError", "invalid syntax")),
        (grouped, None),
    ],
)
def test_of_what_python_writes(
    raising: Callable[[], object], expected: tuple[str, str | None] | None
) -> None:
    """The exception that came out, and no other that is named on the way."""
    try:
        raising()
    except BaseException:  # noqa: BLE001  # whatever it raises
        found = exception_parts(traceback.format_exc().rstrip("\n"))

    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == expected[0]
        assert expected[1] is None or found[1] == expected[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ValueError: x", ("ValueError", "x")),
        ("StopIteration", ("StopIteration", "")),
        ("something went wrong", None),
        ("two\nlines", None),
        ("… (9 characters left out) …\n  File x\nValueError: x", None),
        ("Traceback (most recent call last):\n  File x\n", None),
        ("", None),
    ],
)
def test_of_other_texts(text: str, expected: tuple[str, str] | None) -> None:
    """Where it cannot be told for certain, nothing is said."""
    assert exception_parts(text) == expected
