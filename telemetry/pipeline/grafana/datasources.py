"""The data sources that our dashboards ask, and the links between them.

Metric to trace and input by exemplar, log line to trace and input by field, span to
log lines and metrics by attribute. The file for provisioning says the same
(``dashboards/provisioning/datasources``), and a test proves it.

Source: provisioning of data sources, Grafana's documentation 13.
"""

from __future__ import annotations

from typing import Final

from telemetry.core import names
from telemetry.core.metrics import prometheus_names
from telemetry.pipeline.grafana.bodies import Body

KINDS: Final = ("prometheus", "loki", "tempo")

UIDS: Final = {kind: f"input-{kind}" for kind in KINDS}

SAMPLE_INTERVAL_S: Final = 15
"""Not less than between two samples, pushed (10 s) or scraped (15 s): Grafana makes
``$__rate_interval`` of it."""

EXPLORER: Final = "/d/input-explorer"
_ID: Final = names.FIELD_INPUT_ID
_TRACE: Final = names.FIELD_TRACE_ID
_VALUE: Final = "${__value.raw}"
_FUNCTION: Final = names.INPUT_FUNCTION.replace(".", "_")


def source(kind: str, url: str) -> Body:
    """The data source of this kind at *url*, as Grafana's API wants it."""
    return {
        "name": f"Inputs: {kind.title()}",
        "type": kind,
        "uid": UIDS[kind],
        "access": "proxy",
        "url": url,
        "jsonData": _DATA[kind](),
    }


def _prometheus() -> Body:
    return {
        "httpMethod": "POST",
        "timeInterval": f"{SAMPLE_INTERVAL_S}s",
        "manageAlerts": True,
        "prometheusType": "Prometheus",
        "exemplarTraceIdDestinations": [
            {
                "name": _TRACE,
                "datasourceUid": UIDS["tempo"],
                "urlDisplayLabel": "Open the trace",
            },
            {
                "name": _ID,
                "url": f"{EXPLORER}?var-{_ID}={_VALUE}",
                "urlDisplayLabel": "Open the input",
            },
        ],
    }


def _loki() -> Body:
    # With matcherType label the pattern is that of a key: structured metadata counts.
    return {
        "maxLines": 1000,
        "derivedFields": [
            {
                "name": "Trace",
                "matcherType": "label",
                "matcherRegex": _TRACE,
                "url": _VALUE,
                "datasourceUid": UIDS["tempo"],
                "urlDisplayLabel": "Open the trace",
            },
            {
                "name": "Input",
                "matcherType": "label",
                "matcherRegex": _ID,
                "url": f"{EXPLORER}?var-{_ID}={_VALUE}",
                "urlDisplayLabel": "Open the input",
            },
        ],
    }


def _tempo() -> Body:
    completed = prometheus_names(names.COMPLETED)[0]
    duration = prometheus_names(names.DURATION)[0]
    tags = [{"key": names.SERVICE_NAME, "value": "service_name"}]
    function = [{"key": names.INPUT_FUNCTION, "value": _FUNCTION}]
    return {
        "tracesToLogsV2": {
            "datasourceUid": UIDS["loki"],
            # A span's own times, to the microsecond, find no line that was written
            # just before or after them.
            "spanStartTimeShift": "-2s",
            "spanEndTimeShift": "2s",
            "tags": tags,
            "customQuery": True,
            "query": (
                f'{{${{__tags}}}} | {_ID}="${{__span.tags["{names.INPUT_ID}"]}}"'
            ),
        },
        "tracesToMetrics": {
            "datasourceUid": UIDS["prometheus"],
            "spanStartTimeShift": "-15m",
            "spanEndTimeShift": "15m",
            "tags": function,
            "queries": [
                {
                    "name": "Inputs of this function by outcome",
                    "query": (
                        f"sum by ({names.INPUT_OUTCOME.replace('.', '_')}) "
                        f"(rate({completed}{{$__tags}}[$__rate_interval]))"
                    ),
                },
                {
                    "name": "Run time p95 of this function",
                    "query": (
                        "histogram_quantile(0.95, sum by (le) "
                        f"(rate({duration}{{$__tags}}[$__rate_interval])))"
                    ),
                },
            ],
        },
        "nodeGraph": {"enabled": True},
        "spanBar": {"type": "Tag", "tag": names.INPUT_ZONE},
        "serviceMap": {"datasourceUid": UIDS["prometheus"]},
    }


_DATA: Final = {"prometheus": _prometheus, "loki": _loki, "tempo": _tempo}
