"""A real Prometheus in a test, with the settings that ``collector/`` ships."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml

from tests.house.tree import ROOT
from tests.stack import programs

CONFIG: Final = ROOT / "collector" / "prometheus.yaml"
_COMPOSE: Final = ROOT / "collector" / "compose.yaml"
_HOUR_S: Final = 3_600


class PrometheusRun(programs.Program):
    """A Prometheus with an empty store, on a port of its own."""

    def __init__(self, program: Path, folder: Path, config: Path = CONFIG) -> None:
        self.port = programs.free_port()
        super().__init__(folder, self.port, "/-/ready")
        self._program = program
        self._config = config

    @property
    def url(self) -> str:
        """Of its pages; OTLP metrics go to ``/api/v1/otlp/v1/metrics`` below it."""
        return f"http://{programs.HOST}:{self.port}"

    def command(self) -> list[str]:
        """As compose starts it, but for file, port and folder."""
        compose = yaml.safe_load(_COMPOSE.read_text("utf-8"))
        flags = [
            flag
            for flag in compose["services"]["prometheus"]["command"]
            if not flag.startswith(("--config.file=", "--storage.tsdb.path="))
        ]
        return [
            str(self._program),
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={programs.HOST}:{self.port}",
            *flags,
        ]

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query: ``metric`` has labels, ``value`` a pair.

        Raises:
            ValueError: Prometheus does not understand the expression.
        """
        moment = {} if at_s is None else {"time": str(at_s)}
        data = self._data("query", {"query": expression, **moment})
        found: list[dict[str, Any]] = data["result"]
        return found

    def values(self, expression: str) -> list[float]:
        """The values alone, sorted."""
        return sorted(float(series["value"][1]) for series in self.query(expression))

    def exemplars(self, expression: str) -> list[dict[str, Any]]:
        """The exemplars of the last and the next hour, of all series."""
        now = time.time()
        window = {"start": str(now - _HOUR_S), "end": str(now + _HOUR_S)}
        found = self._data("query_exemplars", {"query": expression, **window})
        return [each for series in found for each in series["exemplars"]]

    def rules(self) -> list[dict[str, Any]]:
        """All rules of its files: ``health``, ``lastError``, ``query``, and so on."""
        groups = self._data("rules", {})["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def names(self) -> set[str]:
        """The names of all series in the store."""
        return set(self._data("label/__name__/values", {}))

    def _data(self, what: str, parameters: dict[str, str]) -> Any:
        path = f"/api/v1/{what}?{urlencode(parameters)}"
        status, body = programs.ask(self.port, path)
        answer = json.loads(body)
        if status != programs.OK:
            raise ValueError(f"{parameters}: {answer.get('error', status)}")
        return answer["data"]
