"""The scope: what is answered inside of an input, outside, and in copied contexts."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, fields

import pytest

from telemetry.core import names, scope
from telemetry.core.scope import SCOPE, InputScope


@contextmanager
def running(value: InputScope) -> Iterator[InputScope]:
    """Bind *value* for the time of the block."""
    token = SCOPE.set(value)
    try:
        yield value
    finally:
        SCOPE.reset(token)


FULL = {
    "input_id": "in-1",
    "function_call_id": "fc-1",
    "function": "translate",
    "attempt": 2,
    "container_id": "ct-1",
    "slot": 3,
    "batch_input_ids": ("in-1", "in-2"),
}


@pytest.mark.parametrize(
    "ask",
    [
        scope.current_input_id,
        scope.current_function_call_id,
        scope.current_attempt,
        scope.current_input,
    ],
)
def test_outside_of_an_input_there_is_none(ask: object) -> None:
    """Every question is answered with None, never with an exception."""
    assert callable(ask)
    assert ask() is None


def test_inside_of_an_input_the_answers_are_its_own() -> None:
    """Id, call and attempt come from the scope that is bound."""
    with running(InputScope("in-1", function_call_id="fc-1", attempt=2)):
        answers = (
            scope.current_input_id(),
            scope.current_function_call_id(),
            scope.current_attempt(),
        )

    assert answers == ("in-1", "fc-1", 2)


def test_view_has_all_fields() -> None:
    """The frozen view says what the scope says, field by field."""
    with running(
        InputScope("in-1", "fc-1", "translate", 2, "ct-1", 3, ("in-1", "in-2"))
    ):
        view = scope.current_input()

    assert view is not None
    assert {f.name: getattr(view, f.name) for f in fields(view)} == FULL


def test_view_is_frozen() -> None:
    """A caller cannot change who it is."""
    with running(InputScope("in-1")):
        view = scope.current_input()

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'input_id'"):
        view.input_id = "in-2"  # type: ignore[misc, union-attr] # the claim itself


def test_view_has_the_names_of_the_log_line() -> None:
    """What a caller reads here it finds under the same name on its lines."""
    assert {f.name for f in fields(scope.CurrentInput)} <= names.FIELDS


def test_closing_is_seen_from_copied_contexts() -> None:
    """A thread that outlives its input holds the same scope, and sees it closed."""
    with running(InputScope("in-1")) as own:
        context = contextvars.copy_context()
    own.closed = True
    held = context.run(SCOPE.get)

    assert held is own
    assert held.closed


def test_an_empty_context_has_no_scope() -> None:
    """Nothing but the context carries the scope: not the thread, no global."""
    with running(InputScope("in-1")):
        seen = contextvars.Context().run(scope.current_input_id)

    assert seen is None


def test_tasks_keep_their_own_scope() -> None:
    """Concurrent tasks that bind different inputs never see each other's."""

    async def body(input_id: str, gate: asyncio.Barrier) -> tuple[str, str | None]:
        with running(InputScope(input_id)):
            await gate.wait()
            return input_id, scope.current_input_id()

    async def all_at_once() -> list[tuple[str, str | None]]:
        gate = asyncio.Barrier(10)
        return await asyncio.gather(*(body(f"in-{n}", gate) for n in range(10)))

    assert all(own == seen for own, seen in asyncio.run(all_at_once()))


def test_scopes_are_told_apart_by_identity() -> None:
    """Two executions of one input have two scopes, equal in every field or not."""
    assert InputScope("in-1") != InputScope("in-1")
    assert len({InputScope("in-1"), InputScope("in-1")}) == 2


def test_scope_can_be_held_weakly() -> None:
    """What is kept per scope may go with it."""
    value = InputScope("in-1")
    held = weakref.ref(value)
    del value
    gc.collect()

    assert held() is None
