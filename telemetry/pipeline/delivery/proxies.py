"""Which proxy a request goes through, by the variables that everybody uses."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from telemetry.capture.setting_values import refused
from telemetry.core.errors import InvalidError
from telemetry.pipeline.delivery.endpoint_values import address

_PORT: Final = 80


class Proxy(NamedTuple):
    """An HTTP proxy.

    Attributes:
        headers: What it wants to see: who we are.
    """

    host: str
    port: int
    headers: dict[str, str]


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy through which *url* is reached; None for none.

    This machine is reached without one, as in Go: a proxy that was named for the web
    should not take the Collector next door away.

    Raises:
        InvalidError: It is named, and cannot be used.
    """
    parts = urlsplit(url)
    found = _named(parts.scheme, environ)
    if found is None or _is_near(parts, environ):
        return None
    name, value = found
    try:
        given = address(name, value if "://" in value else f"http://{value}")
    except InvalidError:
        given = None
    if given is None or given.secure:
        shown = value.rpartition("@")[2]
        raise refused(name, shown, "an HTTP proxy, such as 'http://proxy:3128'")
    headers = {}
    if given.authorization is not None:
        headers["Proxy-Authorization"] = given.authorization
    return Proxy(given.parts.hostname or "", given.parts.port or _PORT, headers)


def _named(scheme: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in environ:
        # A CGI gets HTTP_PROXY from a header of the request, which anybody can set.
        names.remove(f"{scheme}_proxy".upper())
    return next(((name, environ[name]) for name in names if environ.get(name)), None)


def _is_near(parts: SplitResult, environ: Mapping[str, str]) -> bool:
    host = (parts.hostname or "").lower()
    if host == "localhost":
        return True
    try:
        if ip_address(host).is_loopback:
            return True
    except ValueError:
        pass
    said = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    patterns = [each.strip().lower() for each in said.split(",") if each.strip()]
    return any(_fits(host, parts.netloc.lower(), pattern) for pattern in patterns)


def _fits(host: str, with_port: str, pattern: str) -> bool:
    """Whether a host is named by one entry of ``no_proxy``: a suffix, or a network."""
    if pattern in {"*", host, with_port}:
        return True
    try:
        return ip_address(host) in ip_network(pattern, strict=False)
    except ValueError:
        return host.endswith(f".{pattern.lstrip('*').lstrip('.')}")
