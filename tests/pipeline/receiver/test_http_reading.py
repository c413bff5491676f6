"""HTTP/1.1 out of bytes, however they are cut; what is ambiguous is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.pipeline.receiver.http_head import HEAD_BYTES, Head, RefusedError
from telemetry.pipeline.receiver.http_reading import MOST_CHUNKS, RequestReader

CAP = 1_000
SIZED = b"POST /v1/logs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /v1/logs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"
)
EMPTY = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def read(pieces: list[bytes]) -> list[tuple[Head, bytes]]:
    """All requests in the bytes of a connection."""
    reader = RequestReader(CAP)
    found: list[tuple[Head, bytes]] = []
    head: Head | None = None
    for piece in pieces:
        reader.feed(piece)
        while True:
            if head is None:
                head = reader.head()
                if head is None:
                    break
                reader.begin_body(head)
            body = reader.body()
            if body is None:
                break
            found.append((head, bytes(body)))
            head = None
    return found


@given(st.lists(st.integers(1, 400), max_size=30))
def test_any_cut_gives_the_same_requests(cuts: list[int]) -> None:
    """Requests behind each other, in pieces of any size, are read the same."""
    stream = SIZED + CHUNKED + b"\r\n" + EMPTY + CHUNKED + SIZED
    at, pieces = 0, []
    for cut in cuts:
        pieces.append(stream[at : at + cut])
        at += cut
    found = read([*pieces, stream[at:]])

    assert [body for _, body in found] == [b"hello", b"hello", b"", b"hello", b"hello"]


def test_byte_by_byte() -> None:
    """The slowest of senders is understood."""
    stream = CHUNKED + SIZED

    assert [body for _, body in read([bytes((b,)) for b in stream])] == [b"hello"] * 2


def test_head() -> None:
    """Names in any case, spaces around values, a query and the form for proxies."""
    first = b"POST http://a:1/v1/logs?x=1 HTTP/1.1\r\nHOST:a\r\n"
    rest = b"content-TYPE:  Application/JSON; charset=utf-8 \r\n\r\n"
    ((head, _),) = read([first, rest])

    assert (head.method, head.path, head.media_type) == (
        "POST",
        "/v1/logs",
        "application/json",
    )
    assert (head.header("host"), head.header("origin"), head.stays) == ("a", "", True)


@pytest.mark.parametrize(
    ("first", "connection", "stays"),
    [
        (b"GET / HTTP/1.1", b"close", False),
        (b"GET / HTTP/1.1", b"keep-alive, TE", True),
        (b"GET / HTTP/1.0", b"Keep-Alive", True),
        (b"GET / HTTP/1.0", b"te", False),
    ],
)
def test_whether_a_connection_stays(
    first: bytes, connection: bytes, stays: bool
) -> None:
    """As the version and the Connection header say."""
    ((head, _),) = read([first + b"\r\nConnection: " + connection + b"\r\n\r\n"])

    assert head.stays is stays


TE = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        (b"\x16\x03\x01\x02\r\n\r\n", 400),  # TLS
        (b"POST /\r\n\r\n", 400),
        (b"POST  / HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\nHost: c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 19 + b"\r\n\r\n", 400),
        (TE[:-2] + b"Content-Length: 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"G" * (HEAD_BYTES + 1), 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * HEAD_BYTES + b"\r\n\r\n", 431),
        (TE + b"x\r\n", 400),
        (TE + b"-1\r\n", 400),
        (TE + b"0x5\r\n", 400),
        (TE + b"1\r\nab\r\n", 400),
        (TE + b"1\r\na\nb\r\n", 400),
        (TE + b"3e9\r\n", 413),
        (TE + b"ffffffffffffffff\r\n", 413),
        (TE + b"1;" + b"x" * 2_000, 400),
        (TE + b"0\r\n" + b"A: b\r\n" * 2_000, 400),
    ],
)
def test_what_is_refused(stream: bytes, status: int) -> None:
    """Garbage, two meanings, and sizes beyond the caps, as soon as they are known."""
    with pytest.raises(RefusedError, match=r"the|there|spoken") as told:
        read([stream])
    assert told.value.status == status


def test_chunks_without_end() -> None:
    """Chunks of one byte cost more than they carry: there is a cap on their number."""
    reader = RequestReader(10 * MOST_CHUNKS)
    reader.feed(TE)
    head = reader.head()
    assert head is not None
    reader.begin_body(head)
    reader.feed(b"1\r\na\r\n" * (MOST_CHUNKS + 1))

    with pytest.raises(RefusedError, match="chunks"):
        reader.body()


@given(st.binary(max_size=200))
def test_garbage_never_breaks_the_reader(stream: bytes) -> None:
    """It is refused, or waits for more; nothing else is raised."""
    for prefix in (b"", TE, b"POST / HTTP/1.1\r\n"):
        with contextlib.suppress(RefusedError):
            read([prefix, stream])
