"""How Grafana is asked: addresses, who asks, and errors that say what to do."""

from __future__ import annotations

import builtins
import socket
import threading
from typing import Any

import pytest

from telemetry.cli.main import main
from telemetry.pipeline.grafana.address import Address, AddressError, address
from tests.pipeline.grafana.conftest import Asked
from tests.pipeline.grafana.grafana_server import TOKEN, USER, Book, serving

ONE = ("--only", "input-tuning")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:3000", "http://localhost:3000/"),
        ("https://g.example.com/", "https://g.example.com/"),
        ("https://g.example.com/grafana", "https://g.example.com/grafana/"),
        ("https://g.example.com/a/b/", "https://g.example.com/a/b/"),
        ("http://[::1]:3000/x", "http://[::1]:3000/x/"),
        ("http://user:p%40ss@h:1/", "http://h:1/"),
    ],
)
def test_address(text: str, url: str) -> None:
    """With a slash behind every path, and without who asks."""
    assert address(text, {}).url == url


@pytest.mark.parametrize(
    ("environment", "credential"),
    [
        ({}, None),
        ({"GRAFANA_TOKEN": " t\n"}, "t"),
        ({"GRAFANA_USER": "u", "GRAFANA_PASSWORD": "p"}, ("u", "p")),
        # A token is narrower than a user, and is meant where both are set.
        ({"GRAFANA_TOKEN": "t", "GRAFANA_USER": "u", "GRAFANA_PASSWORD": "p"}, "t"),
    ],
)
def test_who_asks(environment: dict[str, str], credential: object) -> None:
    """A token, a user, or nobody."""
    assert address("http://h", environment).credential == credential


def test_user_of_the_address_is_decoded() -> None:
    """As every URL has it."""
    assert address("http://a%40b:p%2Fw@h", {}).credential == ("a@b", "p/w")


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        (None, {}, "give --url, or set GRAFANA_URL"),
        ("grafana:3000", {}, "has to begin with http"),
        ("ftp://h", {}, "has to begin with http"),
        ("http://h:x", {}, "is no address"),
        ("http://h", {"GRAFANA_USER": "u"}, "GRAFANA_PASSWORD is not set"),
        ("http://h", {"GRAFANA_PASSWORD": "p"}, "GRAFANA_USER is not set"),
        ("http://h", {"GRAFANA_TIMEOUT": "soon"}, "GRAFANA_TIMEOUT is 'soon'"),
        ("http://h", {"GRAFANA_TIMEOUT": "0"}, "at most 600"),
        ("http://h", {"GRAFANA_TIMEOUT": "601"}, "at most 600"),
    ],
)
def test_wrong_address(
    text: str | None, environment: dict[str, str], said: str
) -> None:
    """Each says the key, the value and what is allowed."""
    with pytest.raises(AddressError, match=said):
        address(text, environment)


def test_address_of_the_environment_is_the_default() -> None:
    """An argument goes before it."""
    environment = {"GRAFANA_URL": "http://env", "GRAFANA_TIMEOUT": "2.5"}

    found: Address = address(None, environment)
    assert found.url == "http://env/" and found.timeout_s == 2.5
    assert address("http://argument", environment).url == "http://argument/"


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", ["", "/grafana", "/a/b"])
def test_sub_path_is_asked(
    prefix: str, slash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Grafana below a path is found, with and without a slash behind it."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    book = Book(prefix=prefix)
    with serving(book) as url:
        assert main(["dashboards", "push", *ONE, "--url", f"{url}{slash}"]) == 0

    assert list(book.dashboards) == ["input-tuning"]


def test_user_and_password(
    book: Book, dashboards: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Basic authentication is as good as a token."""
    monkeypatch.delenv("GRAFANA_TOKEN")
    monkeypatch.setenv("GRAFANA_USER", USER[0])
    monkeypatch.setenv("GRAFANA_PASSWORD", USER[1])

    assert dashboards("push", *ONE)[0] == 0
    assert list(book.dashboards) == ["input-tuning"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "set GRAFANA_TOKEN, or GRAFANA_USER and GRAFANA_PASSWORD"),
        ({"GRAFANA_TOKEN": "old"}, "the token in GRAFANA_TOKEN is wrong"),
        (
            {"GRAFANA_USER": "admin", "GRAFANA_PASSWORD": "x"},
            "the user 'admin' or the password",
        ),
    ],
)
def test_unknown_asker(
    environment: dict[str, str],
    said: str,
    dashboards: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """401 says which of them is wrong; no secret is shown."""
    monkeypatch.delenv("GRAFANA_TOKEN")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    status, out, err = dashboards("push")

    assert (status, out) == (2, "")
    assert said in err and err.count("\n") == 1


def test_asker_who_may_not(book: Book, dashboards: Asked) -> None:
    """403 says which role is wanted."""
    book.role = "Viewer"

    status, _, err = dashboards("push", *ONE)

    assert status == 2
    assert "folders:write" in err and "role Editor" in err


def test_editor_may_push_dashboards_and_no_sources(
    book: Book, dashboards: Asked
) -> None:
    """Data sources want more."""
    book.role = "Editor"
    assert dashboards("push", *ONE)[0] == 0

    status, _, err = dashboards("push", *ONE, "--datasource", "loki=http://loki:3100")
    assert status == 2 and "role Admin" in err


def test_nobody_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason at the bottom, and none of the layers above it."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    assert main(["dashboards", "push", "--url", f"http://127.0.0.1:{port}"]) == 2
    err = capsys.readouterr().err
    assert "nobody answers" in err and "refused" in err
    assert "Pool" not in err and err.count("\n") == 1


def test_no_answer_in_time(
    book: Book, dashboards: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Grafana that stands still is given up after the timeout."""
    book.stands_still = threading.Event()
    monkeypatch.setenv("GRAFANA_TIMEOUT", "0.2")

    status, _, err = dashboards("push")

    assert status == 2 and "within 0.2 s" in err


@pytest.mark.parametrize(
    ("behaves", "said"),
    [
        ({"page": True}, "answers with a page"),
        # Asked at the root, and it is below a path.
        ({"prefix": "/grafana"}, "look at the address, and at the sub-path"),
        ({"broken": 500}, "answers 500: database is locked"),
        ({"broken": 502}, "answers 502"),
    ],
)
def test_answers_that_are_no_grafana(
    behaves: dict[str, Any], said: str, book: Book, dashboards: Asked
) -> None:
    """A proxy's page, a wrong path and a broken server are told apart."""
    for name, value in behaves.items():
        setattr(book, name, value)

    status, _, err = dashboards("push")

    assert status == 2 and said in err and err.count("\n") == 1


def test_nothing_is_asked_by_number(book: Book, dashboards: Asked) -> None:
    """Grafana 13 has no routes by number, and gives no numbers either."""
    dashboards("push", "--datasource", "loki=http://loki:3100")

    assert not any(
        part.isdigit() for line in book.asked for part in line.split("/") if part
    )


def test_missing_extra_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that installs it."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("grafana_client"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)

    assert main(["dashboards", "push", "--url", "http://h"]) == 2
    assert "pip install 'input-telemetry[grafana]'" in capsys.readouterr().err
