"""Data sources: made for an address, linked, and nobody's overwritten."""

from __future__ import annotations

import pytest

from telemetry.pipeline.grafana.bodies import differences, fingerprint
from tests.pipeline.grafana.conftest import Asked
from tests.pipeline.grafana.grafana_server import Book

ONE = ("--only", "input-tuning")
LOKI = ("--datasource", "loki=http://loki:3100")


def begins_with(book: Book, kind: str) -> str:
    """The data source with which a pushed dashboard begins."""
    variables = book.dashboards["input-explorer"]["templating"]["list"]
    (found,) = [
        each
        for each in variables
        if each["type"] == "datasource" and each["query"] == kind
    ]
    return str(found.get("current", {}).get("value", ""))


def test_sources_are_made_and_used(book: Book, dashboards: Asked) -> None:
    """With their links; and the dashboards begin with them."""
    status, out, _ = dashboards(
        "push", *LOKI, "--datasource", "tempo=http://tempo:3200"
    )

    assert status == 0 and "data source input-loki" in out
    assert set(book.sources) == {"input-loki", "input-tempo"}
    assert book.sources["input-loki"]["url"] == "http://loki:3100"
    links = book.sources["input-loki"]["jsonData"]["derivedFields"]
    assert {link["matcherRegex"] for link in links} == {"trace_id", "input_id"}
    assert begins_with(book, "loki") == "input-loki"
    assert begins_with(book, "prometheus") == ""


def test_existing_source_is_used_and_not_touched(book: Book, dashboards: Asked) -> None:
    """By its uid; it stays as it is."""
    theirs = {"uid": "mimir", "name": "Mimir", "type": "prometheus", "version": 7}
    book.sources["mimir"] = dict(theirs)

    assert dashboards("push", "--datasource", "prometheus=mimir")[0] == 0
    assert book.sources == {"mimir": theirs}
    assert begins_with(book, "prometheus") == "mimir"


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("loki=nothing", "no data source with the uid 'nothing'"),
        ("loki=mimir", "is of type 'prometheus'"),
    ],
)
def test_wrong_source_is_refused(
    argument: str, said: str, book: Book, dashboards: Asked
) -> None:
    """Before anything is written."""
    book.sources["mimir"] = {"uid": "mimir", "name": "Mimir", "type": "prometheus"}

    status, _, err = dashboards("push", "--datasource", argument)

    assert status == 2 and said in err and book.writes == []


@pytest.mark.parametrize("argument", ["mysql=x", "loki", "loki="])
def test_unknown_kind_is_refused(argument: str, dashboards: Asked) -> None:
    """By the arguments already."""
    with pytest.raises(SystemExit):
        dashboards("push", "--datasource", argument)


def test_source_is_pushed_once(book: Book, dashboards: Asked) -> None:
    """The second time it is the same; another address is an update."""
    dashboards("push", *ONE, *LOKI)
    book.asked.clear()
    assert dashboards("push", *ONE, *LOKI)[0] == 0
    assert book.writes == []

    assert dashboards("push", *ONE, "--datasource", "loki=http://other:3100")[0] == 0
    assert book.sources["input-loki"]["url"] == "http://other:3100"


def test_what_others_add_to_a_source_stays(book: Book, dashboards: Asked) -> None:
    """Credentials and settings of theirs are no change of what is ours."""
    dashboards("push", *ONE, *LOKI)
    book.sources["input-loki"]["basicAuth"] = True
    book.sources["input-loki"]["jsonData"]["timeout"] = 60

    assert dashboards("push", *ONE, "--datasource", "loki=http://other:3100")[0] == 0
    there = book.sources["input-loki"]
    assert there["basicAuth"] is True and there["jsonData"]["timeout"] == 60
    assert there["url"] == "http://other:3100"


def test_changed_source_is_left_alone(book: Book, dashboards: Asked) -> None:
    """Until --force is said."""
    dashboards("push", *ONE, *LOKI)
    book.sources["input-loki"]["url"] = "http://theirs:3100"

    status, out, _ = dashboards("push", *ONE, *LOKI)
    assert status == 1 and "left alone" in out
    assert book.sources["input-loki"]["url"] == "http://theirs:3100"

    assert dashboards("push", *ONE, *LOKI, "--force")[0] == 0
    assert book.sources["input-loki"]["url"] == "http://loki:3100"


def test_provisioned_source_is_left_alone(book: Book, dashboards: Asked) -> None:
    """A file owns it."""
    book.sources["input-loki"] = {
        "uid": "input-loki",
        "name": "Inputs: Loki",
        "type": "loki",
        "readOnly": True,
    }

    status, out, _ = dashboards("push", *ONE, *LOKI)

    assert status == 1 and "provisioned by a file" in out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a", "  - 1", "  + 2"]),
        ({"a": 1}, {}, ["a", "  - 1"]),
        ({}, {"a": "x"}, ["a", '  + "x"']),
        # Parts of a list by their name, so that a new one moves none of the others.
        (
            {"l": [{"id": 1, "x": 1}, {"id": 2, "x": 1}]},
            {"l": [{"id": 3, "x": 1}, {"id": 1, "x": 1}, {"id": 2, "x": 5}]},
            ["l / 2 / x", "  - 1", "  + 5", "l / 3", '  + {"id": 3, "x": 1}'],
        ),
        ({"l": [1, 2]}, {"l": [2]}, ["l", "  - [1, 2]", "  + [2]"]),
        ({"l": [{"id": 1}, {"id": 1}]}, {"l": []}, None),
        ([], {}, [".", "  - []", "  + {}"]),
    ],
)
def test_differences(old: object, new: object, said: list[str] | None) -> None:
    """A path for each place, then what was and what will be."""
    found = differences(old, new)

    assert found == said if said is not None else found


def test_long_values_are_cut() -> None:
    """A difference fits a terminal, and says how much more there is."""
    _, line = differences({}, {"a": "x" * 500})

    assert len(line) < 220 and "502 characters" in line


def test_fingerprint_ignores_the_order_of_keys() -> None:
    """And nothing else."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": [1, 2]}) != fingerprint({"a": [2, 1]})
