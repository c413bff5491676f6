"""``parameter()``: what tells one pool of a class from another."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, cast, overload

from telemetry.core.errors import InvalidError
from telemetry.runtime.checks import keywords_only

T = TypeVar("T")

Value = str | int | bool | bytes

_TYPES: Final[dict[str, type]] = {
    each.__name__: each for each in (str, int, bool, bytes)
}


class Required(enum.Enum):
    """The default of a parameter that has none; an enum stays one when pickled."""

    REQUIRED = enum.auto()


REQUIRED: Final = Required.REQUIRED


@dataclass(frozen=True, slots=True)
class Parameter:
    """What ``parameter()`` leaves in the class.

    Attributes:
        default: `REQUIRED` when a value must be given.
        init: Whether the constructor takes it.
    """

    default: object
    init: bool


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter with the type of its annotation."""

    type: type
    default: Value | Literal[Required.REQUIRED]
    init: bool


@overload
def parameter(*, default: T, init: bool = True) -> T: ...
@overload
def parameter(*, init: bool = True) -> Any: ...  # noqa: ANN401 - the annotation says it


@keywords_only("parameter")
def parameter(*, default: object = REQUIRED, init: bool = True) -> object:
    """An attribute of an ``@app.cls`` class, given when the class is instantiated.

    Each combination of values has its own pool of containers. The attribute's
    annotation is its type: `str`, `int`, `bool` or `bytes`.

    Args:
        default: Used when no value is given; without it a value is required.
        init: False keeps it out of the constructor: it has its default always.
    """
    if not init and default is REQUIRED:
        raise InvalidError(
            "`parameter(init=False)` needs a `default`: no constructor can give it one"
        )
    return Parameter(default, init)


def declared(user_class: type) -> dict[str, Declared]:
    """The parameters of a class by name, those of base classes first.

    Raises:
        InvalidError: A parameter has no annotation or one that is not supported,
            or stands beside an ``__init__`` of the user's own.
        TypeError: A default has another type than its annotation.
    """
    found: dict[str, Declared] = {}
    for klass in reversed(user_class.__mro__):
        annotations = inspect.get_annotations(klass)
        for name, value in klass.__dict__.items():
            if isinstance(value, Parameter):
                found[name] = _typed(f"{klass.__name__}.{name}", annotations, value)
            else:
                found.pop(name, None)
    if found and has_own_init(user_class):
        raise InvalidError(
            f"{user_class.__name__} has parameters ({', '.join(found)}) and an "
            "`__init__` of its own; do in an `@enter()` hook what `__init__` does"
        )
    return found


def bind(
    name: str, known: Mapping[str, Declared], args: tuple[object, ...], given: object
) -> dict[str, Value]:
    """All parameters of an instance: what was given, and defaults for the rest.

    Raises:
        InvalidError: Given by position, or missing.
        TypeError: Not a parameter, or a value of the wrong type.
    """
    if args:
        raise InvalidError(
            f"parameters of {name} are given by keyword, not by position: {args[0]!r}"
        )
    values = cast("dict[str, object]", given)
    open_to = [each for each, rule in known.items() if rule.init]
    for key in values:
        if key not in open_to:
            raise TypeError(
                f"{name}() got an unexpected keyword argument {key!r}; its parameters: "
                f"{', '.join(open_to) or 'none'}"
            )
    return {
        key: _value(f"{name}.{key}", rule.type, values.get(key, rule.default))
        for key, rule in known.items()
    }


def instantiate(user_class: type, parameters: Mapping[str, object]) -> object:
    """An instance of the user's class with these parameters, for a container.

    A class with parameters has no ``__init__`` of its own; any other is called
    as Python does, without arguments.
    """
    known = declared(user_class)
    if not known:
        return user_class()
    instance: object = object.__new__(user_class)
    for key, value in bind(user_class.__name__, known, (), dict(parameters)).items():
        setattr(instance, key, value)
    return instance


def has_own_init(user_class: type) -> bool:
    """Whether the class or a base of it defines ``__init__``."""
    return getattr(user_class, "__init__", None) is not object.__init__


def _typed(name: str, annotations: Mapping[str, object], value: Parameter) -> Declared:
    key = name.rpartition(".")[2]
    if key not in annotations:
        raise InvalidError(
            f"parameter {name} has no annotation; write `{key}: str = parameter(...)` "
            "with one of: str, int, bool, bytes"
        )
    annotation = annotations[key]
    # Under `from __future__ import annotations` the annotation is its text.
    if isinstance(annotation, str):
        found = _TYPES.get(annotation.strip())
    else:
        found = next((each for each in _TYPES.values() if each is annotation), None)
    if found is None:
        shown = annotation if isinstance(annotation, str) else _shown(annotation)
        raise InvalidError(
            f"parameter {name} has the type {shown}; allowed are str, int, bool, bytes"
        )
    if value.default is REQUIRED:
        return Declared(found, REQUIRED, value.init)
    return Declared(found, _value(name, found, value.default), value.init)


def _shown(annotation: object) -> str:
    return inspect.formatannotation(annotation)


def _value(name: str, expected: type, value: object) -> Value:
    if value is REQUIRED:
        raise InvalidError(f"parameter {name} has no default: give it a value")
    # Exactly the type: True is no number here, and a pool is known by its values.
    if type(value) is not expected:
        raise TypeError(
            f"parameter {name} must be {expected.__name__}, "
            f"not {type(value).__name__}: {value!r}"
        )
    return cast("Value", value)
