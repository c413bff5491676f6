"""A function may be called what its author likes: variables carry the name.

The real PromQL engine is asked, with queries as Grafana sends them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from dashboards.links import field, labelled
from tests.dashboards import promtool
from tests.dashboards.committed import UIDS, filled, load, queries, strings

NAMES: Final = (
    "Model.predict",
    'say "hello"',
    "it's",
    "a/b",
    "back\\slash",
    "übersetze→日本",
    "a|b",
    "f(x)[0]{2}^$*+?",
    "50% & more=1#x",
    "$function",
)

STARTED: Final = "input_started_total"
ASKED: Final = next(
    query.text for query in queries("prometheus") if query.panel == "Inputs per second"
)


def evaluated(folder: Path, chosen: list[str], expected: float) -> None:
    """Ask for the chosen of all `NAMES`; each of those starts one input a second."""
    given = [
        {
            "series": promtool.selector(
                STARTED, {"job": "j", "instance": "i", "input_function": name}
            ),
            "values": "0+30x40",
        }
        for name in NAMES
    ]
    text = filled(ASKED, function=chosen) if chosen else filled(ASKED)
    asked = {
        "expr": f"round({text}, 0.001)",
        "eval_time": "20m",
        "exp_samples": [{"labels": "{}", "value": expected}],
    }
    promtool.evaluate(folder, given, [asked])


@pytest.mark.parametrize("name", NAMES)
def test_name_chooses_itself_alone(tmp_path: Path, name: str) -> None:
    """No quote ends the query, and no sign is read as part of a pattern."""
    evaluated(tmp_path, [name], 1)


def test_several_names_choose_each_of_them(tmp_path: Path) -> None:
    """As one pattern with alternatives."""
    evaluated(tmp_path, list(NAMES[:4]), 4)


def test_class_chooses_its_methods(tmp_path: Path) -> None:
    """Containers are under the name of the class, and inputs under their method's."""
    evaluated(tmp_path, ["Model"], 1)


def test_all_chooses_everything(tmp_path: Path) -> None:
    """The value of "All" is a pattern, and is not escaped as a name is."""
    evaluated(tmp_path, [], len(NAMES))


@pytest.mark.parametrize("uid", UIDS)
def test_links_encode_names(uid: str) -> None:
    """A name in a URL is percent-encoded, so that it ends nothing and adds nothing."""
    urls = [text for text in strings(load(uid)) if text.startswith("/d/")]

    assert urls
    for url in urls:
        for place in ("__data.fields", "__field.labels"):
            for part in url.split(f"${{{place}")[1:]:
                whole = part[: part.index("}")]
                # The uid of an alert's dashboard is ours, and is no value.
                assert whole.endswith(":percentencode") or "Dashboard" in whole, url


@pytest.mark.parametrize("name", NAMES)
def test_encoded_name_arrives(name: str) -> None:
    """What Grafana's percentencode makes of a name is one value at the other end."""
    # Source: encodeURIComponent, which keeps !'()* as well.
    encoded = quote(name, safe="!'()*")
    url = f"/d/x?var-function={labelled('input_function')}&var-job={field('Job')}"
    sent = url.replace(labelled("input_function"), encoded).replace(field("Job"), "j")

    assert parse_qs(urlsplit(sent).query) == {"var-function": [name], "var-job": ["j"]}


def test_alert_of_a_hostile_name_has_a_sound_link() -> None:
    """Rules encode as well; their promtool tests have such a name."""
    tests = promtool_tests()

    assert "var-function=a%26b%2F%C3%BC+%22q%22" in tests


def promtool_tests() -> str:
    """All promtool tests of the rules, as text."""
    folder = Path(__file__).parents[2] / "dashboards" / "rules" / "tests"
    return json.dumps([path.read_text("utf-8") for path in folder.glob("*.yaml")])
