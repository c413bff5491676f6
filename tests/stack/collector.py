"""A real Collector in a test: where to send to, and what has arrived."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.stack import programs, received
from tests.stack.received import ReceivedLog, ReceivedPoint, ReceivedSpan

SINK: Final = Path(__file__).with_name("sink.yaml")
"""The configuration that writes all that it takes to files."""
_ARRIVAL_S: Final = 20.0
_SAMPLE: Final = re.compile(r"^(?P<name>\w+)(?:\{.*\})? (?P<value>\S+)", re.MULTILINE)


class CollectorRun(programs.Program):
    """A Collector with *configs*, merged from left to right, on ports of its own.

    The ports stay over `stop`, `kill` and `start`, so an outage is one of each. The
    configurations take them from ``${env:COLLECTOR_...}``, as those in ``collector/``
    do, and what else they want from *variables*. The files of a file exporter are read
    back: ``${env:COLLECTOR_OUTPUT}.logs.jsonl``, ``.traces.jsonl``, ``.metrics.jsonl``.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        configs: tuple[Path, ...] = (SINK,),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.grpc_port = programs.free_port()
        self.http_port = programs.free_port()
        self.metrics_port = programs.free_port()
        self._health_port = programs.free_port()
        super().__init__(folder, self._health_port, "/ready")
        self._program = program
        self._configs = configs
        self._variables = dict(variables or {})
        self._starts = 0
        self._logs = received.Lines(folder, "*.logs.jsonl", received.logs_of)
        self._spans = received.Lines(folder, "*.traces.jsonl", received.spans_of)
        self._points = received.Lines(folder, "*.metrics.jsonl", received.points_of)

    @property
    def http_endpoint(self) -> str:
        """For ``OTEL_EXPORTER_OTLP_ENDPOINT`` with HTTP."""
        return f"http://{programs.HOST}:{self.http_port}"

    @property
    def grpc_endpoint(self) -> str:
        """For ``OTEL_EXPORTER_OTLP_ENDPOINT`` with gRPC."""
        return f"http://{programs.HOST}:{self.grpc_port}"

    def command(self) -> list[str]:
        """The Collector with its files."""
        return [str(self._program), *(f"--config=file:{c}" for c in self._configs)]

    def environment(self) -> dict[str, str]:
        """The ports, and files that no earlier start has written to."""
        self._starts += 1
        return {
            "COLLECTOR_OTLP_GRPC": f"{programs.HOST}:{self.grpc_port}",
            "COLLECTOR_OTLP_HTTP": f"{programs.HOST}:{self.http_port}",
            "COLLECTOR_HEALTH": f"{programs.HOST}:{self._health_port}",
            "COLLECTOR_METRICS_PORT": str(self.metrics_port),
            "COLLECTOR_STORAGE": str(self.folder / "storage"),
            "COLLECTOR_OUTPUT": str(self.folder / f"start-{self._starts:04}"),
            **self._variables,
        }

    def logs(self) -> list[ReceivedLog]:
        """All log records that have arrived, over all starts, repeats included."""
        return self._logs.items()

    def spans(self) -> list[ReceivedSpan]:
        """All spans that have arrived."""
        return self._spans.items()

    def metrics(self) -> list[ReceivedPoint]:
        """All points of metrics that have arrived."""
        return self._points.items()

    def wait_until(
        self,
        holds: Callable[[CollectorRun], object],
        what: str = "it has arrived",
        deadline_s: float = _ARRIVAL_S,
    ) -> None:
        """Polls until *holds* is true of this run.

        Raises:
            TimeoutError: It was not within *deadline_s*.
        """
        programs.wait_until(lambda: holds(self), what, deadline_s)

    def own_metrics(self) -> dict[str, float]:
        """The Collector's metrics of itself, each summed over its labels."""
        _, body = programs.ask(self.metrics_port, "/metrics")
        sums: dict[str, float] = {}
        for sample in _SAMPLE.finditer(body.decode()):
            name = sample["name"]
            sums[name] = sums.get(name, 0.0) + float(sample["value"])
        return sums
