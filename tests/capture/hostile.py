"""Values that break what is not built for them, and the roads they may come by."""

from __future__ import annotations

import contextlib
import enum
import logging
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog
from structlog.testing import ReturnLogger

import telemetry

MB: Final = 1_000_000


class Raising:
    """Does not say what it is."""

    def __repr__(self) -> str:
        raise ValueError("no")


class Recursing:
    """Asks itself what it is."""

    def __repr__(self) -> str:
        return f"<{self!r}>"


class Logging:
    """Logs itself while it is asked what it is."""

    def __repr__(self) -> str:
        telemetry.get_logger().info("inner", inner=self)
        return "outer"


class NoText:
    """Says something that is no text."""

    def __repr__(self) -> str:
        return 7  # type: ignore[return-value]  # what is tested


class Unhashable:
    """Equal to everything, and never the same."""

    __hash__ = None  # type: ignore[assignment]  # what is tested

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")


class Exiting:
    """Fails in a way that ends programs."""

    def __repr__(self) -> str:
        raise RecursionError("deep")


class Text(str):
    """A text with methods of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("no")

    def __len__(self) -> int:
        return 3

    def isascii(self) -> bool:
        """Not to be believed."""
        raise ValueError("no")


class Number(int):
    """A number that is none."""

    def __repr__(self) -> str:
        raise ValueError("no")

    __str__ = __repr__


class Colour(enum.Enum):
    """An enumeration that does not say what it is."""

    RED = 1

    def __repr__(self) -> str:
        raise ValueError("no")


class Broken(dict[str, object]):
    """A dict that does not show what it holds."""

    def items(self) -> Any:
        raise OSError("gone")

    def __iter__(self) -> Any:
        raise OSError("gone")


def itself() -> list[object]:
    """A list that is its own element."""
    found: list[object] = [1]
    found.append(found)
    return found


def nested() -> object:
    """Deeper than Python calls functions."""
    found: object = "x"
    for _ in range(5_000):
        found = {"in": found}
    return found


TEXTS: Final[dict[str, str]] = {
    "nothing": "",
    "10 MB": "x" * 10 * MB,
    "10 MB of lines": "line\n" * (2 * MB),
    "10 MB of words": "é" * 5 * MB,
    "surrogate": "a\udc80b",
    "surrogate pair, torn": "\ud83d",
    "NUL": "a\0b\0",
    "ANSI": "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "newline": "one\ntwo\r\nthree",
    "carriage return": "10%\r20%",
    "separators": "a\x85b\u2028c\u2029d\x0be\x0cf",
    "bidi": "\u202egnp.exe\u2066",
    "percent": "100% %s %(x)s %d %",
    "braces": "{} {0} {x!r:>{y}} $x ${",
    "JSON": '{"input_id": "in-other", "event": "fake"}\n{"a": 1}',
    "a mark of ours": "\x1b_telemetry+\x1b\\x\x1b_telemetry-\x1b\\",
}

VALUES: Final[dict[str, Callable[[], object]]] = {
    **{name: partial(str, text) for name, text in TEXTS.items()},
    "repr raises": Raising,
    "repr recurses": Recursing,
    "repr logs": Logging,
    "repr is no text": NoText,
    "repr is too deep": Exiting,
    "unhashable": Unhashable,
    "text of one's own": lambda: Text("abc"),
    "number of one's own": lambda: Number(3),
    "enumeration": lambda: Colour.RED,
    "broken dict": lambda: Broken(a=1),
    "contains itself": itself,
    "nested": nested,
    "bytes": lambda: b"\xff\0",
    "bytearray": lambda: bytearray(b"x" * MB),
    "huge number": lambda: 10**5_000,
    "large number": lambda: 2**64 - 1,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "class": lambda: Raising,
    "keys of all kinds": lambda: {1: 2, None: 3, b"k": 4, (1, 2): 5, "\udc80": 6},
    "set": lambda: {1, "a"},
    "a million items": lambda: list(range(MB)),
    "exception": lambda: ValueError("\udc80\0"),
    "arguments": lambda: ("a", "b"),
    "empty": lambda: (),
    "dict": lambda: {"password": "hunter2hunter2", "a": [1, {"b": None}]},
}

# Below no other: the handlers of pytest raise for what they cannot format.
app: Final = logging.Logger("hostile")  # noqa: LOG001  # see above
app.addHandler(logging.NullHandler())
handled: Final = logging.Logger("handled")  # noqa: LOG001  # see above
handled.addHandler(telemetry.LogHandler())


def foreign() -> Any:
    """A logger of structlog that writes nowhere."""
    return structlog.wrap_logger(ReturnLogger(), processors=[lambda *_: "said"])


def _catching(value: object) -> None:
    try:
        raise LookupError(value)
    except LookupError:
        telemetry.get_logger().exception("caught")


def _attached(value: object) -> None:
    """A handler that the program has attached, its own road left out."""
    record = app.makeRecord("handled", 20, "f", 1, "%s", (value,), None)
    handled.handle(record)


def _warned(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with contextlib.suppress(UnicodeError):
            warnings.warn(UserWarning(text), stacklevel=1)


OBJECT_ROADS: Final[dict[str, Callable[[Any], object]]] = {
    "get_logger: event": lambda v: telemetry.get_logger().info(v),
    "get_logger: field": lambda v: telemetry.get_logger().info("said", v=v),
    "get_logger: argument": lambda v: telemetry.get_logger().info("said %s", v),
    "get_logger: bound": lambda v: telemetry.get_logger().bind(v=v).info("said"),
    "get_logger: exception": _catching,
    "logging: message": app.info,
    "logging: argument": lambda v: app.info("said %s", v),
    "logging: extra": lambda v: app.info("said", extra={"v": v}),
    "logging: handler": _attached,
    "structlog: event": lambda v: foreign().info(v),
    "structlog: field": lambda v: foreign().info("said", v=v),
}
"""Roads by which a value of any kind may come; each makes a line of it."""

TEXT_ROADS: Final[dict[str, Callable[[str], object]]] = {
    "print": print,
    "print, in pieces": lambda text: print("said", text, 3, sep=" ", end="\n"),
    "stderr": lambda text: print(text, file=sys.stderr),
    "write": lambda text: sys.stdout.write(f"{text}\n"),
    "warnings": _warned,
}
"""Those by which only texts come."""
