"""The JSON is what Grafana reads: by its own schemas, and by a round trip."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from jsonschema import Draft7Validator

from tests.dashboards.committed import UIDS, Json, load, panels

SCHEMAS: Final = Path(__file__).parent / "third_party" / "grafana"

OF_KIND: Final = {"state-timeline": "statetimeline"}
"""Schemas that are not called as their panel is."""
WITHOUT_SCHEMA: Final = frozenset({"traces"})
"""Grafana publishes none for it; it has no options either."""

QUERY: Final = {"prometheus": "Dataquery", "loki": "dataquery", "tempo": "Dataquery"}

pytestmark = pytest.mark.parametrize("uid", UIDS)


@cache
def schema(name: str) -> Json:
    """One of Grafana's schemas."""
    found: Json = json.loads((SCHEMAS / f"{name}.jsonschema.json").read_text("utf-8"))
    definitions = found["definitions"]
    # What may be anything in Grafana (`any` in its source) is "object" in what is
    # published: the argument of a matcher, which is a name for "byName", and the
    # value of an override.
    for kind, key in (("MatcherConfig", "options"), ("DynamicConfigValue", "value")):
        if kind in definitions:
            definitions[kind]["properties"][key] = {}
    return found


def findings(name: str, definition: str, value: object) -> list[str]:
    """What the definition of a schema finds wrong."""
    whole = {**schema(name), "$ref": f"#/definitions/{definition}"}
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in Draft7Validator(whole).iter_errors(value)
    ]


def test_dashboard_fits_the_schema(uid: str) -> None:
    """No key that is unknown, none of the wrong type, none missing."""
    found = load(uid)

    assert findings("dashboard", "Dashboard", {**found, "panels": []}) == []
    for panel in found["panels"]:
        kind = "RowPanel" if panel["type"] == "row" else "Panel"
        assert findings("dashboard", kind, panel) == [], panel["title"]


def test_panels_fit_their_own_schemas(uid: str) -> None:
    """Options and field settings are those of the kind of panel."""
    for panel in panels(uid):
        kind = str(panel["type"])
        name = OF_KIND.get(kind, kind)
        if name in WITHOUT_SCHEMA:
            continue
        definitions = schema(name)["definitions"]
        custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {})
        assert findings(name, "Options", panel["options"]) == [], panel["title"]
        if "FieldConfig" in definitions:
            assert findings(name, "FieldConfig", custom) == [], panel["title"]


def test_queries_fit_their_own_schemas(uid: str) -> None:
    """Each target is a query of its data source."""
    for panel in panels(uid):
        for target in panel.get("targets", []):
            kind = target["datasource"]["type"]
            assert findings(kind, QUERY[kind], target) == [], panel["title"]


def test_round_trip_loses_nothing(uid: str) -> None:
    """What the SDK reads and writes again is the same: it drops unknown keys."""
    register_default_plugins()
    before = load(uid)
    after: Any = json.loads(JSONEncoder().encode(Dashboard.from_json(before)))

    assert after == before


def test_form_is_the_one_that_every_grafana_reads(uid: str) -> None:
    """Classic, schemaVersion 42: from files, by the API and by import, 10 to 13."""
    found = load(uid)

    assert found["schemaVersion"] == 42
    assert "spec" not in found and "apiVersion" not in found
    assert "id" not in found and "version" not in found
    assert 8 <= len(uid) <= 40
