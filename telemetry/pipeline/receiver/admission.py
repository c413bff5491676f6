"""Who may send what to the receiver; pure functions.

On loopback every program of the machine may send, a web page may not: a browser says
where a page comes from (``Origin``), and a name that was made to point here after the
page had been loaded (DNS rebinding) stands in ``Host``. Elsewhere a token is needed.
"""

from __future__ import annotations

import hmac
import re
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, NamedTuple

from telemetry.core.errors import InvalidError
from telemetry.pipeline.outbox import Signal
from telemetry.pipeline.receiver.http_head import Head, RefusedError

# Source: OTLP specification 1.8, OTLP/HTTP.
SIGNAL_OF_PATH: Final[dict[str, Signal]] = {
    "/v1/logs": "logs",
    "/v1/traces": "spans",
    "/v1/metrics": "metrics",
}
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})

_TOKEN_CHARS: Final = 16
_TOKEN: Final = re.compile(rf"[!-~]{{{_TOKEN_CHARS},4096}}")
_PORTS: Final = range(65_536)
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*))(?::[0-9]*)?")


class Door(NamedTuple):
    """Where to listen, and what a sender has to show.

    Attributes:
        host: A name or address of this machine.
        port: 0 for any that is free.
        token: What stands behind ``Authorization: Bearer``; None for nothing.
    """

    host: str
    port: int
    token: str | None

    def check(self) -> None:
        """Refuse to open a door that anybody could walk through.

        Raises:
            InvalidError: A value is out of its range, or a token is needed.
        """
        if self.port not in _PORTS:
            raise InvalidError(f"port is {self.port}; the range is 0 to 65535")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise InvalidError(
                f"token has {len(self.token)} characters; it must have "
                f"{_TOKEN_CHARS} to 4096, of printable ASCII without spaces"
            )
        if self.token is None and not is_loopback(self.host):
            raise InvalidError(
                f"host is {self.host!r}, which others can reach; set a token, or "
                "listen on 127.0.0.1"
            )

    def admit(self, head: Head) -> Signal:
        """What a request brings.

        Raises:
            RefusedError: It may not come in, or is nothing that is taken here.
        """
        self._check_sender(head)
        signal = SIGNAL_OF_PATH.get(head.path)
        if signal is None:
            raise RefusedError(
                HTTPStatus.NOT_FOUND, f"there is only {', '.join(SIGNAL_OF_PATH)}"
            )
        if head.method != "POST":
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "the method is POST")
        if head.media_type not in {PROTOBUF, JSON}:
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"the Content-Type is {PROTOBUF} or {JSON}",
            )
        if head.header("content-encoding").lower() not in ENCODINGS:
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "the Content-Encoding is gzip, deflate or identity",
            )
        if head.header("expect").lower() not in {"", "100-continue"}:
            raise RefusedError(
                HTTPStatus.EXPECTATION_FAILED, "only 100-continue can be expected"
            )
        return signal

    def knows(self, authorization: str) -> bool:
        """Whether the value of an ``Authorization`` header has the token."""
        if self.token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        # In constant time, so that nobody can find the token byte by byte.
        is_same = hmac.compare_digest(
            given.strip().encode("utf-8", "replace"), self.token.encode()
        )
        return is_same and scheme.lower() == "bearer"

    def _check_sender(self, head: Head) -> None:
        if "host" not in head.headers:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "there is no Host header")
        if self.token is None and not self._is_ours(head.header("host")):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "the Host is none of this machine's own"
            )
        if "origin" in head.headers:
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "requests of web pages are not taken"
            )
        if not self.knows(head.header("authorization")):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "the Authorization must be 'Bearer' and the token",
            )

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = (found[1] or found[2]).lower().rstrip(".")
        return is_loopback(name) or name == self.host.lower()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it; for a name other than localhost, no."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
