"""Who may send to the receiver, and where it may listen."""

from __future__ import annotations

import pytest

from telemetry.core.errors import InvalidError
from telemetry.pipeline.receiver.admission import Door, is_loopback
from telemetry.pipeline.receiver.http_head import Head, RefusedError

TOKEN = "a-token-that-is-long-enough"
LOOPBACK = Door("127.0.0.1", 4318, None)
EVERYWHERE = "0.0.0.0"  # noqa: S104  # nothing is bound here
OPEN = Door(EVERYWHERE, 4318, TOKEN)
FINE = {"host": "localhost:4318", "content-type": "application/x-protobuf"}


def head(path: str = "/v1/logs", method: str = "POST", **headers: str) -> Head:
    """A head with the usual headers and *headers*; "" removes one."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {name: value for name, value in (FINE | named).items() if value}
    return Head(method, path, given, 0, stays=True)


def status(door: Door, given: Head) -> int:
    """What a request gets; 200 when it may come in."""
    try:
        door.admit(given)
    except RefusedError as error:
        return int(error.status)
    return 200


@pytest.mark.parametrize(
    ("path", "signal"),
    [("/v1/logs", "logs"), ("/v1/traces", "spans"), ("/v1/metrics", "metrics")],
)
def test_paths(path: str, signal: str) -> None:
    """Each signal has its path."""
    assert LOOPBACK.admit(head(path)) == signal


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (head("/"), 404),
        (head("/v1/logs/"), 404),
        (head(method="GET"), 405),
        (head(content_type="text/plain"), 415),
        (head(content_type=""), 415),
        (head(content_encoding="br"), 415),
        (head(content_encoding="gzip, gzip"), 415),
        (head(content_encoding="GZIP"), 200),
        (head(expect="100-Continue"), 200),
        (head(expect="200-ok"), 417),
        (head(host=""), 400),
    ],
)
def test_what_is_taken(given: Head, expected: int) -> None:
    """Another path, method, type, coding or expectation has its own status."""
    assert status(LOOPBACK, given) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", 200),
        ("LocalHost.:80", 200),
        ("127.0.0.1:4318", 200),
        ("127.9.9.9", 200),
        ("[::1]:4318", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:4318", 403),
        ("evil.example@localhost", 403),
        ("localhost:4318:1", 403),
        ("[::1", 403),
    ],
)
def test_names_that_were_made_to_point_here(host: str, expected: int) -> None:
    """DNS rebinding: the name in Host is the page's, and not ours."""
    assert status(LOOPBACK, head(host=host)) == expected


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost"])
def test_web_pages(origin: str) -> None:
    """A browser says where a page comes from; no page may send, from anywhere."""
    assert status(LOOPBACK, head(origin=origin)) == 403


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer \udc80", 401),
        (TOKEN, 401),
        ("", 401),
    ],
)
def test_token(authorization: str, expected: int) -> None:
    """Where there is a token it is asked for, whatever the Host."""
    given = head(host="collector.example", authorization=authorization)

    assert status(OPEN, given) == expected


@pytest.mark.parametrize(
    ("door", "why"),
    [
        (Door(EVERYWHERE, 4318, None), r"host is '0.0.0.0'.*set a token"),
        (Door("", 4318, None), "host is ''.*set a token"),
        (Door("collector.example", 4318, None), "set a token"),
        (Door("127.0.0.1", 4318, "short"), "token has 5 characters.*16 to 4096"),
        (Door("127.0.0.1", 4318, "with spaces in it, so no token"), "printable ASCII"),
        (Door("127.0.0.1", 70_000, None), "port is 70000; the range is 0 to 65535"),
    ],
)
def test_doors_that_stay_shut(door: Door, why: str) -> None:
    """An address that others can reach wants a token; the message says the range."""
    with pytest.raises(InvalidError, match=why):
        door.check()


@pytest.mark.parametrize("door", [LOOPBACK, OPEN, Door("::1", 0, None)])
def test_doors_that_open(door: Door) -> None:
    """Loopback needs nothing, everything else a token."""
    door.check()


def test_loopback() -> None:
    """A name may point anywhere tomorrow; only localhost is what it says."""
    assert [is_loopback(h) for h in ("localhost", "::1", "127.1.2.3")] == [True] * 3
    assert not is_loopback("myhost")
