"""A Grafana for each test, and the command against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from telemetry.cli.main import main
from tests.pipeline.grafana.grafana_server import TOKEN, Book, serving


@pytest.fixture
def book() -> Book:
    """What the test's Grafana knows; the test may change how it behaves."""
    return Book()


@pytest.fixture
def url(book: Book, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address; the environment holds the right token, and nothing else."""
    for name in ("URL", "USER", "PASSWORD", "TIMEOUT"):
        monkeypatch.delenv(f"GRAFANA_{name}", raising=False)
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    monkeypatch.setenv("NO_COLOR", "1")
    with serving(book) as found:
        yield found


Asked = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dashboards(url: str, capsys: pytest.CaptureFixture[str]) -> Asked:
    """``telemetry dashboards ...``: status, stdout, stderr."""

    def ask(verb: str, *arguments: str) -> tuple[int, str, str]:
        status = main(["dashboards", verb, "--url", url, *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return ask
