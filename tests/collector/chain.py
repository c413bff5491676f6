"""Agent, gateway and a stand-in for all backends, as real Collectors on loopback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.house.tree import ROOT
from tests.stack import programs
from tests.stack.collector import SINK, CollectorRun
from tests.stack.fixtures import StartCollector

FILES: Final = ROOT / "collector"
AGENT: Final = FILES / "agent.yaml"
GATEWAY: Final = FILES / "gateway.yaml"
BACKENDS: Final = Path(__file__).with_name("backends.yaml")

QUICK: Final = {
    # Long enough for the requests of a test, which sends them in well under it.
    "COLLECTOR_DECISION_WAIT": "1s",
    "COLLECTOR_SPAN_METRICS_INTERVAL": "200ms",
}


@dataclass(frozen=True, slots=True)
class Chain:
    """What is sent to the agent arrives at the backends."""

    agent: CollectorRun
    gateway: CollectorRun
    backends: CollectorRun


def start_chain(
    start: StartCollector, variables: Mapping[str, str] | None = None
) -> Chain:
    """Starts all three; *variables* are for the gateway."""
    backends = start(SINK, BACKENDS)
    gateway = start(GATEWAY, variables={**to(backends), **QUICK, **(variables or {})})
    agent = start(
        AGENT,
        variables={"GATEWAY_ENDPOINT": f"{programs.HOST}:{gateway.grpc_port}"},
    )
    return Chain(agent, gateway, backends)


def to(backends: CollectorRun) -> dict[str, str]:
    """The variables that lead a gateway to the stand-in."""
    return {
        "PROMETHEUS_URL": backends.http_endpoint,
        "LOKI_URL": backends.http_endpoint,
        "TEMPO_ENDPOINT": f"{programs.HOST}:{backends.grpc_port}",
    }
