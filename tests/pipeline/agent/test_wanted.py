"""What an agent is to do, from arguments and the environment."""

from __future__ import annotations

import pytest

from telemetry.core.errors import InvalidError
from telemetry.pipeline.agent.wanted import Address, wanted, wanted_inside

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_defaults() -> None:
    """It delivers nowhere, and takes OTLP on this machine."""
    found = wanted({})

    assert not found.endpoints
    assert found.receive == Address("127.0.0.1", 14318)
    assert found.metrics_every_s == 10


def test_where_to_deliver() -> None:
    """The argument goes before the environment."""
    found = wanted({ENDPOINT: "http://a:4318"}, endpoint="http://b:4318")

    assert found.endpoints["logs"].url == "http://b:4318/v1/logs"
    assert found.endpoints.keys() == {"logs", "spans", "metrics"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_it_never_delivers_to_itself(host: str) -> None:
    """A program that sends to an agent passes its environment on to its own agent."""
    assert not wanted({ENDPOINT: f"http://{host}:14318"}).endpoints
    assert wanted({ENDPOINT: f"http://{host}:4318"}).endpoints


def test_inside_a_program() -> None:
    """An agent there opens no port unless it is asked to; nor does it wait at ours."""
    assert wanted_inside({}).receive is None
    assert wanted_inside({"TELEMETRY_RECEIVE": "4318"}).receive is not None
    assert not wanted_inside({ENDPOINT: "http://127.0.0.1:14318"}).endpoints
    assert wanted_inside({}, endpoint="http://a:14318").endpoints


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("none", None),
        ("None", None),
        ("0", Address("127.0.0.1", 0)),
        ("4318", Address("127.0.0.1", 4318)),
        ("0.0.0.0:4318", Address("0.0.0.0", 4318)),  # noqa: S104 # with a token
        ("[::1]:4318", Address("::1", 4318)),
    ],
)
def test_where_to_listen(said: str, expected: Address | None) -> None:
    """A port, a host and a port, or nowhere."""
    assert wanted({"TELEMETRY_RECEIVE": said}).receive == expected
    assert wanted({}, receive=said).is_preferred


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TELEMETRY_RECEIVE", "localhost"),
        ("TELEMETRY_RECEIVE", "1:2:3"),
        ("TELEMETRY_RECEIVE", "host:65536"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        (ENDPOINT, "collector:4318"),
    ],
)
def test_wrong_values(key: str, value: str) -> None:
    """The error names the variable, the value and what is allowed."""
    with pytest.raises(InvalidError, match=key) as caught:
        wanted({key: value})

    assert repr(value) in str(caught.value)
