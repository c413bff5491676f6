"""The tree of errors: as drawn, and whole after a journey between processes."""

from __future__ import annotations

import inspect
import pickle

import cloudpickle
import pytest

from telemetry.core import errors

TREE = {
    errors.Error: Exception,
    errors.InvalidError: errors.Error,
    errors.ExecutionError: errors.Error,
    errors.DeserializationError: errors.Error,
    errors.DeprecationError: errors.Error,
    errors.OutputExpiredError: errors.Error,
    errors.FunctionTimeoutError: errors.Error,
    errors.InternalFailure: errors.Error,
    errors.RemoteError: errors.Error,
    errors.InputCancelledError: errors.RemoteError,
    errors.InputCancellation: BaseException,
}

DEFINED = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == errors.__name__
]


def test_all_errors_are_in_the_tree() -> None:
    """The module defines those that are drawn, and no others."""
    assert set(DEFINED) == set(TREE)


@pytest.mark.parametrize("error", DEFINED, ids=lambda e: e.__name__)
def test_error_has_its_place(error: type[BaseException]) -> None:
    """Each error's first base is the one above it in the tree."""
    assert error.__bases__[0] is TREE[error]


@pytest.mark.parametrize("error", DEFINED, ids=lambda e: e.__name__)
def test_drawing_names_the_error(error: type[BaseException]) -> None:
    """The drawing at the top of the module knows each error."""
    assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=lambda p: p.__name__)
@pytest.mark.parametrize("error", DEFINED, ids=lambda e: e.__name__)
def test_error_survives_pickling(error: type[BaseException], pickler: object) -> None:
    """Type, message and notes arrive in another process."""
    sent = error("what happened")
    sent.add_note("where")
    received = pickle.loads(getattr(pickler, "dumps")(sent))  # noqa: B009 - a module

    assert type(received) is error
    assert str(received) == "what happened"
    assert received.__notes__ == ["where"]


def test_bad_argument_is_a_value_error() -> None:
    """Callers who know nothing of us catch a bad argument as ValueError."""
    assert issubclass(errors.InvalidError, ValueError)


def test_cancellation_passes_except_exception() -> None:
    """A body's ``except Exception`` does not swallow its cancellation."""
    assert not issubclass(errors.InputCancellation, Exception)
