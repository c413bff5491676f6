"""What every panel owes the person who looks at it."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Final

import pytest

from dashboards import palette
from tests.dashboards.committed import UIDS, Json, asking, load, panels, strings

COLUMNS: Final = 24
MOST_PANELS: Final = 25

pytestmark = pytest.mark.parametrize("uid", UIDS)


def test_panels_are_few(uid: str) -> None:
    """A dashboard answers in one look, and asks no hundred questions."""
    assert len(panels(uid)) <= MOST_PANELS


def test_ids_are_unique(uid: str) -> None:
    """Links, alerts and bookmarks hold them."""
    ids = [panel["id"] for panel in load(uid)["panels"]]

    assert len(set(ids)) == len(ids)
    assert all(isinstance(number, int) and number > 0 for number in ids)


def test_panels_do_not_overlap(uid: str) -> None:
    """Each stands in the grid, and on nobody else."""
    places = [panel["gridPos"] for panel in load(uid)["panels"]]
    for place in places:
        assert place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS
        assert place["h"] > 0 and place["y"] >= 0

    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)


def test_rows_are_questions(uid: str) -> None:
    """Each row says what its panels answer."""
    rows = [panel for panel in load(uid)["panels"] if panel["type"] == "row"]

    assert rows and all(row["title"].endswith("?") for row in rows)


def test_panel_says_why_there_may_be_nothing(uid: str) -> None:
    """Instead of "No data": a sentence, and never a bare zero."""
    for panel in asking(uid):
        said = panel["fieldConfig"]["defaults"]["noValue"]
        assert len(said) > 15 and said.endswith("."), panel["title"]


def test_description_says_something(uid: str) -> None:
    """More than the title says already."""
    for panel in asking(uid):
        said = panel["description"]
        assert len(said) > len(panel["title"]) + 10 and said.endswith("."), said


def test_panel_leads_on(uid: str) -> None:
    """Each links to the next level, with the time range and what is chosen."""
    known = {f"/d/{name}?" for name in UIDS}
    for panel in asking(uid):
        assert panel["links"], panel["title"]
        for link in panel["links"]:
            assert any(link["url"].startswith(start) for start in known), link
            assert "${__url_time_range}" in link["url"]
            assert "${job:queryparam}" in link["url"]


def test_links_use_variables_that_are_there(uid: str) -> None:
    """A variable that this dashboard has not would stand in the URL as it is."""
    own = {each["name"] for each in load(uid)["templating"]["list"]}
    for text in strings(load(uid)):
        if text.startswith("/d/"):
            assert set(re.findall(r"\$\{(\w+):queryparam\}", text)) <= own, text


def test_links_give_variables_that_are_known_there(uid: str) -> None:
    """What a link sets exists on the dashboard that it leads to."""
    for text in strings(load(uid)):
        found = re.match(r"/d/([\w-]+)\?", text)
        if found and found[1] in UIDS:
            there = {each["name"] for each in load(found[1])["templating"]["list"]}
            assert set(re.findall(r"[?&]var-(\w+)=", text)) <= there, text


def test_dashboards_know_each_other(uid: str) -> None:
    """One menu at the top, which keeps what is chosen."""
    (menu,) = load(uid)["links"]

    assert menu["tags"] == ["input-telemetry"] and menu["asDropdown"]
    assert menu["includeVars"] and menu["keepTime"]
    assert "input-telemetry" in load(uid)["tags"]


def test_annotations_can_be_switched(uid: str) -> None:
    """Exits, deploys and alerts are there, and none is hidden from the menu."""
    listed = load(uid)["annotations"]["list"]

    names = {each["name"] for each in listed}
    assert names >= {"Container exits", "Deploys", "Alerts", "Notes tagged deploy"}
    assert not any(each.get("hide") for each in listed)


def test_cursor_is_shared(uid: str) -> None:
    """A moment is the same moment in every panel."""
    assert load(uid)["graphTooltip"] == 1


def looks(panel: Json) -> dict[str, tuple[str, str]]:
    """Colour and line of each series that has a look of its own."""
    found: dict[str, tuple[str, str]] = {}
    for each in panel.get("fieldConfig", {}).get("overrides", []):
        said = {p["id"]: p["value"] for p in each["properties"]}
        if "color" in said and "fixedColor" in said["color"]:
            line = str(said.get("custom.lineStyle", "solid"))
            found[str(each["matcher"]["options"])] = (said["color"]["fixedColor"], line)
    return found


def test_zones_and_outcomes_have_one_colour(uid: str) -> None:
    """The same on every panel of every dashboard."""
    fixed = {**palette.ZONES, **palette.OUTCOMES}
    for panel in panels(uid):
        for name, (colour, _) in looks(panel).items():
            # Levels of log lines have an "error" of their own.
            if name in fixed and panel["type"] == "timeseries":
                assert colour == fixed[name].colour, (panel["title"], name)


def test_colour_is_never_alone(uid: str) -> None:
    """Series that are drawn together and have colours of their own differ in the line.

    Bars and stacked areas lie beside and on each other in the order of the legend.
    """
    for panel in panels(uid):
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {})
        if panel["type"] != "timeseries" or "stacking" in custom:
            continue
        lines = [line for _, line in looks(panel).values()]
        assert len(set(lines)) == len(lines) or "drawStyle" in custom, panel["title"]


def test_states_are_named(uid: str) -> None:
    """A band that tells a zone by its colour says its name as well."""
    for panel in panels(uid):
        if panel["type"] == "state-timeline":
            (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
            named = {value["text"] for value in mapping["options"].values()}
            assert named == set(palette.ZONES)
            assert panel["options"]["showValue"] != "never"
