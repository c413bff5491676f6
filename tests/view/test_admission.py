"""Who may look at the view, and how browsers are told to handle it."""

from __future__ import annotations

import re
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from telemetry.core.errors import InvalidError
from telemetry.pipeline.agent.places import Places, places
from telemetry.view.admission import FILE, admission, kept_token
from telemetry.view.application import SECURITY
from telemetry.view.bundle import STATIC
from telemetry.view.serving import View
from tests.view.conftest import Browser


def test_another_user_is_refused(browser: Browser) -> None:
    """Loopback is open to all users: without the token there is nothing to see."""
    for path in ("/", "/app.js", "/api/now", "/api/lines", "/api/live/now"):
        found = browser.ask(path, cookie=False)

        assert found.status == 401
        assert b"telemetry view" in found.body
        assert "set-cookie" not in found.headers


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "%00", "é"])
def test_a_guess_is_refused(browser: Browser, token: str) -> None:
    """Whatever stands where the token should."""
    path = f"/?token={token}".encode("ascii", "ignore").decode()

    assert browser.ask(path, cookie=False).status == 401
    assert browser.ask("/", cookie=False, cookie_=f"a={token}").status == 401


def test_the_link_lets_in_and_is_remembered(browser: Browser) -> None:
    """The token is a cookie from then on, which no script and no other page gets."""
    found = browser.ask(f"/?token={browser.token}", cookie=False)

    assert found.status == 200
    cookie = found.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert browser.ask("/api/now").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "0"]
)
def test_a_foreign_host_is_refused(browser: Browser, host: str) -> None:
    """A name of somebody else's may have been pointed at us (DNS rebinding)."""
    assert browser.ask("/api/now", host=host).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_page_is_refused(browser: Browser, headers: dict[str, Any]) -> None:
    """A page of another origin gets no answer, even in the user's own browser."""
    assert browser.ask("/api/now", **headers).status == 403


def test_our_own_page_is_welcome(browser: Browser) -> None:
    """Under each name of loopback, and when a link elsewhere led to it."""
    port = browser.host.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        found = browser.ask("/api/now", host=host, origin=f"http://{host}")
        assert found.status == 200
    led: dict[str, Any] = {
        "sec_fetch_site": "cross-site",
        "sec_fetch_mode": "navigate",
    }
    assert browser.ask("/", **led).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(browser: Browser, method: str) -> None:
    """There is no request that changes anything."""
    assert browser.ask("/api/now", method=method).status == 405


def test_every_answer_is_strict(browser: Browser) -> None:
    """Files, answers and refusals alike: no script but ours, and no inline one."""
    answers = [
        browser.ask("/"),
        browser.ask("/api/now"),
        browser.ask("/nothing"),
        browser.ask("/", cookie=False),
        browser.ask("/", host="evil.example"),
    ]

    for found in answers:
        for name, value in SECURITY.items():
            assert found.headers[name] == value
        assert found.headers["cache-control"] in {"no-cache", "no-store"}
    policy = SECURITY["content-security-policy"]
    assert "unsafe" not in policy and "*" not in policy
    assert "default-src 'none'" in policy


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No address of another host and nothing inline stands in what is served."""
    page = (STATIC / "index.html").read_text("utf-8")

    assert "http" not in re.sub(r'http-equiv="', "", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page)
    for name in ("app.js", "app.css"):
        text = (STATIC / name).read_text("utf-8")
        found = set(re.findall(r"https?://[\w./-]+", text))
        assert found <= {
            "http://www.w3.org/1999/xhtml",
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1998/Math/MathML",
            "https://svelte.dev/e/",
        } or all(
            each.startswith("https://svelte.dev/e/")
            for each in found
            - {
                "http://www.w3.org/1999/xhtml",
                "http://www.w3.org/2000/svg",
                "http://www.w3.org/1998/Math/MathML",
            }
        )


@pytest.mark.parametrize(
    "path",
    [
        "/../view.token",
        "/..%2fview.token",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/static/app.js",
        "/app.js/..",
        "/index.html%00.js",
        "/api/containers/..%2f..%2fstore",
        "/api/containers/....box",
        "/api/inputs/..%2f..%2fetc%2fpasswd",
    ],
)
def test_no_path_leads_out(browser: Browser, path: str) -> None:
    """Files are found by name in a list; nothing of the disk can be asked for."""
    found = browser.ask(path)

    assert found.status == 404
    assert b"root:" not in found.body


def test_the_token_is_its_owners_alone(tmp_path: Path) -> None:
    """And stays the same: a link that was kept is good after a restart."""
    token = kept_token(tmp_path)

    assert len(token) >= 32
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert kept_token(tmp_path) == token


def test_a_token_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    """What a full disk has left is no token that anybody could guess."""
    (tmp_path / FILE).write_text("")

    assert len(kept_token(tmp_path)) >= 32


def test_two_that_begin_at_once_agree(tmp_path: Path) -> None:
    """Race: both find no token. Both end up with the same one."""
    found: list[str] = []
    gate = threading.Barrier(8)

    def begin() -> None:
        gate.wait()
        found.append(kept_token(tmp_path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(set(found)) == 1 and len(found) == 8
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_a_taken_port_is_no_reason_to_fail(
    place: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another port will do, unless one was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("telemetry.view.serving.PORT", port)
        view = View(place)
        view.start()
        try:
            assert f":{port}/" not in view.link
        finally:
            assert view.stop()
        with pytest.raises(OSError, match="in use"):
            View(place, port=port).start()


def test_a_port_that_is_none_is_refused(tmp_path: Path) -> None:
    """With its value and the allowed range."""
    with pytest.raises(InvalidError, match="port is 70000; it must be from 0 to 65535"):
        View(places(tmp_path / "x"), port=70_000)


def test_another_address_is_known_by_its_name_only() -> None:
    """Whoever serves on a name of the network is not called localhost."""
    rules = admission("t" * 32, "lab.example", 80)

    assert rules.hosts == frozenset({"lab.example:80"})
