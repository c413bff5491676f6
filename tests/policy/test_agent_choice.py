"""Who delivers what a process has written."""

from __future__ import annotations

import pytest

from telemetry.policy.agent_choice import Agent, Host, host


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
        (False, True, True, "direct"),
        (False, False, True, "nobody"),
    ],
)
def test_host(agent: Agent, has_endpoint: bool, is_app: bool, expected: Host) -> None:
    """What was asked for is had; auto depends on who asks."""
    assert host(agent, has_endpoint=has_endpoint, is_app=is_app) == expected
