"""What may be overwritten in another's system: tables."""

from __future__ import annotations

import pytest

from telemetry.policy.pushing import Action, Found, Mark, decide, mark_in

OURS, OLD, THEIRS, KEPT = "a" * 12, "b" * 12, "c" * 12, "d" * 12


@pytest.mark.parametrize(
    ("found", "asked", "forced"),
    [
        (None, Action.CREATE, Action.CREATE),
        # As we left it.
        (Found(OURS, Mark(OURS, OURS)), Action.NOTHING, Action.NOTHING),
        (Found(OLD, Mark(OLD, OLD)), Action.UPDATE, Action.UPDATE),
        # As the server made it of what we sent.
        (Found(KEPT, Mark(OURS, KEPT)), Action.NOTHING, Action.NOTHING),
        (Found(KEPT, Mark(OLD, KEPT)), Action.UPDATE, Action.UPDATE),
        # Somebody has changed it since.
        (Found(THEIRS, Mark(OURS, OURS)), Action.KEEP_CHANGED, Action.UPDATE),
        (Found(THEIRS, Mark(OLD, KEPT)), Action.KEEP_CHANGED, Action.UPDATE),
        # Never ours; the same content loses nothing by a mark.
        (Found(THEIRS), Action.KEEP_FOREIGN, Action.UPDATE),
        (Found(OURS), Action.UPDATE, Action.UPDATE),
        # Somebody changed it to what we ship now.
        (Found(OURS, Mark(OLD, OLD)), Action.UPDATE, Action.UPDATE),
        # Files own it: force does not help, and the same content needs nothing.
        (Found(OURS, locked=True), Action.NOTHING, Action.NOTHING),
        (Found(THEIRS, locked=True), Action.KEEP_LOCKED, Action.KEEP_LOCKED),
        (
            Found(OLD, Mark(OLD, OLD), locked=True),
            Action.KEEP_LOCKED,
            Action.KEEP_LOCKED,
        ),
    ],
)
def test_decision(found: Found | None, asked: Action, forced: Action) -> None:
    """Nothing of others is lost unasked, and nothing that is the same is written."""
    assert decide(OURS, found, force=False) is asked
    assert decide(OURS, found, force=True) is forced


def test_mark_is_read_as_it_was_written() -> None:
    """And fits a tag of Grafana, which has 50 characters."""
    mark = Mark("0123456789ab", "fedcba987654")

    assert mark_in(mark.text()) == mark
    assert len(mark.text()) <= 50


@pytest.mark.parametrize(
    "text",
    ["", "pushed-", "pushed-0123456789ab", "pushed-0123456789AB-fedcba987654", "x"],
)
def test_other_tags_are_no_marks(text: str) -> None:
    """Whatever a person writes."""
    assert mark_in(text) is None
