"""Where a Grafana is and who asks it, from an argument and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from telemetry.core.errors import Error

URL_VARIABLE: Final = "GRAFANA_URL"
TOKEN_VARIABLE: Final = "GRAFANA_TOKEN"  # noqa: S105  # a name, and no token
USER_VARIABLE: Final = "GRAFANA_USER"
PASSWORD_VARIABLE: Final = "GRAFANA_PASSWORD"  # noqa: S105  # the same
TIMEOUT_VARIABLE: Final = "GRAFANA_TIMEOUT"

MOST_TIMEOUT_S: Final = 600.0
_TIMEOUT_S: Final = 10.0


class AddressError(Error):
    """A URL or a variable that does not say where Grafana is, or who asks."""


@dataclass(frozen=True, slots=True)
class Address:
    """A Grafana, and who asks.

    Attributes:
        host: As it stands in a URL: an IPv6 address in brackets.
        prefix: Of a Grafana under a sub-path: ``grafana/``; else empty.
        credential: A token, a user and a password, or None for nobody.
    """

    scheme: str
    host: str
    port: int | None
    prefix: str
    credential: str | tuple[str, str] | None
    timeout_s: float

    @property
    def url(self) -> str:
        """Without who asks, for messages and links."""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}/{self.prefix}"


def address(url: str | None, environment: Mapping[str, str]) -> Address:
    """Where Grafana is.

    Args:
        url: None for that of the environment.
        environment: Says the URL, the token or the user and the password.

    Raises:
        AddressError: No URL, one that is none, or half of a user.
    """
    text = url or environment.get(URL_VARIABLE, "")
    if not text:
        raise AddressError(
            f"no address of a Grafana: give --url, or set {URL_VARIABLE}, "
            "such as https://grafana.example.com/grafana/"
        )
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AddressError(f"{text!r} is no address: it has to begin with http(s)://")
    try:
        port = parts.port
    except ValueError as error:
        raise AddressError(f"{text!r} is no address: {error}") from None
    # Without the slash grafana-client would ask for /grafanaapi/...
    prefix = f"{parts.path.strip('/')}/".lstrip("/")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    of_url = (
        (unquote(parts.username), unquote(parts.password or ""))
        if parts.username
        else None
    )
    credential = of_url or _credential(environment)
    return Address(
        parts.scheme, host, port, prefix, credential, _timeout_s(environment)
    )


def _credential(environment: Mapping[str, str]) -> str | tuple[str, str] | None:
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if token:
        return token
    user = environment.get(USER_VARIABLE, "")
    password = environment.get(PASSWORD_VARIABLE, "")
    if bool(user) != bool(password):
        missing = PASSWORD_VARIABLE if user else USER_VARIABLE
        raise AddressError(f"{missing} is not set, and its counterpart is")
    return (user, password) if user else None


def _timeout_s(environment: Mapping[str, str]) -> float:
    text = environment.get(TIMEOUT_VARIABLE, "")
    if not text:
        return _TIMEOUT_S
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= MOST_TIMEOUT_S:
        raise AddressError(
            f"{TIMEOUT_VARIABLE} is {text!r}: seconds above 0, "
            f"at most {MOST_TIMEOUT_S:g}"
        )
    return found
