"""Dashboards arrive in a Grafana, once, and nobody's work is overwritten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry.pipeline.grafana.shipped import shipped
from telemetry.policy.pushing import mark_in
from tests.pipeline.grafana.conftest import Asked
from tests.pipeline.grafana.grafana_server import Book

ALL = sorted(each.uid for each in shipped())
ONE = "input-overview"


def words(out: str, uid: str) -> str:
    """The row about one thing."""
    (row,) = [line for line in out.splitlines() if f" {uid}" in line]
    return row


def test_everything_arrives(book: Book, dashboards: Asked) -> None:
    """Folder and dashboards, with the content that we ship."""
    status, out, _ = dashboards("push")

    assert status == 0
    assert sorted(book.dashboards) == ALL
    assert book.folders["input-telemetry"]["title"] == "Inputs"
    assert set(book.folder_of.values()) == {"input-telemetry"}
    for each in shipped():
        there = book.dashboards[each.uid]
        assert there["panels"] == each.body["panels"]
        assert there["title"] == each.title
    assert "created" in words(out, ONE)


def test_second_push_changes_nothing(book: Book, dashboards: Asked) -> None:
    """It looks, and writes nothing."""
    dashboards("push")
    book.asked.clear()

    status, out, _ = dashboards("push")

    assert status == 0 and book.writes == []
    assert "unchanged" in words(out, ONE)


def test_second_push_changes_nothing_where_grafana_converts(
    book: Book, dashboards: Asked
) -> None:
    """What a newer Grafana adds by itself is nobody's change."""
    book.converts = True
    dashboards("push")
    book.asked.clear()

    status, out, _ = dashboards("push")

    assert status == 0 and book.writes == []
    assert "unchanged" in words(out, ONE)


def older(board: dict[str, Any]) -> None:
    """As an older release of ours shipped it."""
    board["panels"][1]["title"] = "An older title"


@pytest.mark.parametrize("converts", [False, True])
def test_newer_release_updates(
    book: Book, dashboards: Asked, monkeypatch: pytest.MonkeyPatch, converts: bool
) -> None:
    """What nobody touched since our last push is brought up to date."""
    book.converts = converts
    bodies = [each.body for each in shipped() if each.uid == ONE]
    old = json.loads(json.dumps(bodies[0]))
    older(old)
    with monkeypatch.context() as patched:
        release = [each for each in shipped() if each.uid == ONE]
        object.__setattr__(release[0], "body", old)
        patched.setattr("telemetry.cli.dashboards.shipped", lambda _only: release)
        assert dashboards("push")[0] == 0

    status, out, _ = dashboards("push")

    assert status == 0
    assert "updated" in words(out, ONE) and "difference" in words(out, ONE)
    titles = [panel["title"] for panel in book.dashboards[ONE]["panels"]]
    assert "An older title" not in titles


def changed(board: dict[str, Any]) -> None:
    """Somebody gives a panel another title."""
    board["panels"][1]["title"] = "Mine"


def test_change_of_others_is_left_alone(book: Book, dashboards: Asked) -> None:
    """The others are pushed, this one is named, and the status is 1."""
    dashboards("push")
    book.edit(ONE, changed)
    del book.dashboards["input-tuning"]

    status, out, _ = dashboards("push")

    assert status == 1
    assert book.dashboards[ONE]["panels"][1]["title"] == "Mine"
    assert "left alone" in words(out, ONE) and "--force" in words(out, ONE)
    assert "created" in words(out, "input-tuning")


def test_force_overwrites(book: Book, dashboards: Asked) -> None:
    """And from then on it is ours again."""
    dashboards("push")
    book.edit(ONE, changed)

    assert dashboards("push", "--force")[0] == 0
    assert book.dashboards[ONE]["panels"][1]["title"] != "Mine"
    assert "unchanged" in words(dashboards("push")[1], ONE)


def test_dashboard_with_our_name_is_left_alone(book: Book, dashboards: Asked) -> None:
    """One that we never pushed is somebody's, whatever it is called."""
    book.dashboards[ONE] = {"uid": ONE, "title": "Theirs", "version": 4, "panels": []}
    book.folder_of[ONE] = ""

    status, out, _ = dashboards("push")

    assert status == 1 and book.dashboards[ONE]["title"] == "Theirs"
    assert "never pushed" in words(out, ONE)


def unmark(book: Book) -> None:
    """Somebody takes our mark away, so that there is something to push."""
    tags = book.dashboards[ONE]["tags"]
    book.dashboards[ONE]["tags"] = [tag for tag in tags if mark_in(tag) is None]


def test_moved_dashboard_stays_where_it_is(book: Book, dashboards: Asked) -> None:
    """A folder is for people to choose; its content is still kept up to date."""
    dashboards("push")
    book.folder_of[ONE] = "team"
    book.folders["team"] = {"uid": "team", "title": "Team", "version": 1}
    unmark(book)

    status, out, _ = dashboards("push")

    assert status == 0 and "updated" in words(out, ONE)
    assert book.folder_of[ONE] == "team"


def test_titles_of_people_stay(book: Book, dashboards: Asked) -> None:
    """A folder that is there keeps its name."""
    book.folders["input-telemetry"] = {
        "uid": "input-telemetry",
        "title": "Ours, renamed",
        "version": 3,
    }

    assert dashboards("push")[0] == 0
    assert book.folders["input-telemetry"]["title"] == "Ours, renamed"


def test_provisioned_dashboard_is_left_to_its_file(
    book: Book, dashboards: Asked
) -> None:
    """Nothing is even tried: Grafana refuses, with --force as well."""
    dashboards("push")
    book.edit(ONE, changed)
    book.provisioned.add(ONE)
    book.asked.clear()

    status, out, _ = dashboards("push", "--force")

    assert status == 1 and book.writes == []
    assert "provisioned by a file" in words(out, ONE)


def test_change_between_look_and_save_wins(book: Book, dashboards: Asked) -> None:
    """Somebody saves after our look: Grafana refuses ours, and the others go on."""
    dashboards("push")
    unmark(book)

    def meanwhile() -> None:
        book.before_save = lambda: None
        book.edit(ONE, changed)

    book.before_save = meanwhile
    del book.dashboards["input-tuning"]

    status, out, _ = dashboards("push")

    assert status == 1
    assert book.dashboards[ONE]["panels"][1]["title"] == "Mine"
    assert "saved it meanwhile" in words(out, ONE)
    assert "created" in words(out, "input-tuning")


def test_dry_run_says_what_it_would_do(book: Book, dashboards: Asked) -> None:
    """With the places that differ, from what is there to what we ship."""
    dashboards("push", "--only", ONE)
    book.edit(ONE, changed)
    book.asked.clear()

    status, out, _ = dashboards("push", "--dry-run")

    assert status == 1 and book.writes == []
    assert "would be created" in words(out, "input-tuning")
    assert "panels / 1 'Mine'" in out
    title = shipped(frozenset({ONE}))[0].body["panels"][1]["title"]  # type: ignore[index]  # JSON
    assert f"panels / 1 {title!r}" in out


def test_only_what_is_asked_for(book: Book, dashboards: Asked) -> None:
    """One by its uid; an unknown one is told with those that there are."""
    assert dashboards("push", "--only", "input-tuning")[0] == 0
    assert list(book.dashboards) == ["input-tuning"]

    status, _, err = dashboards("push", "--only", "input-tunning")
    assert status == 2 and "input-tuning" in err


def test_check_passes_after_a_push(book: Book, dashboards: Asked) -> None:
    """What is there is what we ship, and nothing was written to find out."""
    dashboards("push")
    book.asked.clear()

    status, out, _ = dashboards("pull-check")

    assert status == 0 and book.writes == []
    assert "the same" in words(out, ONE)


def test_check_tells_what_differs(book: Book, dashboards: Asked) -> None:
    """Changed, not there, not ours: each is told, and the status is 1."""
    dashboards("push")
    book.edit(ONE, changed)
    del book.dashboards["input-tuning"]
    book.dashboards["input-scaling"] = {"uid": "input-scaling", "version": 1}

    status, out, _ = dashboards("pull-check")

    assert status == 1
    assert "changed" in words(out, ONE)
    assert "not there" in words(out, "input-tuning")
    assert "not ours" in words(out, "input-scaling")
