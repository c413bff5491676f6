"""A run in a store, and a view over it, for all tests of this folder."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from telemetry.pipeline.agent.places import Places, places
from telemetry.view.serving import View
from tests.view.filling import Filling


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """It was JSON."""
        return json.loads(self.body)


class Browser:
    """Asks a view as a browser would that has its cookie."""

    def __init__(self, view: View) -> None:
        address, _, token = view.link.partition("?token=")
        self.host = address.removeprefix("http://").rstrip("/")
        self.token = token
        self.cookie = f"telemetry-view-{self.host.rpartition(':')[2]}={token}"

    def ask(
        self, path: str, *, method: str = "GET", cookie: bool = True, **headers: Any
    ) -> Answer:
        """One request; headers by name, with ``_`` for ``-``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            sent["cookie"] = self.cookie
        host = sent.pop("host", self.host)
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True)
            connection.putheader("host", host)
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders()
            found = connection.getresponse()
            fields = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, fields, found.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """What ``/api/`` *path* answers."""
        found = self.ask(f"/api/{path}")
        assert found.status == 200, found
        return found.data


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A folder of telemetry's, with nothing in it."""
    return places(tmp_path_factory.mktemp("view") / "base")


@pytest.fixture(scope="session")
def run(place: Places) -> Filling:
    """The run that is in the store of that folder."""
    found = Filling(place.store)
    found.run()
    return found


@pytest.fixture(scope="session")
def view(place: Places, run: Filling) -> Iterator[View]:
    """A view over it."""
    found = View(place, port=0)
    found.start()
    yield found
    assert found.stop()


@pytest.fixture(scope="session")
def browser(view: View) -> Browser:
    """Somebody who may look."""
    return Browser(view)


@pytest.fixture
def own_view(tmp_path: Path) -> Iterator[tuple[Places, View]]:
    """A view of the test's own, over a folder in which nothing is."""
    where = places(tmp_path / "base")
    found = View(where, port=0)
    found.start()
    yield where, found
    assert found.stop()
