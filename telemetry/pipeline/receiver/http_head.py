"""The head of an HTTP/1.1 request; pure functions.

Strict where leniency has been the way in: two lengths, a length beside chunks, folded
lines and bare line feeds are refused, whatever a front end may make of them.

Source: RFC 9110 and RFC 9112.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

HEAD_BYTES: Final = 16_384
"""Request line and headers together; what is larger gets 431."""

_REQUEST_LINE: Final = re.compile(rb"([!#-'*+\-.0-9A-Z^-z|~]+) ([!-~]+) HTTP/(\d\.\d)")
_HEADER: Final = re.compile(rb"([!#-'*+\-.0-9A-Z^-z|~]+):[ \t]*([^\x00\r\n]*?)[ \t]*")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_SINGLE: Final = frozenset(
    {
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "transfer-encoding",
    }
)
"""Headers that mean something here, and nothing certain when they come twice."""


class RefusedError(Exception):
    """A request that gets no 200.

    Args:
        status: What it gets.
        text: Why, for a person.
        retry_after_s: When to try again; None where that would not help.
    """

    def __init__(
        self, status: HTTPStatus, text: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(text)
        self.status: Final = status
        self.text: Final = text
        self.retry_after_s: Final = retry_after_s


class Head(NamedTuple):
    """What comes before the body.

    Attributes:
        path: Without the query.
        headers: By name in small letters.
        length_bytes: Of the body; None when it comes in chunks.
        stays: The connection serves another request after this one.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    length_bytes: int | None
    stays: bool

    def header(self, name: str) -> str:
        """The value of a header; "" where there is none."""
        return self.headers.get(name, "")

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in small letters."""
        return self.header("content-type").partition(";")[0].strip().lower()


def parse_head(block: bytes) -> Head:
    """The head in *block*, which is everything before the empty line.

    Raises:
        RefusedError: It is none, or says two things at once.
    """
    first, *lines = block.split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise _bad("the request line is not that of HTTP/1.1")
    method, target, version = (part.decode("ascii") for part in found.groups())
    if version not in {"1.0", "1.1"}:
        raise RefusedError(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, f"HTTP/{version}; 1.1 is spoken here"
        )
    headers = _headers(lines)
    connection = headers.get("connection", "").lower()
    return Head(
        method,
        _path(target),
        headers,
        _length(headers),
        "close" not in connection and (version == "1.1" or "keep-alive" in connection),
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise _bad("a header is not of the form 'Name: value'")
        name = found[1].decode("ascii").lower()
        if name in _SINGLE and name in headers:
            raise _bad(f"there are two {name} headers")
        headers[name] = found[2].decode("latin-1")
    return headers


def _path(target: str) -> str:
    if target.lower().startswith("http://"):  # the form for proxies
        target = "/" + target[7:].partition("/")[2]
    return target.partition("?")[0]


def _length(headers: dict[str, str]) -> int | None:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is None:
        if length is None:
            return 0
        if not _LENGTH.fullmatch(length):
            raise _bad("the Content-Length is no number of bytes")
        return int(length)
    if length is not None:
        raise _bad("there are both a Content-Length and a Transfer-Encoding")
    if coding.lower() != "chunked":
        raise RefusedError(
            HTTPStatus.NOT_IMPLEMENTED, "the only Transfer-Encoding is 'chunked'"
        )
    return None


def _bad(text: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, text)
