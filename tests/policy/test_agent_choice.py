"""Who delivers what a process has written."""

from __future__ import annotations

import pytest

from telemetry.policy.agent_choice import Agent, Host, has_endpoint, host


@pytest.mark.parametrize(
    ("agent", "has_endpoint", "is_app", "expected"),
    [
        ("auto", False, False, "nobody"),
        ("auto", True, False, "thread"),
        ("auto", False, True, "process"),
        ("auto", True, True, "process"),
        ("process", False, False, "process"),
        ("thread", False, False, "thread"),
        ("thread", True, True, "thread"),
        (False, True, False, "direct"),
        (False, True, True, "nobody"),
        (False, False, True, "nobody"),
    ],
)
def test_host(agent: Agent, has_endpoint: bool, is_app: bool, expected: Host) -> None:
    """What was asked for is had; auto depends on who asks."""
    assert host(agent, has_endpoint=has_endpoint, is_app=is_app) == expected


@pytest.mark.parametrize(
    ("environ", "given", "expected"),
    [
        ({}, None, False),
        ({}, "http://c:4318", True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, None, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, None, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None, False),
    ],
)
def test_has_endpoint(
    environ: dict[str, str], given: str | None, expected: bool
) -> None:
    """An empty variable is as good as none, as OpenTelemetry wants it."""
    assert has_endpoint(environ, given) is expected
