"""Values and exceptions as bytes, with hostile classes among them."""

from __future__ import annotations

import asyncio
import pickle
import sys
import types
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.core.errors import DeserializationError, ExecutionError, RemoteError
from telemetry.runtime.wire import payload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class WithTwoArgumentsError(Exception):
    """Pickles, but cannot be rebuilt: a common mistake."""

    def __init__(self, left: int, right: int) -> None:
        super().__init__(f"{left} {right}")


class HoldsSocketError(Exception):
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no way")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


class UnshowableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")

    def __repr__(self) -> str:
        raise ValueError("no picture")

    def __reduce__(self) -> Any:
        raise ValueError("no pickle")


class ImpostorError(Exception):
    """Pretends to be a number when it is rebuilt."""

    def __reduce__(self) -> Any:
        return int, ("7",)


class BrokenCauseError(Exception):
    def __getattribute__(self, name: str) -> Any:
        if name == "__cause__":
            raise RuntimeError("no cause")
        return super().__getattribute__(name)


def raised(error: BaseException) -> BaseException:
    """The error with a traceback, as a body leaves it."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - whatever was given
        return caught


def travelled(error: BaseException) -> BaseException:
    """The error as its caller gets it."""
    return payload.load_failure(payload.dump_failure(raised(error)))


@given(VALUES)
def test_plain_values_round_trip(value: object) -> None:
    """Plain values come out equal, also from a writable buffer."""
    assert payload.loads(payload.dumps(value)) == value
    assert payload.loads(bytearray(payload.dumps(value))) == value


def test_lambdas_and_closures_go_by_value() -> None:
    """What plain pickle cannot take is taken by cloudpickle."""
    base = 40

    assert payload.loads(payload.dumps(lambda x: base + x))(2) == 42


def test_main_classes_go_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of ``__main__`` is rebuilt where ``__main__`` is another module."""
    main = types.ModuleType("__main__")
    exec("class Point:\n    x = 3\n", main.__dict__)  # noqa: S102 - a script's own
    monkeypatch.setitem(sys.modules, "__main__", main)
    data = payload.dumps(main.__dict__["Point"]())
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))

    assert payload.loads(data).x == 3


def test_the_word_main_in_a_text() -> None:
    """A text that merely mentions ``__main__`` arrives unharmed."""
    assert payload.loads(payload.dumps({"__main__": b"__main__"})) == {
        "__main__": b"__main__"
    }


def test_what_cannot_be_pickled_is_refused() -> None:
    """The error of pickling reaches the one who has to name the value."""
    with pytest.raises(TypeError, match="cannot pickle"):
        payload.dumps(sys._getframe())


def test_an_exception_keeps_its_type_and_shows_its_traceback() -> None:
    """A body's own exception arrives as itself, with the remote traceback."""
    got = travelled(KeyError("missing"))

    assert type(got) is KeyError
    assert got.args == ("missing",)
    assert isinstance(got.__cause__, payload.RemoteTraceback)
    assert "in raised" in str(got.__cause__)
    assert "KeyError: 'missing'" in str(got.__cause__)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (SystemExit(3), "SystemExit(3)"),
        (KeyboardInterrupt(), "KeyboardInterrupt()"),
        (GeneratorExit("x"), "GeneratorExit(x)"),
        (
            asyncio.CancelledError("why"),
            "asyncio.exceptions.CancelledError(why)",
        ),
    ],
)
def test_control_flow_becomes_a_remote_error(error: BaseException, name: str) -> None:
    """What would end the caller is told to it instead."""
    got = travelled(error)

    assert type(got) is RemoteError
    assert str(got) == f"the body raised {name}"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (WithTwoArgumentsError(1, 2), "cannot be rebuilt here"),
        (HoldsSocketError("x"), "it cannot be pickled"),
        (UnprintableError("x"), ""),
        (UnshowableError("x"), "it cannot be pickled"),
        (ImpostorError("x"), ""),
    ],
)
def test_hostile_exceptions_still_arrive(error: Exception, why: str) -> None:
    """Whatever a user's exception class does, an exception arrives that names it."""
    got = travelled(error)

    assert isinstance(got, (ExecutionError, type(error)))
    assert why in str(got) if why else True
    if isinstance(got, ExecutionError):
        assert type(error).__name__ in str(got)
    assert got.__cause__ is not None


def test_a_hostile_cause_still_arrives() -> None:
    """An exception whose attributes raise neither breaks sending nor receiving."""
    got = travelled(BrokenCauseError("x"))

    assert isinstance(got, Exception)


def test_an_exception_group_arrives_whole() -> None:
    """A group comes with its members, each of its own type."""
    got = travelled(ExceptionGroup("several", [KeyError(1), ValueError(2)]))

    assert isinstance(got, ExceptionGroup)
    assert [type(each) for each in got.exceptions] == [KeyError, ValueError]


def test_a_huge_text_is_cut() -> None:
    """A megabyte of message in an exception that must travel as text is cut."""
    data = payload.dump_failure(raised(SystemExit("x" * 5_000_000)))

    assert len(str(payload.load_failure(data))) < 200_000


def test_a_given_cause_takes_the_place_of_the_traceback() -> None:
    """A failure that was caused by another one carries that one, whole."""
    inner = payload.dump_failure(raised(KeyError("deep")))
    outer = payload.dump_failure(RemoteError("no container can start"), cause=inner)

    got = payload.load_failure(outer)

    assert isinstance(got.__cause__, KeyError)
    assert isinstance(got.__cause__.__cause__, payload.RemoteTraceback)


def test_a_failure_survives_another_pickling() -> None:
    """An exception that came through can be passed on by one who catches it."""
    again = travelled(travelled(KeyError("twice")))

    assert type(again) is KeyError
    assert pickle.loads(pickle.dumps(again)).args == ("twice",)


def test_unreadable_names_its_role_and_cause() -> None:
    """A payload that cannot be decoded says which one it is and what happened."""
    error = payload.unreadable("an argument", UnprintableError())

    assert isinstance(error, DeserializationError)
    assert str(error).startswith("an argument cannot be decoded: UnprintableError")
