"""Who may look: a browser of this user, at an address of ours, from a page of ours.

Loopback is open to all users of a machine, and to every web page that one of them has
open. So a request has to bring the token (in the link that is printed, from then on
as a cookie), to name us as its host (or a name of somebody else's could be pointed at
us: DNS rebinding), and, where it says which page it comes from, to come from ours.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, quote

from telemetry.pipeline.agent.places import Places
from telemetry.pipeline.agent.status import AgentStatus

FILE: Final = "view.token"
"""Beside the store, for its owner alone: a link stays good when the agent restarts."""

COOKIE: Final = "telemetry-view"
"""Before the port: cookies of one host are sent to all its ports."""

_TOKEN_BYTES: Final = 24
_MODE: Final = 0o600
_MOST_QUERY_BYTES: Final = 4_096
_METHODS: Final = frozenset({"GET", "HEAD"})


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    problem: str


class Admission(NamedTuple):
    """The rules of one server.

    Attributes:
        hosts: What requests may call us, with the port.
    """

    token: str
    port: int
    hosts: frozenset[str]

    @property
    def cookie(self) -> str:
        """Name of the cookie."""
        return f"{COOKIE}-{self.port}"

    def refusal(
        self, method: str, headers: Mapping[str, str], query: str
    ) -> Refusal | None:
        """Why a request is refused; None where it is welcome.

        Args:
            headers: By lower-case name.
        """
        if headers.get("host", "").lower() not in self.hosts:
            return Refusal(421, "This is not the address of the view.")
        if self._is_elsewhere(headers):
            return Refusal(403, "Another page may not ask the view.")
        if method not in _METHODS:
            return Refusal(405, "The view can be looked at, and not written to.")
        if len(query) > _MOST_QUERY_BYTES:
            return Refusal(414, "The question is too long.")
        if not (self.is_given(query) or self._is_remembered(headers.get("cookie", ""))):
            return Refusal(
                401,
                "Open the link that 'telemetry view' prints: it holds a token, as "
                "other users of this machine can reach this address, too.",
            )
        return None

    def _is_elsewhere(self, headers: Mapping[str, str]) -> bool:
        """Whether a page of another origin asks; a link may lead here from anywhere."""
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] not in self.hosts:
            return True
        site = headers.get("sec-fetch-site", "none")
        is_link = headers.get("sec-fetch-mode") == "navigate"
        return site not in {"none", "same-origin"} and not is_link

    def is_given(self, query: str) -> bool:
        """Whether the query holds the token."""
        given = parse_qs(query, max_num_fields=20).get("token", [""])[0]
        return _same(given, self.token)

    def _is_remembered(self, cookies: str) -> bool:
        try:
            found = SimpleCookie(cookies).get(self.cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self.token)


def admission(token: str, host: str, port: int) -> Admission:
    """The rules for a server on that address."""
    names = {"127.0.0.1", "localhost", "[::1]"} if is_loopback(host) else set()
    names.add(f"[{host}]" if ":" in host else host.lower())
    return Admission(token, port, frozenset(f"{name}:{port}" for name in names))


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach it."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def link_of_agent(agent: AgentStatus, place: Places) -> str:
    """What to open in a browser, to see the page that an agent serves; "" for none.

    Raises:
        OSError: The token cannot be kept.
    """
    return f"{agent.view}?token={quote(kept_token(place.base))}" if agent.view else ""


def kept_token(base: Path) -> str:
    """The token of this folder; made if there is none.

    Raises:
        OSError: It can be neither read nor written.
    """
    path = base / FILE
    for _ in range(3):
        try:
            found = path.read_text("ascii").strip()
            if len(found) >= _TOKEN_BYTES:
                return found
            path.unlink(missing_ok=True)  # a write that was cut off
        except FileNotFoundError:
            pass
        try:
            # Race: two make one at once. Only one can link its file to the name, and
            # the other reads that one, whole.
            beside = path.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            try:
                os.write(fd, secrets.token_urlsafe(_TOKEN_BYTES).encode())
                os.link(beside, path)
            finally:
                os.close(fd)
                beside.unlink(missing_ok=True)
        except FileExistsError:
            pass
    return path.read_text("ascii").strip()


def _same(given: str, token: str) -> bool:
    return compare_digest(given.encode("utf-8", "replace"), token.encode())
