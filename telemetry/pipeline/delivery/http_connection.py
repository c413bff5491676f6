"""One HTTP connection that keeps to a deadline, with TLS and proxies.

``http.client`` counts its timeout anew with each byte that arrives; here one moment
bounds all of an exchange, whatever drips in.
"""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from telemetry.pipeline.delivery.endpoint_values import PORTS
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.proxies import Proxy


class Deadline:
    """A moment that may be put off."""

    def __init__(self) -> None:
        self._end_s = 0.0

    def set(self, timeout_s: float) -> None:
        """It is so many seconds from now."""
        self._end_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds until then.

        Raises:
            TimeoutError: It is over.
        """
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return left_s


class _Until(io.RawIOBase):
    """Reads a socket until a deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        # It keeps the socket open until it is closed itself, as http.client expects.
        self._raw = cast("io.RawIOBase", sock.makefile("rb", buffering=0))
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:  # noqa: ANN401  # any buffer
        self._sock.settimeout(self._deadline.left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """Reads its answer until a deadline."""

    def __init__(
        self,
        deadline: Deadline,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.fp = io.BufferedReader(_Until(sock, deadline))


def connection(
    endpoint: Endpoint, proxy: Proxy | None, deadline: Deadline
) -> HTTPConnection:
    """A connection that is not open yet; the files for TLS are read now.

    Raises:
        OSError: A file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    parts = urlsplit(endpoint.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    near = (host, port) if proxy is None else proxy[:2]
    found: HTTPConnection
    if parts.scheme == "https":
        found = HTTPSConnection(*near, context=tls_context(endpoint))
        if proxy is not None:
            found.set_tunnel(host, port, proxy.headers)
    else:
        found = HTTPConnection(*near)
    found.timeout = deadline.left_s()
    found.response_class = partial(_Response, deadline)  # type: ignore[assignment]  # called as a class is
    return found


def tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Whom to trust, and what to show.

    Raises:
        OSError: A file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=endpoint.certificate)
    if endpoint.client_certificate is not None:
        # Without a password here, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(
            endpoint.client_certificate, endpoint.client_key, password=""
        )
    return context


def files_of(endpoint: Endpoint) -> tuple[tuple[int, int], ...]:
    """When the files of *endpoint* were written, and their sizes: to notice changes."""
    found: list[tuple[int, int]] = []
    for path in (
        endpoint.certificate,
        endpoint.client_certificate,
        endpoint.client_key,
    ):
        if path is None:
            continue
        try:
            stat = os.stat(path)  # noqa: PTH116  # once for each request
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)
