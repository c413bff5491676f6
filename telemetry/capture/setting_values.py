"""Each setting's value, looked at: what is wrong is named with what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from telemetry.capture.roads.registry import ALL_ROADS
from telemetry.core.errors import InvalidError
from telemetry.policy.agent_choice import ASKED, Agent

MIN_BUDGET_BYTES: Final = 2**20
MAX_BUDGET_BYTES: Final = 64 * 2**30
_WHOLE: Final = re.compile(r"\d{1,18}")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def refused(key: str, value: object, allowed: str) -> InvalidError:
    """The error that says which setting is wrong, and what it may be."""
    return InvalidError(f"{key} is {value!r}; it must be {allowed}")


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(repr(name) for name in names)


def budget_bytes(key: str, value: object) -> int:
    """Bytes of a black box; a text of digits as the environment has it."""
    number = value
    if isinstance(value, str) and key.isupper() and _WHOLE.fullmatch(value):
        number = int(value)
    if type(number) is int and MIN_BUDGET_BYTES <= number <= MAX_BUDGET_BYTES:
        return number
    raise refused(
        key, value, f"a whole number from {MIN_BUDGET_BYTES} to {MAX_BUDGET_BYTES}"
    )


def directory(key: str, value: object) -> str:
    """An absolute path; what is relative is so to the folder of this moment."""
    path = value
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
    if isinstance(path, str) and path.strip() and "\0" not in path:
        return os.path.abspath(path)  # noqa: PTH100  # Path.absolute keeps `..`
    raise refused(key, value, "a path, or None for the user's own folder")


def endpoint(key: str, value: object) -> str | None:
    """The URL of a Collector, or None."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            parts = urlsplit(value)
            if parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0:
                return value
        except ValueError:  # of the port, or of an IPv6 address
            pass
    allowed = "a URL such as 'http://localhost:4318' (http or https), or None"
    raise refused(key, value, allowed)


def agent(key: str, value: object) -> Agent:
    """Who delivers."""
    if value is False:
        return False
    for name in ASKED:
        if value == name:
            return name
    raise refused(key, value, f"{listed(ASKED)} or False")


def agent_of_text(key: str, text: str) -> Agent:
    """Who delivers; ``none`` for nobody."""
    said = text.strip().lower()
    if said == "none":
        return False
    if said not in ASKED:
        raise refused(key, text, f"{listed(ASKED)} or 'none'")
    return agent(key, said)


def roads(key: str, value: object) -> frozenset[str]:
    """Names of roads."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        names: list[Any] = list(value)
        if all(isinstance(name, str) and name in ALL_ROADS for name in names):
            return frozenset(names)
        value = names
    raise refused(key, value, f"names among {listed(sorted(ALL_ROADS))}")


def roads_of_text(key: str, text: str) -> frozenset[str]:
    """Names of roads, with commas between them; or ``all``, or ``none``."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return ALL_ROADS
    if names == ["none"]:
        return frozenset()
    if names and ALL_ROADS.issuperset(names):
        return frozenset(names)
    allowed = f"'all', 'none', or with commas some of {listed(sorted(ALL_ROADS))}"
    raise refused(key, text, allowed)


def texts(key: str, value: object) -> frozenset[str]:
    """Several texts, and not one by mistake."""
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        found = list(value)
        if all(isinstance(item, str) and item for item in found):
            return frozenset(found)
    raise refused(key, value, "a collection of non-empty texts")


def callback(key: str, value: object) -> Any:  # noqa: ANN401  # of the caller's own type
    """A callable, or None."""
    if value is None or callable(value):
        return value
    raise refused(key, value, "a callable, or None")


def callables(key: str, value: object) -> tuple[Callable[..., Any], ...]:
    """Several callables, in order."""
    if isinstance(value, Sequence) and all(callable(item) for item in value):
        return tuple(value)
    raise refused(key, value, "a sequence of callables, as structlog's processors are")


def attributes(key: str, value: object) -> dict[str, object]:
    """Attributes of a resource.

    Source of the types: OpenTelemetry's specification of attributes.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str) or not name.strip():
                raise refused(f"a name in {key}", name, "a non-empty text")
            if not _is_attribute(item):
                raise refused(f"{key}[{name!r}]", item, _ATTRIBUTE)
        return dict(value)
    raise refused(key, value, "a mapping of names to values")


_ATTRIBUTE: Final = "a text, a bool, a number, or a sequence of one of these types"


def _is_attribute(value: object) -> bool:
    if isinstance(value, list | tuple):
        kinds = {type(item) for item in value}
        return len(kinds) <= 1 and kinds <= {str, bool, int, float}
    return isinstance(value, str | bool | int | float)


def attributes_of_text(key: str, text: str) -> dict[str, object]:
    """Attributes as ``name=value,name=value``, percent-encoded.

    Source: the resource SDK of OpenTelemetry's specification. It has a faulty value
    ignored as a whole and reported; here it is reported by the error.

    Raises:
        InvalidError: A pair has no ``=`` or no name, or is not well encoded.
    """
    found: dict[str, object] = {}
    for pair in text.split(","):
        if not pair.strip():
            continue
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not sign or not name or _BROKEN_PERCENT.search(pair):
            raise refused(key, text, "pairs such as 'team=a,tier=b%2Cc', encoded by %")
        try:
            found[unquote(name, errors="strict")] = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise refused(key, text, "percent-encoded UTF-8") from None
    return found
