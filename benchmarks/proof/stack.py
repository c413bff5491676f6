"""The real backends of a proof: gateway, Prometheus, and stand-ins for Loki and Tempo.

The gateway runs ``collector/gateway.yaml``, Prometheus ``collector/prometheus.yaml``
with all rules of ``dashboards/rules``; what is changed is where they listen and how
often they look. Loki and Tempo are not built: a Collector takes what they would get,
on their paths, and writes it to files.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.stack.collector import SINK, CollectorRun
from tests.stack.programs import HOST, need
from tests.stack.prometheus import CONFIG, PrometheusRun

_ROOT: Final = Path(__file__).resolve().parents[2]
GATEWAY: Final = _ROOT / "collector" / "gateway.yaml"
RULES: Final = _ROOT / "dashboards" / "rules"
_WITNESS: Final = Path(__file__).with_name("witness.yaml")
_LISTENING_AS_BACKENDS: Final = _ROOT / "tests" / "collector" / "backends.yaml"
_SCRAPED: Final = "otelcol-gateway"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things happen, in seconds.

    Attributes:
        export_s: Between two exports of metrics by the agent.
        look_s: Between two scrapes, and two evaluations of the rules.
        decision_s: How long the gateway collects a trace.
        lag_s: How old the newest sample of a gauge may be.
    """

    export_s: float
    look_s: float
    decision_s: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class Stack:
    """The backends, running.

    Attributes:
        backends: Stands in for Loki and Tempo.
    """

    gateway: CollectorRun
    prometheus: PrometheusRun
    backends: CollectorRun


@contextmanager
def stack(folder: Path, pace: Pace) -> Iterator[Stack]:
    """Start all of it in *folder*, and end it with the block."""
    collector, program = need("otelcol"), need("prometheus")
    folders = {name: folder / name for name in ("gateway", "prometheus", "backends")}
    for each in folders.values():
        each.mkdir()
    backends = CollectorRun(
        collector, folders["backends"], (SINK, _LISTENING_AS_BACKENDS)
    )
    config = folders["prometheus"] / "prometheus.yaml"
    prometheus = PrometheusRun(program, folders["prometheus"], config)
    variables = {
        "PROMETHEUS_URL": prometheus.url,
        "LOKI_URL": backends.http_endpoint,
        "TEMPO_ENDPOINT": f"{HOST}:{backends.grpc_port}",
        "COLLECTOR_DECISION_WAIT": f"{pace.decision_s:g}s",
    }
    gateway = CollectorRun(
        collector, folders["gateway"], (GATEWAY, _WITNESS), variables
    )
    _write_config(config, gateway.metrics_port, prometheus.port, pace.look_s)
    running = (backends, prometheus, gateway)
    try:
        with ThreadPoolExecutor() as threads:
            for started in [threads.submit(run.start) for run in running]:
                started.result()
        yield Stack(gateway, prometheus, backends)
    finally:
        for run in running:
            run.discard()


def _write_config(path: Path, gateway: int, own: int, look_s: float) -> None:
    """Prometheus' file as it is shipped, but for addresses and intervals."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    every = f"{look_s:g}s"
    config["global"] |= {"scrape_interval": every, "evaluation_interval": every}
    rules = path.with_name("rules")
    rules.mkdir()
    config["rule_files"] = [f"{rules}/*.yaml"]
    for job in config["scrape_configs"]:
        port = gateway if job["job_name"] == _SCRAPED else own
        job["static_configs"] = [{"targets": [f"{HOST}:{port}"]}]
    path.write_text(yaml.safe_dump(config), "utf-8")
    for source in RULES.glob("*.yaml"):
        shipped: dict[str, Any] = yaml.safe_load(source.read_text("utf-8"))
        for group in shipped["groups"]:
            group["interval"] = every
        (rules / source.name).write_text(yaml.safe_dump(shipped), "utf-8")
