"""Whom we trust, whom we show ourselves to, and files that change while we run."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.http_sender import HttpSender
from telemetry.policy.delivery import Meaning, Verdict
from tests.pipeline.delivery.certificates import Authority, openssl, serving
from tests.pipeline.delivery.collector import Collector, saying


class Files(NamedTuple):
    """What the tests need of it, made once."""

    authority: Authority
    other: Authority
    server: tuple[Path, Path]
    client: tuple[Path, Path]

    def serving(self, *, asks: bool = False) -> Callable[[], ssl.SSLContext]:
        """A server that is signed by the authority, and may ask who we are."""
        return lambda: serving(*self.server, self.authority if asks else None)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Two authorities; a server and a client that the first has signed."""
    folder = tmp_path_factory.mktemp("tls")
    authority, other = Authority(folder, "authority"), Authority(folder, "other")
    return Files(
        authority, other, authority.signed("server"), authority.signed("client")
    )


def verdict(server: Collector, **given: object) -> Verdict:
    """On one request; *given* are paths."""
    named = {name: str(path) for name, path in given.items()}
    sender = HttpSender(Endpoint("logs", f"{server.url}/v1/logs", **named), {})  # type: ignore[arg-type]
    try:
        return sender.send(b"body")
    finally:
        sender.close()


def test_trusted_server(files: Files) -> None:
    """One that is signed by the authority that was named."""
    with Collector(tls=files.serving()) as server:
        found = verdict(server, certificate=files.authority.file)

    assert found == Verdict(Meaning.DELIVERED)
    assert server.bodies == [b"body"]


@pytest.mark.parametrize("named", [True, False])
def test_untrusted_server(files: Files, named: bool) -> None:
    """Signed by somebody else, or by nobody known: nothing is sent, and it is said."""
    given = {"certificate": files.other.file} if named else {}
    with Collector(tls=files.serving()) as server:
        found = verdict(server, **given)

    assert found.meaning == Meaning.MISCONFIGURED
    assert "not trusted" in found.text
    assert server.requests == []


def test_client_certificate(files: Files) -> None:
    """A server that asks who we are is told; without a certificate nobody comes in."""
    trusted = {"certificate": files.authority.file}
    shown = {"client_certificate": files.client[0], "client_key": files.client[1]}
    with Collector(tls=files.serving(asks=True)) as server:
        inside = verdict(server, **trusted, **shown)
        outside = verdict(server, **trusted)

    assert inside.meaning == Meaning.DELIVERED
    assert outside.meaning in {Meaning.MISCONFIGURED, Meaning.RETRY}
    assert len(server.requests) == 1


def test_key_with_a_password_is_not_asked_for(files: Files, tmp_path: Path) -> None:
    """Nobody sits at the terminal of an agent."""
    locked = tmp_path / "locked.key"
    openssl(
        *("pkcs8", "-topk8", "-in", str(files.client[1]), "-passout", "pass:geheim"),
        *("-out", str(locked)),
        cwd=tmp_path,
    )
    with Collector(tls=files.serving()) as server:
        found = verdict(
            server,
            certificate=files.authority.file,
            client_certificate=files.client[0],
            client_key=locked,
        )

    assert found.meaning == Meaning.MISCONFIGURED


def test_files_are_read_again(files: Files, tmp_path: Path) -> None:
    """A wrong authority is corrected in its file, and one that is taken away counts."""
    path = tmp_path / "authority.pem"
    shutil.copy(files.other.file, path)
    with Collector(tls=files.serving()) as server:
        where = f"{server.url}/v1/logs"
        sender = HttpSender(Endpoint("logs", where, certificate=str(path)), {})
        verdicts = [sender.send(b"1").meaning]
        shutil.copy(files.authority.file, path)
        verdicts += [sender.send(b"2").meaning, sender.send(b"3").meaning]
        path.unlink()
        verdicts.append(sender.send(b"4").meaning)
        sender.close()

    assert verdicts == [
        Meaning.MISCONFIGURED,
        Meaning.DELIVERED,
        Meaning.DELIVERED,
        Meaning.MISCONFIGURED,
    ]
    assert server.bodies == [b"2", b"3"]


def test_plain_server(files: Files) -> None:
    """TLS was asked for, and the other side answers in plain text."""
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        url = f"https://127.0.0.1:{port}/v1/logs"
        made = Endpoint("logs", url, certificate=str(files.authority.file))
        found = HttpSender(made, {}).send(b"")

    assert found.meaning == Meaning.MISCONFIGURED
    assert "TLS: " in found.text


def test_through_a_proxy(files: Files) -> None:
    """The proxy sees a host and a port, and nothing of what goes through."""
    with Collector(tls=files.serving(), tunnel=True) as proxy:
        environ = {"https_proxy": f"http://me:pw@127.0.0.1:{proxy.port}"}
        made = Endpoint(
            "logs",
            "https://otlp.invalid:4318/v1/logs",
            certificate=str(files.authority.file),
        )
        sender = HttpSender(made, environ)
        found = sender.send(b"body")
        sender.close()

    opened, request = proxy.requests
    assert found.meaning == Meaning.DELIVERED
    assert (opened.method, opened.target) == ("CONNECT", "otlp.invalid:4318")
    assert opened.headers["proxy-authorization"] == "Basic bWU6cHc="
    assert (request.target, request.body) == ("/v1/logs", b"body")
    assert "proxy-authorization" not in request.headers
