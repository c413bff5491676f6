"""The values of an endpoint's variables, looked at one by one."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from telemetry.capture.known_variables import masked
from telemetry.capture.setting_values import refused
from telemetry.core.errors import InvalidError

LEAST_TIMEOUT_S: Final = 1.0
"""Nobody waits for a delivery: less than this would only make it fail."""
MOST_TIMEOUT_S: Final = 3_600.0

PORTS: Final = {"http": 80, "https": 443}
"""The schemes of an endpoint, and their ports where none is named."""
_SECONDS_BELOW: Final = 100.0
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Source: field-value of RFC 9110: no control characters but the tab.
_NOT_IN_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")
_OURS: Final = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-type"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that say how a request is written: that is for who writes it."""


class Address(NamedTuple):
    """A URL without its user.

    Attributes:
        authorization: The header that the user and the password make; None when the
            URL has none.
    """

    parts: SplitResult
    authorization: str | None

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.parts.scheme == "https"

    @property
    def url(self) -> str:
        """All of it; without a path, the root."""
        return self.parts._replace(path=self.parts.path or "/").geturl()

    def below(self, path: str) -> str:
        """The URL of *path* under this one."""
        return self.parts._replace(
            path=f"{self.parts.path.rstrip('/')}/{path}"
        ).geturl()

    @property
    def host_url(self) -> str:
        """Without a path, and with a port: what gRPC connects to."""
        host = self.parts.netloc.removesuffix(":")
        if self.parts.port is None:
            host = f"{host}:{PORTS[self.parts.scheme]}"
        return f"{self.parts.scheme}://{host}"


def address(key: str, value: str) -> Address:
    """The URL of an endpoint.

    Raises:
        InvalidError: It is none, or of another scheme than http and https.
    """
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in PORTS and parts.hostname and parts.port != 0
    except ValueError:  # of the port, or of an IPv6 address
        usable = False
    if not usable or _NOT_IN_URL.search(value.strip()):
        shown = masked(key, value).partition("?")[0]
        raise refused(key, shown, "a URL such as 'http://localhost:4318'")
    user, _, host = parts.netloc.rpartition("@")
    authorization = None
    if user:
        plain = unquote(user, errors="surrogateescape")
        pair = plain if ":" in plain else f"{plain}:"
        encoded = b64encode(pair.encode(errors="surrogateescape")).decode()
        authorization = f"Basic {encoded}"
    return Address(parts._replace(netloc=host, fragment=""), authorization)


def headers(key: str, text: str) -> dict[str, str]:
    """Headers as ``name=value,name=value``, percent-encoded; names in small letters.

    Source: the specification has them as W3C Baggage, without properties. A value
    that is not encoded is taken as it is, as other exporters do.

    Raises:
        InvalidError: A pair is none, or cannot be sent; its value is not shown.
    """
    found: dict[str, str] = {}
    for pair in text.split(","):
        if not pair.strip():
            continue
        name, sign, value = (part.strip() for part in pair.partition("="))
        name, value = unquote(name).lower(), unquote(value)
        if not sign or not _TOKEN.fullmatch(name) or _NOT_IN_VALUE.search(value):
            allowed = "pairs such as 'api-key=secret,team=a%2Cb', encoded by %"
            raise refused(key, masked(key, text), allowed)
        if name in _OURS:
            raise InvalidError(
                f"{key} has the header {name!r}, which the exporter sets itself; "
                "leave it out"
            )
        found[name] = value
    return found


def timeout_s(key: str, text: str) -> float:
    """Seconds of a timeout that is in milliseconds, 1 s at the least.

    Source: milliseconds by the specification, seconds by the Python SDK, and the
    same variable may serve both. Nothing is done in less than 100 ms on purpose:
    numbers below that are taken for seconds.

    Raises:
        InvalidError: It is no number, or not within an hour.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    seconds = number if number < _SECONDS_BELOW else number / 1_000
    if not 0 < seconds <= MOST_TIMEOUT_S:
        allowed = "milliseconds, above 0 and up to an hour (below 100: seconds)"
        raise refused(key, text, allowed)
    return max(seconds, LEAST_TIMEOUT_S)
