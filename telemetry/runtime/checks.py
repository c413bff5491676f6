"""Checks of single arguments: what is wrong, with which value, what is allowed."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from telemetry.core.errors import InvalidError

P = ParamSpec("P")
R = TypeVar("R")


def whole(
    key: str, value: object, *, at_least: int = 1, at_most: int | None = None
) -> int:
    """*value*, if it is an integer in the range.

    Raises:
        InvalidError: It is not; a bool, a float and a numeral in text neither.
    """
    allowed = f"an integer of at least {at_least}"
    if at_most is not None:
        allowed = f"an integer from {at_least} to {at_most}"
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or value < at_least
        or (at_most is not None and value > at_most)
    ):
        raise InvalidError(f"`{key}` must be {allowed}, not {value!r}")
    return int(value)


def number(key: str, value: object, *, at_least: float, at_most: float) -> float:
    """*value*, if it is a finite number from *at_least* to *at_most*.

    Raises:
        InvalidError: It is not.
    """
    found = _finite(value)
    if found is None or not at_least <= found <= at_most:
        raise InvalidError(
            f"`{key}` must be a number from {at_least:g} to {at_most:g}, not {value!r}"
        )
    return found


def seconds(key: str, value: object, *, zero: bool = False) -> float:
    """*value*, if it is a finite time above zero; at least zero with *zero*.

    Raises:
        InvalidError: It is not.
    """
    found = _finite(value)
    if found is None or found < 0 or (found == 0 and not zero):
        bound = "of at least 0" if zero else "above 0"
        raise InvalidError(
            f"`{key}` must be a finite number of seconds {bound}, not {value!r}"
        )
    return found


def _finite(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def keywords_only(
    name: str, *, bound: int = 0
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse positional arguments, and with them a decorator without parentheses.

    Args:
        name: What the user typed.
        bound: Positional arguments that Python itself passes: 1 for a method.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if len(args) > bound:
                raise InvalidError(
                    f"`{name}` takes keyword arguments only and needs parentheses: "
                    f"`@{name}(...)`; it was given {args[bound]!r}"
                )
            return function(*args, **kwargs)

        return checked

    return decorate
