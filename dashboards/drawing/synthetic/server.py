"""A Prometheus on loopback that holds the simulated service."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dashboards.drawing.source import prometheus_query
from dashboards.drawing.synthetic import exporting, ruling, shop

_READY_S: Final = 30.0


@contextmanager
def simulated(programs: Path, folder: Path, port: int, end_s: float) -> Iterator[str]:
    """The address of a Prometheus with two hours of the simulated service.

    Args:
        programs: Where `prometheus` and `promtool` lie.
        folder: Empty; for its data.
        end_s: Of the two hours, in Unix seconds.
    """
    start_s = end_s - shop.LENGTH_S
    url = f"http://127.0.0.1:{port}"
    data = folder / "data"
    samples = exporting.openmetrics(shop.pools(), start_s, shop.LENGTH_S)
    _take_in(programs, samples, folder / "samples.om", data)
    for rules in ruling.levels():
        # Prometheus reads blocks as it starts: once for each level of rules.
        with _running(programs, folder, data, port):
            query = prometheus_query(url)
            made = list(ruling.results(rules, query, start_s, end_s))
        _take_in(programs, made, folder / "recorded.om", data)
    with _running(programs, folder, data, port):
        yield url


def _take_in(programs: Path, lines: Iterable[str], path: Path, data: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    subprocess.run(
        [
            programs / "promtool",
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            path,
            data,
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def _running(programs: Path, folder: Path, data: Path, port: int) -> Iterator[None]:
    config = folder / "prometheus.yaml"
    config.write_text("global: {}\n", "utf-8")
    command = [
        str(programs / "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--query.max-samples=100000000",
    ]
    with (folder / "log.txt").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/-/ready")
        yield
    finally:
        server.terminate()
        server.wait(_READY_S)


def _wait(url: str) -> None:
    until = time.monotonic() + _READY_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310  # our own server
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
