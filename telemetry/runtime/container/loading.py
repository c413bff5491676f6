"""From a `PoolSpec` to something that can be called, in the container."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from telemetry.core.errors import DeserializationError, InvalidError
from telemetry.runtime import declarations
from telemetry.runtime.container.jobs import Method
from telemetry.runtime.spec import Reference
from telemetry.runtime.wire import payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.runtime.spec import PoolSpec


class Loaded:
    """The user's code, ready to be entered.

    Attributes:
        methods: In the order of the spec.
        enter: Hooks to run before the first input, bound.
        exit: Hooks to run after the last one, bound.
    """

    def __init__(self, spec: PoolSpec) -> None:
        """Import or unpickle the code, and make the instance of a class.

        Raises:
            Exception: Whatever the user's module or constructor raised.
        """
        code = _code(spec)
        self.enter: list[Callable[[], Any]] = []
        self.exit: list[Callable[[], Any]] = []
        if spec.is_class:
            code = self._instance(spec, code)
        self.methods = [
            Method(
                name=each.name,
                full_name=spec.full_name(index),
                call=getattr(code, each.name) if spec.is_class else code,
                is_async=each.is_async,
                is_generator=each.is_generator,
            )
            for index, each in enumerate(spec.methods)
        ]

    @property
    def hooks_are_async(self) -> bool:
        """True when a hook needs the loop."""
        return any(inspect.iscoroutinefunction(h) for h in (*self.enter, *self.exit))

    def _instance(self, spec: PoolSpec, user_class: Any) -> Any:  # noqa: ANN401 - a user's class
        lifecycle = declarations.lifecycle(user_class)
        parameters = {} if spec.parameters is None else payload.loads(spec.parameters)
        instance = declarations.instantiate(user_class, parameters)
        self.enter = [getattr(instance, name) for name in lifecycle.enter]
        self.exit = [getattr(instance, name) for name in lifecycle.exit]
        return instance


def _code(spec: PoolSpec) -> Any:  # noqa: ANN401 - a user's function or class
    source = spec.code
    if not isinstance(source, Reference):
        try:
            return payload.loads(source.data)
        except Exception as error:
            raise DeserializationError(
                f"the code of {spec.function!r} cannot be loaded in a container: "
                f"{type(error).__name__}: {error}"
            ) from error
    found: Any = importlib.import_module(source.module)
    for name in source.qualname.split("."):
        found = getattr(found, name)
    raw = getattr(found, "raw", found)
    if not callable(raw):
        raise InvalidError(
            f"{source.module}.{source.qualname} is a {type(raw).__name__} in the "
            "container, not a function; is it defined only when run as a script?"
        )
    return raw
