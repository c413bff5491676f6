"""OTLP over HTTP with the standard library: one connection that is kept open."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from telemetry.capture.diagnosis import own_version
from telemetry.pipeline.delivery.answers import (
    Partial,
    message_of,
    partial_success,
    partial_success_json,
    retry_after_s,
    shown,
)
from telemetry.pipeline.delivery.endpoints import Endpoint
from telemetry.pipeline.delivery.failures import failure
from telemetry.pipeline.delivery.http_connection import (
    Deadline,
    connection,
    files_of,
)
from telemetry.pipeline.delivery.proxies import proxy_for
from telemetry.pipeline.otlp.envelope import SDK_NAME
from telemetry.policy.delivery import Meaning, Verdict, http_meaning

ANSWER_BYTES: Final = 64 * 1024
"""What is read of an answer."""

_SLICE_BYTES: Final = 256 * 1024
_GZIP_LEVEL: Final = 1
"""Records are so alike that more work gains little: see ``docs/performance.md``."""
_CONTENT_TYPE: Final = "application/x-protobuf"
_GONE: Final = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""The other side has closed the connection, and has not answered."""


class _Answer(NamedTuple):
    response: HTTPResponse
    body: bytes


class HttpSender:
    """See `telemetry.pipeline.delivery.sender.Sender`.

    The connection is kept open from one request to the next, and opened anew when a
    file of *endpoint* has changed. Redirects are not followed.

    Args:
        environ: Where a proxy may be named.

    Raises:
        InvalidError: A proxy is named that cannot be used.
    """

    def __init__(
        self, endpoint: Endpoint, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._endpoint = endpoint
        self._proxy = proxy_for(endpoint.url, environ)
        self._deadline = Deadline()
        self._open: HTTPConnection | None = None
        self._target = self._request_target()
        self._files = files_of(endpoint)
        self._aborted = False
        self._headers = self._all_headers()

    @property
    def where(self) -> str:
        """Where requests go, without secrets."""
        return self._endpoint.where

    def send(self, body: bytes) -> Verdict:
        """Send a request and wait for its answer; never raises."""
        if self._endpoint.compression == "gzip":
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        self._deadline.set(self._endpoint.timeout_s)
        try:
            return self._judged(self._exchanged(body))
        except Exception as error:  # noqa: BLE001  # whatever it is, it was not delivered
            self.close()
            return failure(error, self._endpoint)

    def abort(self) -> None:
        """Let the `send` that is under way fail soon, and each one after it."""
        self._aborted = True
        found = self._open
        sock = None if found is None else found.sock
        if sock is not None:
            try:
                # Not that of an SSLSocket: it takes the socket apart while another
                # thread reads it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:  # it was closed already
                pass

    def close(self) -> None:
        """Let go of the connection."""
        found, self._open = self._open, None
        if found is not None:
            found.close()

    def _exchanged(self, body: bytes) -> _Answer:
        """The answer; once more when the connection had been closed meanwhile."""
        files = files_of(self._endpoint)
        if files != self._files:
            self.close()
            self._files = files
        if self._open is not None:
            try:
                return self._exchange(self._open, body)
            except _GONE:
                self.close()
        made = self._open = connection(self._endpoint, self._proxy, self._deadline)
        made.connect()
        return self._exchange(made, body)

    def _exchange(self, through: HTTPConnection, body: bytes) -> _Answer:
        # Race: 1. we connect; 2. `abort` finds no socket yet, and has said so; 3. we
        # would wait for an answer.
        if self._aborted:
            raise ConnectionAbortedError("stopped")
        has_host = "host" in self._headers
        through.putrequest("POST", self._target, has_host, skip_accept_encoding=True)
        for name, value in self._headers.items():
            through.putheader(name, value)
        through.putheader("content-length", str(len(body)))
        broken = False
        try:
            through.endheaders(self._slices(through, body))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            broken = True  # it may have answered before it had all: "too large"
        response = through.getresponse()
        answer = _Answer(response, _read(response))
        if broken or through.sock is None or not response.isclosed():
            self.close()  # it is to be closed, or holds what nobody will read
        return answer

    def _slices(self, through: HTTPConnection, body: bytes) -> Iterator[memoryview]:
        """The body in pieces, so that a slow reader cannot outlast the deadline."""
        view = memoryview(body)
        for at in range(0, len(body), _SLICE_BYTES):
            through.sock.settimeout(self._deadline.left_s())
            yield view[at : at + _SLICE_BYTES]

    def _judged(self, answer: _Answer) -> Verdict:
        response, body = answer
        content_type = response.headers.get_content_type()
        if http_meaning(response.status) is Meaning.DELIVERED:
            return self._delivered(content_type, body)
        said = message_of(body, content_type)
        text = f"HTTP {response.status} {shown(response.reason.encode())}".rstrip()
        text += (f": {said}" if said else "") + self._advice(response)
        asked = response.headers.get("Retry-After")
        meaning = http_meaning(response.status, said)
        return Verdict(meaning, text, retry_after_s(asked, time.time()))

    def _delivered(self, content_type: str, body: bytes) -> Verdict:
        if "html" in content_type and body:
            # Such as the log-in page of a network: no OTLP server answers so.
            text = f"{self.where} answers with a web page; is it an OTLP endpoint?"
            return Verdict(Meaning.MISCONFIGURED, text)
        partial = Partial()
        if "json" in content_type:
            partial = partial_success_json(body)
        elif body:
            partial = partial_success(body)
        return Verdict(Meaning.DELIVERED, partial.text, rejected=partial.rejected)

    def _advice(self, response: HTTPResponse) -> str:
        status = response.status
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            to = (response.headers.get("Location") or "elsewhere").partition("?")[0]
            return (
                f"; it points to {shown(to.encode())}, and redirects are not followed"
            )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return "; look at OTEL_EXPORTER_OTLP_HEADERS"
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
            return f"; is {self.where} the right path?"
        return ""

    def _request_target(self) -> str:
        parts = urlsplit(self._endpoint.url)
        target = parts._replace(scheme="", netloc="").geturl()
        if self._proxy is None or parts.scheme == "https":
            return target
        return f"{parts.scheme}://{parts.netloc}{target}"

    def _all_headers(self) -> dict[str, bytes]:
        given = {
            "user-agent": f"{SDK_NAME}/{own_version()}",
            **dict(self._endpoint.headers),
            "content-type": _CONTENT_TYPE,
        }
        if self._proxy is not None and self._endpoint.url.startswith("http:"):
            given |= self._proxy.headers
        if self._endpoint.compression == "gzip":
            given["content-encoding"] = "gzip"
        return {name: value.encode() for name, value in given.items()}


def _read(response: HTTPResponse) -> bytes:
    body = response.read(ANSWER_BYTES)
    if response.headers.defects:  # http.client takes half a head for a whole one
        raise IncompleteRead(body)
    if response.length and len(body) < ANSWER_BYTES:
        raise IncompleteRead(body, response.length)
    return body
