"""Who is told that a scope begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from telemetry.capture import open_scopes, sink
from telemetry.core.scope import InputScope


class Heard:
    """What was told, in order; each note with how many scopes were open."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str, int]] = []
        names = ("begin", "end", "change")
        self.begin, self.end, self.change = (partial(self._note, n) for n in names)

    def _note(self, moment: str, scope: InputScope) -> None:
        self.notes.append((moment, scope.input_id, open_scopes.count()))


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Somebody who is told, until the test is over."""
    made = Heard()
    yield made
    open_scopes.unwatch(made.begin, made.end, made.change)


def run(count: int) -> None:
    """So many scopes at once; the first that began ends first."""
    scopes = [InputScope(f"in-{number}") for number in range(count)]
    for scope in scopes:
        open_scopes.opened(scope)
    for scope in scopes:
        open_scopes.ended(scope)


def test_every_scope_is_told(heard: Heard) -> None:
    """Before it is open, and while it still is; once, however often one asks."""
    for _ in range(2):
        open_scopes.watch(begin=heard.begin, end=heard.end)
    run(3)

    assert heard.notes == [
        *(("begin", f"in-{number}", number) for number in range(3)),
        *(("end", f"in-{number}", 3 - number) for number in range(3)),
    ]


def test_who_asks_for_few_hears_nothing_of_a_crowd(heard: Heard) -> None:
    """From two on nobody is alone: the third neither begins nor ends for them."""
    open_scopes.watch_few(begin=heard.begin, end=heard.end, change=heard.change)
    run(3)

    assert heard.notes == [
        ("begin", "in-0", 0),
        ("change", "in-0", 1),
        ("begin", "in-1", 1),
        ("change", "in-1", 2),
        ("change", "in-0", 2),
        ("end", "in-1", 2),
        ("change", "in-1", 1),
        ("end", "in-2", 1),
        ("change", "in-2", 0),
    ]


def test_a_scope_begins_and_ends_whoever_fails(heard: Heard) -> None:
    """The failure is counted, and those who are told next are told."""

    def fail(scope: InputScope) -> None:
        raise RuntimeError(scope.input_id)

    sink.raise_failures(enabled=False)
    before = sink.dropped().get("scope", 0)
    open_scopes.watch(begin=fail, end=fail)
    open_scopes.watch(begin=heard.begin, end=heard.end)
    try:
        run(1)
    finally:
        open_scopes.unwatch(fail)

    assert heard.notes == [("begin", "in-0", 0), ("end", "in-0", 1)]
    assert sink.dropped()["scope"] == before + 2
    assert open_scopes.count() == 0
