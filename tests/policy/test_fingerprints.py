"""Which exceptions are the same one."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from telemetry.policy.fingerprints import of_traceback, of_type


def raised(call: Callable[[], object]) -> str:
    """The traceback of what *call* raises."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001  # of any kind
        return "".join(traceback.format_exception(error))
    raise AssertionError("it raised nothing")


def deep(levels: int) -> None:
    """Fails so many calls further down."""
    if levels:
        deep(levels - 1)
    raise KeyError(levels)


def chained(text: str) -> None:
    """Fails because of something else."""
    try:
        deep(1)
    except KeyError as error:
        raise ValueError(text) from error


def group(kind: type[Exception], count: int) -> None:
    """Fails in several ways at once."""
    raise ExceptionGroup("several", [kind(n) for n in range(count)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: chained("a"), lambda: chained("b")),
        (lambda: deep(3), lambda: deep(40)),
        (lambda: group(KeyError, 2), lambda: group(KeyError, 5)),
    ],
    ids=["message", "recursion", "members"],
)
def test_alike(one: Callable[[], object], other: Callable[[], object]) -> None:
    """Messages, depths and numbers make no other exception."""
    assert of_traceback(raised(one)).digest == of_traceback(raised(other)).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: chained("a"), lambda: deep(1)),
        (lambda: group(KeyError, 2), lambda: group(ValueError, 2)),
    ],
    ids=["cause", "members"],
)
def test_different(one: Callable[[], object], other: Callable[[], object]) -> None:
    """The cause counts, and so do the types of a group's members."""
    assert of_traceback(raised(one)).digest != of_traceback(raised(other)).digest


def test_code_that_moved_is_the_same_code() -> None:
    """Neither the folder nor the line number counts; the line's text does."""
    text = raised(lambda: deep(2))
    moved = text.replace('File "', 'File "/srv/v2/').replace(", line ", ", line 1")
    edited = text.replace("raise KeyError(levels)", "raise KeyError(level)")

    assert of_traceback(moved).digest == of_traceback(text).digest
    assert of_traceback(edited).digest != of_traceback(text).digest


def test_frames_of_the_toolkit_do_not_count() -> None:
    """Who called the code, and from which slot, makes no other exception."""

    def run_by(file: str, name: str) -> str:
        frame = f'  File "{file}", line 12, in {name}\n    await call()\n'
        head, rest = raised(lambda: deep(2)).split("\n", 1)
        return f"{head}\n{frame}{rest}"

    ours = "/venv/telemetry/runtime/container/tasks.py"
    one = of_traceback(run_by(ours, "input_slot_1"))
    windows = ours.replace("/", "\\")

    assert of_traceback(run_by(ours, "input_slot_2")) == one
    assert of_traceback(run_by(windows, "input_slot_3")) == one
    for theirs in ("/srv/telemetry/work.py", "/srv/telemetry_runtime/work.py"):
        assert of_traceback(run_by(theirs, "work")).digest != one.digest


def test_type_and_message_are_those_that_came_out() -> None:
    """Of a chain the last one, of a group the group."""
    assert of_traceback(raised(lambda: chained("a b")))[1:] == ("ValueError", "a b")
    found = of_traceback(raised(lambda: group(KeyError, 2)))
    assert found[1:] == ("ExceptionGroup", "several (2 sub-exceptions)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("KeyError: 'k'", ("KeyError", "'k'")),
        ("pkg.mod.Bad", ("pkg.mod.Bad", "")),
        (
            "not a traceback at all, but a text",
            ("", "not a traceback at all, but a text"),
        ),
        ("", ("", "")),
        ('  File "x", line 1', ("", '  File "x", line 1')),
    ],
)
def test_any_text_has_a_fingerprint(text: str, expected: tuple[str, str]) -> None:
    """What is no traceback is grouped as well as can be."""
    assert of_traceback(text)[1:] == expected


def test_without_a_traceback_the_function_tells() -> None:
    """Of exceptions of one type, those of different functions are different."""
    assert of_type("E", "a", "f").digest == of_type("E", "b", "f").digest
    assert of_type("E", "a", "f").digest != of_type("E", "a", "g").digest
