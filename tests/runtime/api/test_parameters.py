# No `from __future__ import annotations` here: annotations are types in this file
# and texts in the others, and both must do.
from typing import Any, ClassVar

import pytest

from telemetry.core.errors import InvalidError
from telemetry.runtime import App, Obj, method, parameter
from telemetry.runtime.declarations import instantiate


class Model:
    name: str = parameter()
    size: int = parameter(default=3)
    flag: bool = parameter(default=False)
    key: bytes = parameter(default=b"")
    fixed: int = parameter(default=7, init=False)

    @method()
    def get(self) -> str:
        return self.name


handle: Any = App("parameters").cls()(Model)


def test_attributes_of_an_instance() -> None:
    """Given values and defaults can be read from outside."""
    made = handle(name="x", flag=True)

    assert isinstance(made, Obj)
    assert (made.name, made.size, made.flag, made.fixed) == ("x", 3, True, 7)


@pytest.mark.parametrize(
    ("args", "given", "error", "match"),
    [
        (("x",), {}, InvalidError, "by keyword, not by position: 'x'"),
        ((), {}, InvalidError, "Model.name has no default"),
        ((), {"name": "x", "nme": 1}, TypeError, "'nme'; its parameters: name, size"),
        ((), {"name": "x", "fixed": 1}, TypeError, "'fixed'"),
        ((), {"name": 1}, TypeError, "Model.name must be str, not int: 1"),
        ((), {"name": None}, TypeError, "must be str, not NoneType"),
        ((), {"name": "x", "size": True}, TypeError, "must be int, not bool"),
        ((), {"name": "x", "size": 3.0}, TypeError, "must be int, not float"),
        ((), {"name": "x", "flag": 1}, TypeError, "must be bool, not int"),
        ((), {"name": "x", "key": "k"}, TypeError, "must be bytes, not str"),
    ],
)
def test_construction(
    args: Any, given: dict[str, Any], error: type[Exception], match: str
) -> None:
    """Parameters are checked where the instance is made."""
    with pytest.raises(error, match=match):
        handle(*args, **given)


def declare(annotations: dict[str, Any], /, **attributes: Any) -> None:
    """Declare a class with these parameters."""
    App("wrong").cls()(
        type("Wrong", (), {"__annotations__": annotations, **attributes})
    )


@pytest.mark.parametrize("annotation", [float, list, "float", "Optional[str]", None])
def test_unsupported_type(annotation: Any) -> None:
    """Four types can tell pools apart."""
    with pytest.raises(InvalidError, match="allowed are str, int, bool, bytes"):
        declare({"x": annotation}, x=parameter())


def test_no_annotation() -> None:
    """A parameter says its type."""
    with pytest.raises(InvalidError, match=r"Wrong.x has no annotation"):
        declare({}, x=parameter())


def test_default_of_another_type() -> None:
    """A default is of the parameter's type."""
    with pytest.raises(TypeError, match="must be int, not str: '3'"):
        declare({"x": int}, x=parameter(default="3"))


def test_own_init_beside_parameters() -> None:
    """Parameters are the constructor."""
    with pytest.raises(InvalidError, match="an `__init__` of its own"):
        declare({"x": int}, x=parameter(default=1), __init__=lambda self: None)


def test_init_with_arguments() -> None:
    """A container has no arguments to give."""
    with pytest.raises(InvalidError, match="needs the arguments size"):
        declare({}, __init__=lambda self, size: None)


def test_parameter_by_position() -> None:
    """`parameter` takes keywords alone."""
    with pytest.raises(InvalidError, match="`parameter` takes keyword arguments"):
        parameter("small")  # type: ignore[call-overload]  # the mistake


def test_fixed_without_a_default() -> None:
    """What no constructor takes needs a default."""
    with pytest.raises(InvalidError, match=r"`parameter\(init=False\)` needs"):
        parameter(init=False)


def test_instantiate_with_parameters() -> None:
    """A container's instance has its parameters as attributes."""
    made: Any = instantiate(Model, {"name": "x", "size": 4})

    assert (made.name, made.size, made.fixed) == ("x", 4, 7)


def test_instantiate_with_an_init() -> None:
    """A class without parameters is made as Python does."""

    class Plain:
        made: ClassVar[list[int]] = []

        def __init__(self) -> None:
            self.made.append(1)

    assert isinstance(instantiate(Plain, {}), Plain)
    assert Plain.made == [1]


def test_override_of_a_parameter() -> None:
    """A derived class may fix what its base lets the user choose."""

    class Fixed(Model):
        name = "fixed"

    made: Any = instantiate(Fixed, {"size": 4})
    assert (made.name, made.size) == ("fixed", 4)
